// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @l2_normalize_c1(%x: tensor<7x8xf32>) {
  // expected-error @below {{failed to verify that all of}}
  %y = "lathe.l2_normalize"(%x) {epsilon = 1.0 : f32} : (tensor<7x8xf32>) -> tensor<7x9xf32>
  return
}

// -----

func.func @l2_normalize_c2(%x: tensor<7x?xf32, #lathe.dims<"tokens">>) {
  // expected-error @below {{expects a static last dimension}}
  %y = lathe.l2_normalize %x eps 1.0 : tensor<7x?xf32, #lathe.dims<"tokens">>
  return
}

// -----

func.func @l2_normalize_c3(%x: tensor<7x8xf32>) {
  // expected-error @below {{expects a finite epsilon > 0}}
  %y = lathe.l2_normalize %x eps 0.0 : tensor<7x8xf32>
  return
}
