// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects a static shape, got 'tensor<?x2xf32, #lathe.dims<"tokens">>'}}
lathe.derived @derived_c1 : tensor<?x2xf32, #lathe.dims<"tokens">> {
  %0 = lathe.rope_table [1.0] scale 1.0 : tensor<4x2xf32>
  lathe.yield %0 : tensor<4x2xf32>
}

// -----

// expected-error @below {{expects only weight transforms in its body, got lathe.softcap}}
lathe.derived @derived_c2 : tensor<4x2xf32> {
  %0 = lathe.rope_table [1.0] scale 1.0 : tensor<4x2xf32>
  // expected-note @below {{not a weight transform}}
  %1 = lathe.softcap %0 cap 1.0 : tensor<4x2xf32>
  lathe.yield %1 : tensor<4x2xf32>
}

// -----

// expected-error @below {{expects its body to yield one value of 'tensor<2x4xf32>'}}
lathe.derived @derived_c3 : tensor<2x4xf32> {
  %0 = lathe.rope_table [1.0] scale 1.0 : tensor<4x2xf32>
  lathe.yield %0 : tensor<4x2xf32>
}

// -----

// expected-error @below {{expects its body to yield one value}}
lathe.derived @derived_c3_nothing : tensor<2x4xf32> {
  lathe.yield
}
