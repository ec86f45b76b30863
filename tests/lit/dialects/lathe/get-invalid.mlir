// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @get_c1() {
  // expected-error @below {{expects the name of a parameter or derived parameter, got 'missing'}}
  %w = lathe.get @missing : tensor<64xf32>
  return
}

// -----

lathe.state @keys : tensor<64xf32>
func.func @get_c1_state() {
  // expected-error @below {{expects the name of a parameter or derived parameter, got 'keys'}}
  %w = lathe.get @keys : tensor<64xf32>
  return
}

// -----

// expected-note @below {{declared here}}
lathe.parameter @norm : tensor<64xf32> from "model.safetensors" key "norm"
func.func @get_c2() {
  // expected-error @below {{expects the declared type 'tensor<64xf32>', got 'tensor<63xf32>'}}
  %w = lathe.get @norm : tensor<63xf32>
  return
}
