// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @reshape(
// CHECK-SAME:    %[[W:[a-z0-9]+]]: tensor<8x4xf32>
// CHECK:         lathe.reshape %[[W]]
func.func @reshape(%w: tensor<8x4xf32>) {
  %h = lathe.reshape %w : tensor<8x4xf32> -> tensor<2x4x4xf32>
  return
}
