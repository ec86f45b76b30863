// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @pack_c1(%x: tensor<4x3xf32, #lathe.packed<columns = 32, depth = 1>>) {
  // expected-error @below {{expects an input that is not packed}}
  %y = lathe.pack %x : tensor<4x3xf32, #lathe.packed<columns = 32, depth = 1>> -> tensor<4x3xf32, #lathe.packed<columns = 32, depth = 1>>
  return
}

// -----

func.func @pack_c2(%x: tensor<4x3xf32>) {
  // expected-error @below {{expects a packed result of the input's shape}}
  %y = lathe.pack %x : tensor<4x3xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @pack_c2_shape(%x: tensor<4x3xf32>) {
  // expected-error @below {{expects a packed result of the input's shape}}
  %y = lathe.pack %x : tensor<4x3xf32> -> tensor<3x4xf32, #lathe.packed<columns = 32, depth = 1>>
  return
}
