// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @rows(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x64xf32, #lathe.dims<"tokens">>
// CHECK:         lathe.quantize %[[X]] to <quantum = si8, group = 32, scale = f32>
// CHECK-SAME:    -> tensor<?x64xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 32, scale = f32>>>
func.func @rows(%x: tensor<?x64xf32, #lathe.dims<"tokens">>) {
  %q = lathe.quantize %x to <quantum = si8, group = 32, scale = f32>
      : tensor<?x64xf32, #lathe.dims<"tokens">>
        -> tensor<?x64xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 32, scale = f32>>>
  return
}

// The numbers alone, and narrow rows of a fixed count.

// CHECK-LABEL: func @numbers(
// CHECK:         lathe.quantize %{{.*}} to <quantum = si8, group = 77, scale = f32> : tensor<4x77xbf16> -> tensor<4x77xf32>
func.func @numbers(%x: tensor<4x77xbf16>) {
  %q = lathe.quantize %x to <quantum = si8, group = 77, scale = f32> : tensor<4x77xbf16> -> tensor<4x77xf32>
  return
}

// A parameter: four bits without a sign.

lathe.parameter @w : tensor<4x64xbf16> from "model.safetensors" key "w"

// CHECK-LABEL: lathe.derived @w.q4
// CHECK:         lathe.quantize %{{.*}} to <quantum = ui4, group = 32, scale = f16, zero = 8>
lathe.derived @w.q4 : tensor<4x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>> {
  %0 = lathe.get @w : tensor<4x64xbf16>
  %1 = lathe.quantize %0 to <quantum = ui4, group = 32, scale = f16, zero = 8>
      : tensor<4x64xbf16> -> tensor<4x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>
  lathe.yield %1 : tensor<4x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>
}
