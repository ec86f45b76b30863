// RUN: lathe-opt %s --split-input-file --verify-diagnostics --lathe-verify-stage=stage=rt

rt.symbol @tokens in [1, 2]
module @weights {
  lathe.parameter @w : tensor<4xf32> from "w.safetensors" key "w"
}
// expected-error @below {{expects no 'lathe.symbol' at this place after stage rt}}
lathe.symbol @left in [1, 2]
