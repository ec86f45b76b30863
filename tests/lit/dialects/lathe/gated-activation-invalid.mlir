// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @gated_activation_c1(%x: tensor<7x8xf32>) {
  // expected-error @below {{expects a result of half the input's columns}}
  %y = lathe.gated_activation silu %x : tensor<7x8xf32> -> tensor<7x8xf32>
  return
}

// -----

func.func @gated_activation_c2(%x: tensor<7x8xf32>) {
  // expected-error @below {{expects a result of the input's element type}}
  %y = lathe.gated_activation silu %x : tensor<7x8xf32> -> tensor<7x4xbf16>
  return
}
