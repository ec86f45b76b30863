// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @argmax_c1(%x: tensor<7x8xf32>) {
  // expected-error @below {{expects a result of one element a token}}
  %y = lathe.argmax %x : tensor<7x8xf32> -> tensor<8xi32>
  return
}

// -----

func.func @argmax_c2(%x: tensor<7x0xf32>) {
  // expected-error @below {{expects a static row of one element or more}}
  %y = lathe.argmax %x : tensor<7x0xf32> -> tensor<7xi32>
  return
}

// -----

func.func @argmax_c3_columns(%x: tensor<7x8xf32>, %p: tensor<7x9xi32>) {
  // expected-error @below {{expects places of the shape of the input}}
  %y = lathe.argmax %x of %p : tensor<7x8xf32>, tensor<7x9xi32> -> tensor<7xi32>
  return
}

// -----

func.func @argmax_c3_rows(%x: tensor<7x8xf32>, %p: tensor<6x8xi32>) {
  // expected-error @below {{expects places of the shape of the input}}
  %y = lathe.argmax %x of %p : tensor<7x8xf32>, tensor<6x8xi32> -> tensor<7xi32>
  return
}
