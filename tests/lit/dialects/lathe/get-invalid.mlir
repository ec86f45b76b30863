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

// -----

lathe.parameter @w : tensor<4x64xf32, #lathe.quant<quantum = si8, group = 32, scale = f16>> from "m.gguf" key "w"
func.func @get_c3() {
  // expected-error @below {{expects a quantised parameter to be read by a lathe.derived only}}
  %w = lathe.get @w : tensor<4x64xf32, #lathe.quant<quantum = si8, group = 32, scale = f16>>
  return
}
