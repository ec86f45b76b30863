// RUN: lathe-opt %s --split-input-file --verify-diagnostics

rt.kernel @cost_c1 scalars [] {
  // expected-error @below {{expects flops to be a map of no dimensions to one size, got 0 dimensions and 2 results}}
  rt.cost flops affine_map<() -> (1, 2)> reads [] writes []
}

// -----

rt.kernel @cost_c1 scalars [] {
  // expected-error @below {{expects writes to be a map of no dimensions to one size, got 0 dimensions and 2 results}}
  rt.cost flops affine_map<() -> (0)> reads [affine_map<() -> (0)>] writes [affine_map<() -> (1, 2)>]
}

// -----

rt.kernel @cost_c1 scalars [] {
  // expected-error @below {{expects reads to be a map of no dimensions to one size, got 1 dimensions and 1 results}}
  rt.cost flops affine_map<() -> (0)> reads [affine_map<(d0) -> (d0)>] writes [affine_map<() -> (0)>]
}

// -----

rt.kernel @cost_c2 scalars [] {
  // expected-error @below {{expects as many reads as writes, got 1 and 0}}
  rt.cost flops affine_map<() -> (0)> reads [affine_map<() -> (0)>] writes []
}

// -----

rt.kernel @cost_c3 scalars [] {
  // expected-error @below {{expects pairs of operands below 1, got 1}}
  rt.cost flops affine_map<() -> (0)> reads [affine_map<() -> (0)>] writes [affine_map<() -> (0)>] pairs [#rt.pairs<causal, sequences = 1, flops = 1>]
}

// -----

rt.kernel @cost_c3 scalars [] {
  // expected-error @below {{expects pairs of operands below 1, got -1}}
  rt.cost flops affine_map<() -> (0)> reads [affine_map<() -> (0)>] writes [affine_map<() -> (0)>] pairs [#rt.pairs<cached, sequences = 0, flops = 1, keys = -1>]
}

// -----

rt.kernel @cost_c3 scalars [] {
  // expected-error @below {{expects pairs of numbers >= 0, got -1}}
  rt.cost flops affine_map<() -> (0)> reads [affine_map<() -> (0)>] writes [affine_map<() -> (0)>] pairs [#rt.pairs<causal, sequences = 0, flops = -1>]
}
