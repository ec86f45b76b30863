// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

lathe.state @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">>

// CHECK-LABEL: func @set_state
// CHECK-SAME:    %[[NEW:.*]]: tensor
// CHECK:         lathe.set_state %[[NEW]], @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">>
func.func @set_state(%new: tensor<?x4x8x32xf32, #lathe.dims<"pages">>) {
  lathe.set_state %new, @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">>
  return
}
