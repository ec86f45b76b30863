// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

rt.symbol @tokens in [1, 8]
rt.kernel @k scalars [@tokens] {}
// CHECK: rt.entry @forward peak #
// CHECK:   rt.buffer {{ *}}input @x
// CHECK:   rt.input "x" @x limit #
// CHECK:   rt.output "z" @z
// CHECK:   rt.fill @y with 255
// CHECK:   rt.launch "y" [#rt.variant<@k for @tokens to 8>]([@x, @y])
// CHECK:   rt.launch "y" [#rt.variant<@k for @tokens to 4>, #rt.variant<@k for @tokens to 8>]([@x, @y]) skipped to 2
// CHECK:   rt.copy @y to @z
// CHECK:   rt.plan bounds [8] arena 64 live 32 offsets [0, 0, 0]
rt.entry @forward peak affine_map<()[s0] -> (s0 * 4)> {
  rt.buffer input @x : tensor<?xi32, #lathe.dims<"tokens">> bytes affine_map<()[s0] -> (s0 * 4)>
  rt.buffer temporary @y : tensor<?xi32, #lathe.dims<"tokens">> bytes affine_map<()[s0] -> (s0 * 4)>
  rt.buffer output @z : tensor<?xi32, #lathe.dims<"tokens">> bytes affine_map<()[s0] -> (s0 * 4)>
  rt.input "x" @x limit affine_map<()[s0] -> (s0)>
  rt.output "z" @z
  rt.fill @y with 255
  rt.launch "y" [#rt.variant<@k for @tokens to 8>] ([@x, @y])
  rt.launch "y" [#rt.variant<@k for @tokens to 4>, #rt.variant<@k for @tokens to 8>] ([@x, @y]) skipped to 2
  rt.copy @y to @z
  rt.plan bounds [8] arena 64 live 32 offsets [0, 0, 0]
}
