// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @pack(
// CHECK-SAME:    %[[W:[a-z0-9]+]]: tensor<8x4xf32>
// CHECK:         lathe.pack %[[W]]
func.func @pack(%w: tensor<8x4xf32>) {
  %p = lathe.pack %w : tensor<8x4xf32> -> tensor<8x4xf32, #lathe.packed<columns = 32, depth = 1>>
  return
}

// CHECK-LABEL: @quantised
// CHECK: lathe.pack %{{.*}} : tensor<4x32xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16>> -> tensor<4x32xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui4, group = 32, scale = f16>>>
func.func @quantised(%w: tensor<4x32xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16>>) {
  %p = lathe.pack %w : tensor<4x32xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16>>
      -> tensor<4x32xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui4, group = 32, scale = f16>>>
  return
}
