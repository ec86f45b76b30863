// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @activation_c1(%x: tensor<7x8xf32>) {
  // expected-error @below {{failed to verify that all of}}
  %y = "lathe.activation"(%x) {kind = #lathe<activation_kind relu>} : (tensor<7x8xf32>) -> tensor<7x9xf32>
  return
}
