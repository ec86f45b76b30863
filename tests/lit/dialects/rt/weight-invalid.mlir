// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects bytes to be a map of no dimensions to one size, got 0 dimensions and 2 results}}
rt.weight @weight_c1 : tensor<64xf32> bytes affine_map<() -> (256, 256)>

// -----

// expected-error @below {{expects an element type of the artifact's schema, got 'index'}}
rt.weight @weight_c2 : tensor<64xindex> bytes affine_map<() -> (256)>
