// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @slice_c1(%x: tensor<4xf32>) {
  // expected-error @below {{expects a dimension below 1, got -1}}
  %y = lathe.slice %x along -1 [0, 2] : tensor<4xf32> -> tensor<2xf32>
  return
}

// -----

func.func @slice_c2(%x: tensor<4xf32>) {
  // expected-error @below {{expects a range within [0, 4), got [2, 5)}}
  %y = lathe.slice %x along 0 [2, 5] : tensor<4xf32> -> tensor<3xf32>
  return
}

// -----

func.func @slice_c2_empty(%x: tensor<4xf32>) {
  // expected-error @below {{expects a range within [0, 4), got [2, 2)}}
  %y = lathe.slice %x along 0 [2, 2] : tensor<4xf32> -> tensor<0xf32>
  return
}

// -----

func.func @slice_c3(%x: tensor<4xf32>) {
  // expected-error @below {{expects a result of 'tensor<2xf32>'}}
  %y = lathe.slice %x along 0 [2, 4] : tensor<4xf32> -> tensor<3xf32>
  return
}

// -----

func.func @slice_c4(%w: tensor<8x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>) {
  // expected-error @below {{expects the rows of a quantised input to stay whole}}
  %0 = lathe.slice %w along 1 [0, 32] : tensor<8x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>> -> tensor<8x32xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>
  return
}
