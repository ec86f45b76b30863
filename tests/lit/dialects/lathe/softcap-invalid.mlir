// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @softcap_c1(%x: tensor<7x8xf32>) {
  // expected-error @below {{failed to verify that all of}}
  %y = "lathe.softcap"(%x) {cap = 1.0 : f32} : (tensor<7x8xf32>) -> tensor<7x9xf32>
  return
}

// -----

func.func @softcap_c2(%x: tensor<7x8xf32>) {
  // expected-error @below {{expects a finite cap > 0}}
  %y = lathe.softcap %x cap -1.0 : tensor<7x8xf32>
  return
}
