// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK: lathe.state @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">>
lathe.state @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">>
// CHECK: lathe.state @count : tensor<1xi32>
lathe.state @count : tensor<1xi32>
