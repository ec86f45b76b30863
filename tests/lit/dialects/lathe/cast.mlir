// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @cast(
// CHECK-SAME:    %[[W:[a-z0-9]+]]: tensor<8x4xf32>
// CHECK:         lathe.cast %[[W]]
func.func @cast(%w: tensor<8x4xf32>) {
  %n = lathe.cast %w : tensor<8x4xf32> -> tensor<8x4xbf16>
  return
}

// CHECK-LABEL: func @dynamic(
// CHECK:         lathe.cast %{{.*}} : tensor<?x4xbf16, #lathe.dims<"tokens">> -> tensor<?x4xf32, #lathe.dims<"tokens">>
func.func @dynamic(%x: tensor<?x4xbf16, #lathe.dims<"tokens">>) {
  %y = lathe.cast %x : tensor<?x4xbf16, #lathe.dims<"tokens">> -> tensor<?x4xf32, #lathe.dims<"tokens">>
  return
}

// Quantised values are computed, and rounded where the result is narrower.

// CHECK-LABEL: lathe.derived @quantised
// CHECK:         lathe.cast %{{.*}} : tensor<4x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>> -> tensor<4x64xbf16>
lathe.parameter @w : tensor<4x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>> from "m.gguf" key "w"
lathe.derived @quantised : tensor<4x64xbf16> {
  %0 = lathe.get @w : tensor<4x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>
  %1 = lathe.cast %0 : tensor<4x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>> -> tensor<4x64xbf16>
  lathe.yield %1 : tensor<4x64xbf16>
}
