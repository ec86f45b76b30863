// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @reshape_c1(%x: tensor<4x3xf32>) {
  // expected-error @below {{expects a result of as many elements as the input}}
  %y = lathe.reshape %x : tensor<4x3xf32> -> tensor<13xf32>
  return
}

// -----

func.func @reshape_c2(%x: tensor<4x3xf32>) {
  // expected-error @below {{expects a result of 'tensor<12xf32>'}}
  %y = lathe.reshape %x : tensor<4x3xf32> -> tensor<12xbf16>
  return
}

// -----

func.func @reshape_c3(%w: tensor<8x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>) {
  // expected-error @below {{expects the rows of a quantised input to stay whole}}
  %0 = lathe.reshape %w : tensor<8x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>> -> tensor<16x32xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>
  return
}
