// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @rope_table_c1() {
  // expected-error @below {{expects a result of two columns for each of the 2 frequencies}}
  %t = lathe.rope_table [1.0, 0.01] scale 1.0 : tensor<512x3xf32>
  return
}

// -----

func.func @rope_table_c2() {
  // expected-error @below {{expects a finite scale > 0}}
  %t = lathe.rope_table [1.0] scale 0.0 : tensor<512x2xf32>
  return
}
