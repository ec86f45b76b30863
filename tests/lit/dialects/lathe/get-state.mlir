// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

lathe.state @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">>

// CHECK-LABEL: func @get_state
// CHECK:         lathe.get_state @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">>
func.func @get_state() -> tensor<?x4x8x32xf32, #lathe.dims<"pages">> {
  %k = lathe.get_state @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">>
  return %k : tensor<?x4x8x32xf32, #lathe.dims<"pages">>
}
