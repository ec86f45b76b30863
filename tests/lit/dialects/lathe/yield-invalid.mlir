// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @yield_c1(%x: tensor<4xf32>) {
  // expected-error @below {{expects parent op 'lathe.derived'}}
  lathe.yield %x : tensor<4xf32>
}
