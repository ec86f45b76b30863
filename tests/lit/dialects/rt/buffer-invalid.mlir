// RUN: lathe-opt %s --split-input-file --verify-diagnostics

rt.entry @buffer_c2 {
  // expected-error @below {{expects an element type of the artifact's schema, got 'i1'}}
  rt.buffer temporary @y : tensor<2xi1> bytes affine_map<() -> (2)>
}
