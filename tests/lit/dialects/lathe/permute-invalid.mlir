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
