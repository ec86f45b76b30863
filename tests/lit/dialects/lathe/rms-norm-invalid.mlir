// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @rms_norm_c1(%x: tensor<7x8xf32>, %w: tensor<8xf32>) {
  // expected-error @below {{failed to verify that all of}}
  %y = "lathe.rms_norm"(%x, %w) {epsilon = 1.0 : f32} : (tensor<7x8xf32>, tensor<8xf32>) -> tensor<7x9xf32>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<7x8xf32>, %w: tensor<7xf32>) {
  // expected-error @below {{expects a weight of 8 elements, the last dimension of the input, got 7}}
  %y = lathe.rms_norm %x, %w eps 1.0 : tensor<7x8xf32>, tensor<7xf32>
  return
}

// -----

func.func @rms_norm_c2_dynamic(%x: tensor<7x?xf32, #lathe.dims<"tokens">>, %w: tensor<7xf32>) {
  // expected-error @below {{expects a static last dimension}}
  %y = lathe.rms_norm %x, %w eps 1.0 : tensor<7x?xf32, #lathe.dims<"tokens">>, tensor<7xf32>
  return
}

// -----

func.func @rms_norm_c3(%x: tensor<7x8xf32>, %w: tensor<8xf32>) {
  // expected-error @below {{expects a finite epsilon > 0}}
  %y = lathe.rms_norm %x, %w eps 0.0 : tensor<7x8xf32>, tensor<8xf32>
  return
}

// -----

func.func @rms_norm_c3_infinite(%x: tensor<7x8xf32>, %w: tensor<8xf32>) {
  // expected-error @below {{expects a finite epsilon > 0}}
  %y = lathe.rms_norm %x, %w eps 0x7F800000 : tensor<7x8xf32>, tensor<8xf32>
  return
}
