// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @permute_c1(%x: tensor<4x3xf32>) {
  // expected-error @below {{expects an order that names each of the 2 dimensions once}}
  %y = lathe.permute %x order [0, 0] : tensor<4x3xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @permute_c1_short(%x: tensor<4x3xf32>) {
  // expected-error @below {{expects an order that names each of the 2 dimensions once}}
  %y = lathe.permute %x order [0] : tensor<4x3xf32> -> tensor<4xf32>
  return
}

// -----

func.func @permute_c2(%x: tensor<4x3xf32>) {
  // expected-error @below {{expects a result of 'tensor<3x4xf32>'}}
  %y = lathe.permute %x order [1, 0] : tensor<4x3xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @permute_c3(%w: tensor<8x32xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>) {
  // expected-error @below {{expects the rows of a quantised input to stay whole}}
  %0 = lathe.permute %w order [1, 0] : tensor<8x32xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>> -> tensor<32x8xf32>
  return
}
