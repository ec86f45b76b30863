// RUN: lathe-opt %s --split-input-file --lathe-convert-to-rt --mlir-print-local-scope | FileCheck %s

// A contraction, T x 32 by 32 x 8, with what is fused behind it: 2 a term, 1 an
// element for the bias, the activation and the sum. What passes from op to op
// inside moves no bytes; the weight is read once.

// CHECK: rt.kernel @linear
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (s0 * 536)>
// CHECK-SAME: reads [affine_map<()[s0] -> (s0 * 128)>, affine_map<()[s0] -> (512)>, affine_map<()[s0] -> (32)>, affine_map<()[s0] -> (s0 * 32)>, affine_map<()[s0] -> (0)>]
// CHECK-SAME: writes [affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (s0 * 32)>]
lathe.symbol @tokens in [1, 64]
func.func private @linear(%x: tensor<?x32xf32, #lathe.dims<"tokens">>, %w: tensor<8x32xbf16>, %b: tensor<8xf32>, %r: tensor<?x8xf32, #lathe.dims<"tokens">>) -> tensor<?x8xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w bias %b : tensor<8xf32> : tensor<?x32xf32, #lathe.dims<"tokens">>, tensor<8x32xbf16> -> tensor<?x8xf32, #lathe.dims<"tokens">>
  %a = lathe.activation gelu %y : tensor<?x8xf32, #lathe.dims<"tokens">>
  %s = arith.addf %r, %a : tensor<?x8xf32, #lathe.dims<"tokens">>
  return %s : tensor<?x8xf32, #lathe.dims<"tokens">>
}

// -----

// A packed weight by its layout: 8 columns are 32 in memory, and quantised ones
// have the bytes of their panel (512 of 4 bits, 32 scales).

// CHECK: rt.kernel @padded
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (2048)>
// CHECK-SAME: reads [affine_map<()[s0] -> (512)>, affine_map<()[s0] -> (4096)>, affine_map<()[s0] -> (0)>]
// CHECK: rt.kernel @quantised
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (2048)>
// CHECK-SAME: reads [affine_map<()[s0] -> (512)>, affine_map<()[s0] -> (576)>, affine_map<()[s0] -> (0)>]
// CHECK: rt.kernel @decoded_row
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (0)>
// CHECK-SAME: reads [affine_map<()[s0] -> (36)>, affine_map<()[s0] -> (8)>, affine_map<()[s0] -> (0)>]
func.func private @padded(%x: tensor<4x32xf32>, %w: tensor<8x32xf32, #lathe.packed<columns = 32, depth = 1>>) -> tensor<4x8xf32> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<4x32xf32>, tensor<8x32xf32, #lathe.packed<columns = 32, depth = 1>> -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
func.func private @quantised(%x: tensor<4x32xf32>, %w: tensor<8x32xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui4, group = 32, scale = f16, zero = 8>>>) -> tensor<4x8xf32> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<4x32xf32>, tensor<8x32xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui4, group = 32, scale = f16, zero = 8>>> -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
func.func private @decoded_row(%w: tensor<8x32xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui4, group = 32, scale = f16, zero = 8>>>, %i: tensor<2xi32>) -> tensor<2x32xf32> attributes {lathe.kernel} {
  %y = lathe.gather %w[%i] : tensor<8x32xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui4, group = 32, scale = f16, zero = 8>>>, tensor<2xi32> -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}

// -----

// A gather reads as many rows as there are indices, and not more than its table
// has; a scale is 1 an element, a norm 7, the sum 1. What is gathered is not
// read again by the norm.

// CHECK: rt.kernel @embedding
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (s0 * 72)>
// CHECK-SAME: reads [affine_map<()[s0] -> (s0 * 16, 1600)>, affine_map<()[s0] -> (s0 * 4)>, affine_map<()[s0] -> (s0 * 32, 64)>, affine_map<()[s0] -> (s0 * 4)>, affine_map<()[s0] -> (32)>, affine_map<()[s0] -> (32)>, affine_map<()[s0] -> (0)>]
lathe.symbol @tokens in [1, 64]
func.func private @embedding(%words: tensor<100x8xbf16>, %i: tensor<?xi32, #lathe.dims<"tokens">>, %types: tensor<2x8xf32>, %t: tensor<?xi32, #lathe.dims<"tokens">>, %w: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %x = lathe.gather %words[%i] scale 2.0 : tensor<100x8xbf16>, tensor<?xi32, #lathe.dims<"tokens">> -> tensor<?x8xf32, #lathe.dims<"tokens">>
  %y = lathe.gather %types[%t] : tensor<2x8xf32>, tensor<?xi32, #lathe.dims<"tokens">> -> tensor<?x8xf32, #lathe.dims<"tokens">>
  %s = arith.addf %x, %y : tensor<?x8xf32, #lathe.dims<"tokens">>
  %n = lathe.layer_norm %s, %w, %b eps 1.0 : tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<8xf32>
  return %n : tensor<?x8xf32, #lathe.dims<"tokens">>
}

// -----

// The rotations of one projection and the append: each column of the projection
// is read once, so is a row of the table. Of the pages only the new tokens are
// written, rounded to f16, and nothing is read. 3 for each of the 4 elements
// that a head has rotated, and for each of 8 that the softcap sees.

// CHECK: rt.kernel @rotations
// CHECK-NEXT: rt.cost flops affine_map<()[s0, s1, s2, s3] -> (s0 * 48)>
// CHECK-SAME: reads [affine_map<()[s0, s1, s2, s3] -> (s0 * 96)>, affine_map<()[s0, s1, s2, s3] -> (s0 * 4)>, affine_map<()[s0, s1, s2, s3] -> (s0 * 16, 256)>,
// CHECK-SAME: affine_map<()[s0, s1, s2, s3] -> (0)>, affine_map<()[s0, s1, s2, s3] -> (0)>, affine_map<()[s0, s1, s2, s3] -> (s0 * 4)>, affine_map<()[s0, s1, s2, s3] -> (s0 * 4, (s2 * s3) * 4)>, affine_map<()[s0, s1, s2, s3] -> (0)>]
// CHECK-SAME: writes [affine_map<()[s0, s1, s2, s3] -> (0)>, affine_map<()[s0, s1, s2, s3] -> (0)>, affine_map<()[s0, s1, s2, s3] -> (0)>,
// CHECK-SAME: affine_map<()[s0, s1, s2, s3] -> (s0 * 16)>, affine_map<()[s0, s1, s2, s3] -> (s0 * 16)>, affine_map<()[s0, s1, s2, s3] -> (0)>, affine_map<()[s0, s1, s2, s3] -> (0)>, affine_map<()[s0, s1, s2, s3] -> (s0 * 32)>]
lathe.symbol @tokens in [1, 64]
lathe.symbol @pages in [1, 8] fixed_at_load
lathe.symbol @slots in [1, 2] fixed_at_load
lathe.symbol @slot_pages in [1, 4] fixed_at_load
func.func private @rotations(%x: tensor<?x24xf32, #lathe.dims<"tokens">>, %p: tensor<?xi32, #lathe.dims<"tokens">>, %t: tensor<16x4xf32>, %k: tensor<?x1x8x32xf16, #lathe.dims<"pages">>, %v: tensor<?x1x32x8xf16, #lathe.dims<"pages">>, %s: tensor<?xi32, #lathe.dims<"tokens">>, %pt: tensor<?x?xi32, #lathe.dims<"slots", "slot_pages">>)
    -> (tensor<?x1x8xf32, #lathe.dims<"tokens">>, tensor<?x1x8x32xf16, #lathe.dims<"pages">> {lathe.tied = 3 : i64}, tensor<?x1x32x8xf16, #lathe.dims<"pages">> {lathe.tied = 4 : i64}) attributes {lathe.kernel} {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x24xf32, #lathe.dims<"tokens">>
  %q0 = tensor.extract_slice %x[0, 0] [%n, 8] [1, 1] : tensor<?x24xf32, #lathe.dims<"tokens">> to tensor<?x8xf32, #lathe.dims<"tokens">>
  %k0 = tensor.extract_slice %x[0, 8] [%n, 8] [1, 1] : tensor<?x24xf32, #lathe.dims<"tokens">> to tensor<?x8xf32, #lathe.dims<"tokens">>
  %v0 = tensor.extract_slice %x[0, 16] [%n, 8] [1, 1] : tensor<?x24xf32, #lathe.dims<"tokens">> to tensor<?x8xf32, #lathe.dims<"tokens">>
  %q1 = tensor.expand_shape %q0 [[0], [1, 2]] output_shape [%n, 1, 8] : tensor<?x8xf32, #lathe.dims<"tokens">> into tensor<?x1x8xf32, #lathe.dims<"tokens">>
  %k1 = tensor.expand_shape %k0 [[0], [1, 2]] output_shape [%n, 1, 8] : tensor<?x8xf32, #lathe.dims<"tokens">> into tensor<?x1x8xf32, #lathe.dims<"tokens">>
  %v1 = tensor.expand_shape %v0 [[0], [1, 2]] output_shape [%n, 1, 8] : tensor<?x8xf32, #lathe.dims<"tokens">> into tensor<?x1x8xf32, #lathe.dims<"tokens">>
  %q2 = lathe.rope %q1 at %p, %t : tensor<?x1x8xf32, #lathe.dims<"tokens">>, tensor<?xi32, #lathe.dims<"tokens">>, tensor<16x4xf32>
  %k2 = lathe.rope %k1 at %p, %t : tensor<?x1x8xf32, #lathe.dims<"tokens">>, tensor<?xi32, #lathe.dims<"tokens">>, tensor<16x4xf32>
  %once_more = lathe.softcap %q2 cap 3.0 : tensor<?x1x8xf32, #lathe.dims<"tokens">>
  %nk, %nv = lathe.append %k2, %v1 to %k, %v at %p, %s, %pt
      : tensor<?x1x8xf32, #lathe.dims<"tokens">>, tensor<?x1x8xf32, #lathe.dims<"tokens">>, tensor<?x1x8x32xf16, #lathe.dims<"pages">>, tensor<?x1x32x8xf16, #lathe.dims<"pages">>,
        tensor<?xi32, #lathe.dims<"tokens">>, tensor<?xi32, #lathe.dims<"tokens">>, tensor<?x?xi32, #lathe.dims<"slots", "slot_pages">>
  return %once_more, %nk, %nv : tensor<?x1x8xf32, #lathe.dims<"tokens">>, tensor<?x1x8x32xf16, #lathe.dims<"pages">>, tensor<?x1x32x8xf16, #lathe.dims<"pages">>
}

// -----

// Attention: what a pair costs, by its operands; 2 heads of 8, so 2 * (4 * 8 + 5),
// and 3 a head for the softcap. Keys of a cache count by those that are seen. A
// window is at most what an artifact holds.

// CHECK: rt.kernel @causal
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (0)> reads [affine_map<()[s0] -> (512)>, affine_map<()[s0] -> (256)>, affine_map<()[s0] -> (256)>, affine_map<()[s0] -> (32)>, affine_map<()[s0] -> (0)>]
// CHECK-SAME: pairs [#rt.pairs<causal, sequences = 3, flops = 74, window = 4>]
// CHECK: rt.kernel @bidirectional
// CHECK: pairs [#rt.pairs<bidirectional, sequences = 3, flops = 80, window = 1099511627776>]
// CHECK: rt.kernel @cached
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (0)> reads [affine_map<()[s0] -> (512)>, affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (32)>, affine_map<()[s0] -> (32)>, affine_map<()[s0] -> (32)>, affine_map<()[s0] -> (0)>]
// CHECK-SAME: pairs [#rt.pairs<cached, sequences = 4, flops = 74, positions = 3, keys = 1, values = 2, key_bytes = 32, value_bytes = 32>]
func.func private @causal(%q: tensor<8x2x8xf32>, %k: tensor<8x1x8xf32>, %v: tensor<8x1x8xf32>, %s: tensor<8xi32>) -> tensor<8x2x8xf32> attributes {lathe.kernel} {
  %y = lathe.attention %q, %k, %v by %s scale 1.0 causal window 4 : tensor<8x2x8xf32>, tensor<8x1x8xf32>, tensor<8xi32>
  return %y : tensor<8x2x8xf32>
}
func.func private @bidirectional(%q: tensor<8x2x8xf32>, %k: tensor<8x1x8xf32>, %v: tensor<8x1x8xf32>, %s: tensor<8xi32>) -> tensor<8x2x8xf32> attributes {lathe.kernel} {
  %y = lathe.attention %q, %k, %v by %s scale 1.0 window 9223372036854775807 softcap 3.0 : tensor<8x2x8xf32>, tensor<8x1x8xf32>, tensor<8xi32>
  return %y : tensor<8x2x8xf32>
}
func.func private @cached(%q: tensor<8x2x8xf32>, %k: tensor<9x1x8x32xf32>, %v: tensor<9x1x32x8xf32>, %p: tensor<8xi32>, %s: tensor<8xi32>, %pt: tensor<2x4xi32>) -> tensor<8x2x8xf32> attributes {lathe.kernel} {
  %y = lathe.cached_attention %q, %k, %v at %p, %s, %pt scale 1.0 : tensor<8x2x8xf32>, tensor<9x1x8x32xf32>, tensor<9x1x32x8xf32>, tensor<8xi32>, tensor<8xi32>, tensor<2x4xi32>
  return %y : tensor<8x2x8xf32>
}

// -----

// Rows that are rounded to bytes lie as they are stored, 64 numbers in two cache
// lines with scales and sums. A contraction reads them so, and counts integers as
// it does floats, but says that it multiplies bytes.

// CHECK: rt.kernel @rounded
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (s0 * 448)> reads [affine_map<()[s0] -> (s0 * 256)>, affine_map<()[s0] -> (256)>, affine_map<()[s0] -> (0)>]
// CHECK-SAME: writes [affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (s0 * 128)>]
// CHECK: rt.kernel @integers
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (s0 * 1024)> in bytes reads [affine_map<()[s0] -> (s0 * 128)>, affine_map<()[s0] -> (1152)>, affine_map<()[s0] -> (0)>]
lathe.symbol @tokens in [1, 64]
func.func private @rounded(%x: tensor<?x64xf32, #lathe.dims<"tokens">>, %w: tensor<64xf32>) -> tensor<?x64xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 32, scale = f32>>> attributes {lathe.kernel} {
  %n = lathe.rms_norm %x, %w eps 1.0 : tensor<?x64xf32, #lathe.dims<"tokens">>, tensor<64xf32>
  %q = lathe.quantize %n to <quantum = si8, group = 32, scale = f32> : tensor<?x64xf32, #lathe.dims<"tokens">> -> tensor<?x64xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 32, scale = f32>>>
  return %q : tensor<?x64xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 32, scale = f32>>>
}
func.func private @integers(%x: tensor<?x64xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 32, scale = f32>>>, %w: tensor<8x64xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui4, group = 32, scale = f16, zero = 8>>>) -> tensor<?x8xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<?x64xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 32, scale = f32>>>, tensor<8x64xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui4, group = 32, scale = f16, zero = 8>>> -> tensor<?x8xf32, #lathe.dims<"tokens">>
  return %y : tensor<?x8xf32, #lathe.dims<"tokens">>
}

// -----

// A pool of one row reads that row alone; a mean, all of them, and 1 an element.
// So do argmax and panel_argmax; of places one a row is read.

// CHECK: rt.kernel @first
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (0)> reads [affine_map<()[s0] -> (64)>, affine_map<()[s0] -> (32)>, affine_map<()[s0] -> (0)>]
// CHECK: rt.kernel @mean
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (64)> reads [affine_map<()[s0] -> (256)>, affine_map<()[s0] -> (32)>, affine_map<()[s0] -> (0)>]
// CHECK: rt.kernel @argmax
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (64)> reads [affine_map<()[s0] -> (256)>, affine_map<()[s0] -> (0)>] writes [affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (32)>]
// CHECK: rt.kernel @panel_argmax
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (320)> reads [affine_map<()[s0] -> (1280)>, affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (0)>] writes [affine_map<()[s0] -> (0)>, affine_map<()[s0] -> (64)>, affine_map<()[s0] -> (64)>]
// CHECK: rt.kernel @argmax_of_places
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (16)> reads [affine_map<()[s0] -> (64)>, affine_map<()[s0] -> (32)>, affine_map<()[s0] -> (0)>]
func.func private @first(%x: tensor<8x8xf32>, %s: tensor<8xi32>) -> tensor<2x8xf32> attributes {lathe.kernel} {
  %y = lathe.pool first %x by %s : tensor<8x8xf32>, tensor<8xi32> -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}
func.func private @mean(%x: tensor<8x8xf32>, %s: tensor<8xi32>) -> tensor<2x8xf32> attributes {lathe.kernel} {
  %y = lathe.pool mean %x by %s : tensor<8x8xf32>, tensor<8xi32> -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}
func.func private @argmax(%x: tensor<8x8xf32>) -> tensor<8xi32> attributes {lathe.kernel} {
  %y = lathe.argmax %x : tensor<8x8xf32> -> tensor<8xi32>
  return %y : tensor<8xi32>
}
func.func private @panel_argmax(%x: tensor<8x40xf32>) -> (tensor<8x2xf32>, tensor<8x2xi32>) attributes {lathe.kernel} {
  %v, %p = lathe.panel_argmax %x : tensor<8x40xf32> -> tensor<8x2xf32>, tensor<8x2xi32>
  return %v, %p : tensor<8x2xf32>, tensor<8x2xi32>
}
func.func private @argmax_of_places(%v: tensor<8x2xf32>, %p: tensor<8x2xi32>) -> tensor<8xi32> attributes {lathe.kernel} {
  %y = lathe.argmax %v of %p : tensor<8x2xf32>, tensor<8x2xi32> -> tensor<8xi32>
  return %y : tensor<8xi32>
}

// -----

// Rows: gates 2 an element of the result, other norms 4, 5, 8 and 3.

// CHECK: rt.kernel @gate
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (32)>
// CHECK: rt.kernel @norms
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (640)> reads [affine_map<()[s0] -> (128)>, affine_map<()[s0] -> (32)>, affine_map<()[s0] -> (0)>]
func.func private @gate(%x: tensor<4x8xf32>) -> tensor<4x4xf32> attributes {lathe.kernel} {
  %y = lathe.gated_activation silu %x : tensor<4x8xf32> -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}
func.func private @norms(%x: tensor<4x8xf32>, %w: tensor<8xf32>) -> tensor<4x8xf32> attributes {lathe.kernel} {
  %a = lathe.rms_norm %x, %w eps 1.0 : tensor<4x8xf32>, tensor<8xf32>
  %b, %c = lathe.add_rms_norm %a, %x, %w eps 1.0 : tensor<4x8xf32>, tensor<8xf32>
  %d, %e = lathe.add_layer_norm %b, %c, %w, %w eps 1.0 : tensor<4x8xf32>, tensor<8xf32>
  %f = lathe.l2_normalize %e eps 1.0 : tensor<4x8xf32>
  return %f : tensor<4x8xf32>
}

// -----

// No cost: a size has no name among the symbols; the count could not be checked
// by the runtime; what a token sees is no operand; there is no body.

// CHECK: rt.kernel @unnamed
// CHECK-NOT: rt.cost
// CHECK: rt.kernel @too_much
// CHECK-NOT: rt.cost
// CHECK: rt.kernel @computed_sequences
// CHECK-NOT: rt.cost
// CHECK: rt.kernel @external
// CHECK-NOT: rt.cost
lathe.symbol @tokens in [1, 1099511627776]
func.func private @unnamed(%x: tensor<?x8xf32, #lathe.dims<"others">>) -> tensor<?x8xf32, #lathe.dims<"others">> attributes {lathe.kernel} {
  %y = lathe.activation silu %x : tensor<?x8xf32, #lathe.dims<"others">>
  return %y : tensor<?x8xf32, #lathe.dims<"others">>
}
func.func private @too_much(%x: tensor<?x1024xf32, #lathe.dims<"tokens">>, %w: tensor<1024x1024xf32>) -> tensor<?x1024xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<?x1024xf32, #lathe.dims<"tokens">>, tensor<1024x1024xf32> -> tensor<?x1024xf32, #lathe.dims<"tokens">>
  return %y : tensor<?x1024xf32, #lathe.dims<"tokens">>
}
func.func private @computed_sequences(%q: tensor<8x2x8xf32>, %x: tensor<8x8xf32>) -> tensor<8x2x8xf32> attributes {lathe.kernel} {
  %s = lathe.argmax %x : tensor<8x8xf32> -> tensor<8xi32>
  %y = lathe.attention %q, %q, %q by %s scale 1.0 : tensor<8x2x8xf32>, tensor<8x2x8xf32>, tensor<8xi32>
  return %y : tensor<8x2x8xf32>
}
func.func private @external(tensor<4xf32>) -> tensor<4xf32> attributes {lathe.kernel}

// -----

// Quantised pages: a position of a head of 8 is 8 bytes and a scale, so 24 of
// both heads are written for each of 7 tokens, and read for each key seen.

// CHECK: rt.kernel @append_quantised
// CHECK-NEXT: rt.cost
// CHECK-SAME: affine_map<()[s0] -> (168)>, affine_map<()[s0] -> (168)>
// CHECK: rt.kernel @attend_quantised
// CHECK: pairs [#rt.pairs<cached, {{.*}} key_bytes = 24, value_bytes = 24>]
lathe.symbol @pages in [1, 8] fixed_at_load
func.func private @append_quantised(%k: tensor<7x2x8xf32>, %kp: tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, %vp: tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, %p: tensor<7xi32>, %pt: tensor<3x4xi32>)
    -> (tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>> {lathe.tied = 1 : i64}, tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>> {lathe.tied = 2 : i64}) attributes {lathe.kernel} {
  %nk, %nv = lathe.append %k, %k to %kp, %vp at %p, %p, %pt : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return %nk, %nv : tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>
}
func.func private @attend_quantised(%q: tensor<7x4x8xf32>, %kp: tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, %vp: tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) -> tensor<7x4x8xf32>
    attributes {lathe.kernel} {
  %y = lathe.cached_attention %q, %kp, %vp at %p, %s, %pt scale 0.5 : tensor<7x4x8xf32>, tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return %y : tensor<7x4x8xf32>
}

// -----

// The arithmetic of multiply-adds: pairs where both factors are bf16, also those
// of attention, whatever is fused around them. f32, which is not printed, where
// a factor is f32 or is decoded to it, and where a kernel has both.

// CHECK: rt.kernel @pairs
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (2080)> in bf16
// CHECK: rt.kernel @attention_of_pairs
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (0)> in bf16
// CHECK: rt.kernel @narrow_keys
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (0)> reads
// CHECK: rt.kernel @narrow_weight
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (2048)> reads
// CHECK: rt.kernel @decoded
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (2048)> reads
// CHECK: rt.kernel @halves
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (2048)> reads
// CHECK: rt.kernel @rows
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (128)> reads
// CHECK: rt.kernel @both
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (2560)> reads
// CHECK: rt.kernel @twice
// CHECK-NEXT: rt.cost flops affine_map<()[s0] -> (4096)> in bf16
lathe.symbol @tokens in [1, 64]
func.func private @pairs(%x: tensor<4x32xbf16>, %w: tensor<8x32xbf16>) -> tensor<4x8xf32> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<4x32xbf16>, tensor<8x32xbf16> -> tensor<4x8xf32>
  %a = lathe.activation silu %y : tensor<4x8xf32>
  return %a : tensor<4x8xf32>
}
func.func private @attention_of_pairs(%q: tensor<8x2x8xbf16>, %k: tensor<8x1x8xbf16>, %s: tensor<8xi32>) -> tensor<8x2x8xbf16> attributes {lathe.kernel} {
  %y = lathe.attention %q, %k, %k by %s scale 1.0 : tensor<8x2x8xbf16>, tensor<8x1x8xbf16>, tensor<8xi32>
  return %y : tensor<8x2x8xbf16>
}
func.func private @narrow_keys(%q: tensor<8x2x8xf32>, %k: tensor<9x1x8x32xbf16>, %v: tensor<9x1x32x8xbf16>, %p: tensor<8xi32>, %s: tensor<8xi32>, %pt: tensor<2x4xi32>) -> tensor<8x2x8xf32> attributes {lathe.kernel} {
  %y = lathe.cached_attention %q, %k, %v at %p, %s, %pt scale 1.0 : tensor<8x2x8xf32>, tensor<9x1x8x32xbf16>, tensor<9x1x32x8xbf16>, tensor<8xi32>, tensor<8xi32>, tensor<2x4xi32>
  return %y : tensor<8x2x8xf32>
}
func.func private @narrow_weight(%x: tensor<4x32xf32>, %w: tensor<8x32xbf16>) -> tensor<4x8xf32> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<4x32xf32>, tensor<8x32xbf16> -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
func.func private @decoded(%x: tensor<4x32xf32>, %w: tensor<8x32xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui4, group = 32, scale = f16, zero = 8>>>) -> tensor<4x8xf32> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<4x32xf32>, tensor<8x32xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui4, group = 32, scale = f16, zero = 8>>> -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
func.func private @halves(%x: tensor<4x32xf16>, %w: tensor<8x32xf16>) -> tensor<4x8xf32> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<4x32xf16>, tensor<8x32xf16> -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
func.func private @rows(%x: tensor<4x32xbf16>) -> tensor<4x32xbf16> attributes {lathe.kernel} {
  %y = lathe.activation silu %x : tensor<4x32xbf16>
  return %y : tensor<4x32xbf16>
}
func.func private @both(%x: tensor<4x32xbf16>, %w: tensor<8x32xbf16>, %v: tensor<8x8xf32>) -> tensor<4x8xf32> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<4x32xbf16>, tensor<8x32xbf16> -> tensor<4x8xf32>
  %z = lathe.linear %y, %v : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
  return %z : tensor<4x8xf32>
}
func.func private @twice(%x: tensor<4x32xbf16>, %w: tensor<8x32xbf16>) -> (tensor<4x8xf32>, tensor<4x8xf32>) attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<4x32xbf16>, tensor<8x32xbf16> -> tensor<4x8xf32>
  %z = lathe.linear %x, %w : tensor<4x32xbf16>, tensor<8x32xbf16> -> tensor<4x8xf32>
  return %y, %z : tensor<4x8xf32>, tensor<4x8xf32>
}
