// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @pool_c1(%x: tensor<7x8xf32>, %s: tensor<6xi32>) {
  // expected-error @below {{expects sequences of one element a token}}
  %y = lathe.pool mean %x by %s : tensor<7x8xf32>, tensor<6xi32> -> tensor<2x8xf32>
  return
}

// -----

func.func @pool_c2(%x: tensor<7x8xf32>, %s: tensor<7xi32>) {
  // expected-error @below {{expects rows of the input's type}}
  %y = lathe.pool mean %x by %s : tensor<7x8xf32>, tensor<7xi32> -> tensor<2x9xf32>
  return
}
