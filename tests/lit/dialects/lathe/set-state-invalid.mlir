// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @set_state_c1(%x: tensor<64xf32>) {
  // expected-error @below {{expects the name of a state, got 'missing'}}
  lathe.set_state %x, @missing : tensor<64xf32>
  return
}

// -----

// expected-note @below {{declared here}}
lathe.state @keys : tensor<64xf32>
func.func @set_state_c2(%x: tensor<63xf32>) {
  // expected-error @below {{expects the declared type 'tensor<64xf32>', got 'tensor<63xf32>'}}
  lathe.set_state %x, @keys : tensor<63xf32>
  return
}
