// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects a static shape, got 'tensor<?xf32, #lathe.dims<"tokens">>'}}
lathe.parameter @parameter_c1 : tensor<?xf32, #lathe.dims<"tokens">> from "model.safetensors" key "w"

// -----

// expected-error @below {{expects a file relative to the module, got '/etc/passwd'}}
lathe.parameter @parameter_c2 : tensor<4xf32> from "/etc/passwd" key "w"

// -----

// expected-error @below {{expects a key that is not empty}}
lathe.parameter @parameter_c3 : tensor<4xf32> from "model.safetensors" key ""
