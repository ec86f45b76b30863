// RUN: lathe-opt %s --split-input-file --lathe-plan-memory | FileCheck %s

// A chain of three: the first and the third share memory. The peak is two of
// them; there is a plan for each bound that the range reaches.

// CHECK-DAG: #[[PEAK:.*]] = affine_map<()[s0] -> (s0 * 512)>
// CHECK: rt.entry @chain peak #[[PEAK]]
// CHECK: rt.plan bounds [16] arena 8192 live 8192 offsets [0, [[A:[0-9]+]], {{[0-9]+}}, [[A]], 0]
// CHECK: rt.plan bounds [100] arena 51200 live 51200
// CHECK-NOT: rt.plan
rt.symbol @tokens in [1, 100]
rt.kernel @k scalars [@tokens] {}
rt.entry @chain {
  rt.buffer input @x : tensor<?x64xf32, #lathe.dims<"tokens">> bytes affine_map<()[s0] -> (s0 * 256)>
  rt.buffer temporary @a : tensor<?x64xf32, #lathe.dims<"tokens">> bytes affine_map<()[s0] -> (s0 * 256)>
  rt.buffer temporary @b : tensor<?x64xf32, #lathe.dims<"tokens">> bytes affine_map<()[s0] -> (s0 * 256)>
  rt.buffer temporary @c : tensor<?x64xf32, #lathe.dims<"tokens">> bytes affine_map<()[s0] -> (s0 * 256)>
  rt.buffer output @y : tensor<?x64xf32, #lathe.dims<"tokens">> bytes affine_map<()[s0] -> (s0 * 256)>
  rt.launch "a" [#rt.variant<@k for @tokens to 100>] ([@x, @a])
  rt.launch "b" [#rt.variant<@k for @tokens to 100>] ([@a, @b])
  rt.launch "c" [#rt.variant<@k for @tokens to 100>] ([@b, @c])
  rt.launch "y" [#rt.variant<@k for @tokens to 100>] ([@c, @y])
}

// -----

// A value that is read late keeps its place; symbols fixed at load stand at
// their maximum in every plan.

// CHECK: rt.entry @late
// CHECK: rt.plan bounds [16, 8] arena 192 live 192 offsets [0, {{.*}}]
// CHECK: rt.plan bounds [64, 8] arena 768 live 768 offsets
rt.symbol @tokens in [1, 64]
rt.symbol @pages in [1, 8] fixed_at_load
rt.kernel @k scalars [@tokens] {}
rt.entry @late {
  rt.buffer temporary @a : tensor<?xf32, #lathe.dims<"tokens">> bytes affine_map<()[s0, s1] -> (s0 * 4)>
  rt.buffer temporary @b : tensor<?xf32, #lathe.dims<"tokens">> bytes affine_map<()[s0, s1] -> (s0 * 4)>
  rt.buffer temporary @c : tensor<?xf32, #lathe.dims<"tokens">> bytes affine_map<()[s0, s1] -> (s0 * 4)>
  rt.launch "a" [#rt.variant<@k for @tokens to 64>] ([@a])
  rt.launch "b" [#rt.variant<@k for @tokens to 64>] ([@a, @b])
  rt.launch "c" [#rt.variant<@k for @tokens to 64>] ([@b, @c, @a])
}

// -----

// No temporaries: a plan of no bytes, and the old one is gone.

// CHECK: rt.entry @nothing
// CHECK-NEXT: rt.plan bounds [1] arena 0 live 0 offsets []
// CHECK-NOT: rt.plan
rt.symbol @one in [1, 1] fixed_at_load
rt.entry @nothing {
  rt.plan bounds [1] arena 64 live 0 offsets []
}
