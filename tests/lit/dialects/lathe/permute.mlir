// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @permute(
// CHECK-SAME:    %[[W:[a-z0-9]+]]: tensor<8x4xf32>
// CHECK:         lathe.permute %[[W]] order [1, 0]
func.func @permute(%w: tensor<8x4xf32>) {
  %t = lathe.permute %w order [1, 0] : tensor<8x4xf32> -> tensor<4x8xf32>
  return
}
