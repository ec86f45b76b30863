// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

rt.kernel @linear scalars [@tokens] {
  // CHECK: rt.cost flops #{{.*}} reads [#{{.*}}, #{{.*}}, #{{.*}}] writes [#{{.*}}, #{{.*}}, #{{.*}}]
  rt.cost flops affine_map<()[s0] -> (s0 * 8192)>
    reads [affine_map<()[s0] -> (s0 * 256)>, affine_map<()[s0] -> (16384)>, affine_map<()[s0] -> (0)>]
    writes [affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (s0 * 256)>]
}

// What the multiply-adds take; f32 is not printed.

rt.kernel @narrow scalars [] {
  // CHECK: rt.cost flops #{{.*}} in bf16 reads [] writes []
  rt.cost flops affine_map<() -> (8)> in bf16 reads [] writes []
}
rt.kernel @integers scalars [] {
  // CHECK: rt.cost flops #{{.*}} in bytes reads [] writes []
  rt.cost flops affine_map<() -> (8)> in bytes reads [] writes []
}
rt.kernel @floats scalars [] {
  // CHECK: rt.cost flops #{{[a-z0-9]*}} reads [] writes []
  rt.cost flops affine_map<() -> (8)> in f32 reads [] writes []
}

rt.kernel @attention scalars [] {
  // CHECK: pairs [#rt.pairs<cached, sequences = 2, flops = 74, window = 4, positions = 1, keys = 3, values = 4, key_bytes = 32, value_bytes = 64>, #rt.pairs<causal, sequences = 2, flops = 74>]
  rt.cost flops affine_map<() -> (0)>
    reads [affine_map<() -> (8, 9)>, affine_map<() -> (0)>, affine_map<() -> (0)>, affine_map<() -> (0)>, affine_map<() -> (0)>]
    writes [affine_map<() -> (0)>, affine_map<() -> (0)>, affine_map<() -> (0)>, affine_map<() -> (0)>, affine_map<() -> (0)>]
    pairs [#rt.pairs<cached, sequences = 2, flops = 74, window = 4, positions = 1, keys = 3, values = 4, key_bytes = 32, value_bytes = 64>,
           #rt.pairs<causal, sequences = 2, flops = 74>]
}
