// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @l2_normalize(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<4x384xf32>
// CHECK:         lathe.l2_normalize %[[X]] eps 9.99999996E-13
func.func @l2_normalize(%x: tensor<4x384xf32>) {
  %y = lathe.l2_normalize %x eps 1.0e-12 : tensor<4x384xf32>
  return
}
