// RUN: lathe-opt %s --split-input-file --verify-diagnostics

lathe.parameter @norm : tensor<64xf32> from "model.safetensors" key "norm"
func.func @get_state_c1() {
  // expected-error @below {{expects the name of a state, got 'norm'}}
  %k = lathe.get_state @norm : tensor<64xf32>
  return
}

// -----

// expected-note @below {{declared here}}
lathe.state @keys : tensor<64xf32>
func.func @get_state_c2() {
  // expected-error @below {{expects the declared type 'tensor<64xf32>', got 'tensor<64xbf16>'}}
  %k = lathe.get_state @keys : tensor<64xbf16>
  return
}
