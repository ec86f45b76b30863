// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @concat(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<8x4xf32>
// CHECK-SAME:    %[[K:[a-z0-9]+]]: tensor<2x4xf32>
// CHECK:         lathe.concat %[[Q]], %[[K]] along 0
func.func @concat(%q: tensor<8x4xf32>, %k: tensor<2x4xf32>) {
  %qkv = lathe.concat %q, %k along 0 : (tensor<8x4xf32>, tensor<2x4xf32>) -> tensor<10x4xf32>
  return
}
