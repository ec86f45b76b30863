// RUN: lathe-opt %s --split-input-file --verify-diagnostics

rt.target @x
rt.kernel @kernel_c1 scalars [] {
  rt.code @x tiles affine_map<() -> (1)> scratch 0
  // expected-error @below {{stands in a kernel, which holds one rt.code a target and at most one rt.cost}}
  rt.code @x tiles affine_map<() -> (1)> scratch 0
}

// -----

rt.kernel @kernel_c1 scalars [] {
  rt.cost flops affine_map<() -> (1)> reads [] writes []
  // expected-error @below {{stands in a kernel, which holds one rt.code a target and at most one rt.cost}}
  rt.cost flops affine_map<() -> (1)> reads [] writes []
}
