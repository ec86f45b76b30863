// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @cast_c1(%x: tensor<4x3xf32>) {
  // expected-error @below {{expects a result of the shape of the input}}
  %y = lathe.cast %x : tensor<4x3xf32> -> tensor<12xbf16>
  return
}

// -----

func.func @cast_c1_quantised(%x: tensor<4x64xf32>) {
  // expected-error @below {{expects a result of the shape of the input}}
  %y = lathe.cast %x : tensor<4x64xf32> -> tensor<4x64xf32, #lathe.quant<quantum = si8, group = 32, scale = f16>>
  return
}
