// RUN: lathe-opt %s --split-input-file --verify-diagnostics

rt.target @x
rt.kernel @code_c1 scalars [] {
  // expected-error @below {{expects tiles to be a map of no dimensions to one size, got 1 dimensions and 1 results}}
  rt.code @x tiles affine_map<(d0) -> (d0)> scratch 0
}

// -----

rt.target @x
rt.kernel @code_c2 scalars [] {
  // expected-error @below {{expects scratch bytes >= 0, got -1}}
  rt.code @x tiles affine_map<() -> (1)> scratch -1
}

// -----

rt.kernel @code_c3 scalars [] {
  // expected-error @below {{names @x, which is no rt.target}}
  rt.code @x tiles affine_map<() -> (1)> scratch 0
}
