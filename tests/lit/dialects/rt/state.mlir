// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

rt.symbol @pages in [1, 8] fixed_at_load
// CHECK: rt.state @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">> bytes #
rt.state @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">> bytes affine_map<()[s0] -> (s0 * 4096)>
