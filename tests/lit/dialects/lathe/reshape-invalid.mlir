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
