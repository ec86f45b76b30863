// RUN: lathe-opt %s --split-input-file --lathe-form-kernels --lathe-form-variants | FileCheck %s

// With few rows the norm is computed by the kernel of the layer, and has no launch
// of its own; with many, both launches are as they were.

!rows = tensor<?x8xf32, #lathe.dims<"tokens">>
!q8 = tensor<?x8xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 8, scale = f32>>>
!w8 = tensor<8x8xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = si8, group = 8, scale = f32>>>

// CHECK-LABEL: func @norm_linear
//  CHECK-SAME:     %[[X:.*]]: tensor<?x8xf32, {{.*}}>, %[[G:.*]]: tensor<8xf32>, %[[W:.*]]: tensor<8x8xf32>
//       CHECK:   %[[N:.*]] = call @rms_norm_{{[0-9a-f]+}}(%[[X]], %[[G]]) {{.*}}lathe.skipped_symbol = "tokens", lathe.skipped_to = 16 : i64}
//       CHECK:   call @[[MANY:linear_[0-9a-f]+]](%[[N]], %[[W]], %[[X]], %[[G]])
//  CHECK-SAME:     lathe.variants = [#rt.variant<@[[FEW:rms_norm_linear_few_[0-9a-f]+]] for @tokens to 16>]
//       CHECK: func private @[[FEW]](%[[A0:.*]]: tensor<?x8xf32, {{.*}}>, %[[A1:.*]]: tensor<8x8xf32>, %[[A2:.*]]: tensor<?x8xf32, {{.*}}>, %[[A3:.*]]: tensor<8xf32>)
//  CHECK-SAME:     lathe.row_limit = 16
//       CHECK:   %[[NORM:.*]] = lathe.rms_norm %[[A2]], %[[A3]]
//       CHECK:   lathe.linear %[[NORM]], %[[A1]]
//       CHECK: func private @[[MANY]](%[[B0:.*]]: tensor<?x8xf32, {{.*}}>, %[[B1:.*]]: tensor<8x8xf32>, %{{.*}}: tensor<?x8xf32, {{.*}}>, %{{.*}}: tensor<8xf32>)
//   CHECK-NOT:     row_limit
//       CHECK:   lathe.linear %[[B0]], %[[B1]]
lathe.symbol @tokens in [1, 512]
func.func @norm_linear(%x: !rows, %g: tensor<8xf32>, %w: tensor<8x8xf32>) -> !rows {
  %n = lathe.rms_norm %x, %g eps 1.0e-5 : !rows, tensor<8xf32>
  %y = lathe.linear %n, %w : !rows, tensor<8x8xf32> -> !rows
  return %y : !rows
}

// -----

// The rounding to bytes of what attention leaves is computed by its reader too;
// layers without anything before them get a kernel for few rows all the same.

!rows = tensor<?x8xf32, #lathe.dims<"tokens">>
!q8 = tensor<?x8xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 8, scale = f32>>>
!w8 = tensor<8x8xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = si8, group = 8, scale = f32>>>

// CHECK-LABEL: func @rounded
//       CHECK:   call @quantize_{{.*}} lathe.skipped_to = 16
//       CHECK:   call @{{.*}} lathe.variants = [#rt.variant<@quantize_linear_add_few_
//       CHECK:   call @{{.*}} lathe.variants = [#rt.variant<@linear_few_
lathe.symbol @tokens in [1, 512]
func.func @rounded(%x: !rows, %w: !w8, %v: tensor<8x8xf32>) -> !rows {
  %q = lathe.quantize %x to <quantum = si8, group = 8, scale = f32> : !rows -> !q8
  %y = lathe.linear %q, %w : !q8, !w8 -> !rows
  %s = arith.addf %x, %y : !rows
  %z = lathe.linear %s, %v : !rows, tensor<8x8xf32> -> !rows
  return %z : !rows
}

// -----

// A projection, its rotations and the append to the cache: one kernel, from the norm
// to the pages, for few rows.

!rows = tensor<?x96xf32, #lathe.dims<"tokens">>
!heads = tensor<?x1x32xf32, #lathe.dims<"tokens">>
!part = tensor<?x32xf32, #lathe.dims<"tokens">>
!index = tensor<?xi32, #lathe.dims<"tokens">>
!keys = tensor<?x1x32x32xf32, #lathe.dims<"pages">>
!pages = tensor<?x?xi32, #lathe.dims<"slots", "slot_pages">>

// CHECK-LABEL: func @projection
//       CHECK:   call @rms_norm_{{.*}} lathe.skipped_to = 16
//       CHECK:   call @linear_{{.*}} lathe.skipped_to = 16
//       CHECK:   call @rope_rope_append_{{.*}}) {{.*}}lathe.variants = [#rt.variant<@[[FEW:rms_norm_linear_rope_rope_append_few_[0-9a-f]+]] for @tokens to 16>]
//       CHECK: func private @[[FEW]](
//  CHECK-SAME:   -> (tensor<?x1x32xf32, {{[^)]*}}>, tensor<?x1x32x32xf32, {{[^)]*}}> {lathe.tied = 3 : i64}, tensor<?x1x32x32xf32, {{[^)]*}}> {lathe.tied = 4 : i64})
//       CHECK:   lathe.rms_norm
//       CHECK:   lathe.linear
//       CHECK:   lathe.append
lathe.symbol @tokens in [1, 512]
lathe.symbol @pages in [1, 8] fixed_at_load
lathe.symbol @slots in [1, 8] fixed_at_load
lathe.symbol @slot_pages in [1, 8] fixed_at_load
func.func @projection(%x: !rows, %g: tensor<96xf32>, %w: tensor<96x96xf32>, %p: !index, %t: tensor<64x32xf32>, %k: !keys, %v: !keys, %s: !index, %pt: !pages)
    -> (!heads, !keys, !keys) {
  %n = lathe.rms_norm %x, %g eps 1.0e-5 : !rows, tensor<96xf32>
  %y = lathe.linear %n, %w : !rows, tensor<96x96xf32> -> !rows
  %c0 = arith.constant 0 : index
  %d = tensor.dim %y, %c0 : !rows
  %a = tensor.extract_slice %y[0, 0] [%d, 32] [1, 1] : !rows to !part
  %b = tensor.extract_slice %y[0, 32] [%d, 32] [1, 1] : !rows to !part
  %c = tensor.extract_slice %y[0, 64] [%d, 32] [1, 1] : !rows to !part
  %ah = tensor.expand_shape %a [[0], [1, 2]] output_shape [%d, 1, 32] : !part into !heads
  %bh = tensor.expand_shape %b [[0], [1, 2]] output_shape [%d, 1, 32] : !part into !heads
  %ch = tensor.expand_shape %c [[0], [1, 2]] output_shape [%d, 1, 32] : !part into !heads
  %q = lathe.rope %ah at %p, %t : !heads, !index, tensor<64x32xf32>
  %r = lathe.rope %bh at %p, %t : !heads, !index, tensor<64x32xf32>
  %nk, %nv = lathe.append %r, %ch to %k, %v at %p, %s, %pt : !heads, !heads, !keys, !keys, !index, !index, !pages
  return %q, %nk, %nv : !heads, !keys, !keys
}

// -----

// Not skipped: something else reads the norm too.

!rows = tensor<?x8xf32, #lathe.dims<"tokens">>

// CHECK-LABEL: func @read_twice
//       CHECK:   call @rms_norm_
//   CHECK-NOT:   skipped
//       CHECK:   lathe.variants = [#rt.variant<@rms_norm_linear_few_
//       CHECK:   return
lathe.symbol @tokens in [1, 512]
func.func @read_twice(%x: !rows, %g: tensor<8xf32>, %w: tensor<8x8xf32>) -> (!rows, !rows) {
  %n = lathe.rms_norm %x, %g eps 1.0e-5 : !rows, tensor<8xf32>
  %y = lathe.linear %n, %w : !rows, tensor<8x8xf32> -> !rows
  return %y, %n : !rows, !rows
}

// -----

// No second kernel: rows are few anyway, or a constant.

!rows = tensor<?x8xf32, #lathe.dims<"tokens">>

// CHECK-LABEL: func @few_anyway
//   CHECK-NOT:   lathe.variants
//       CHECK:   return
//       CHECK: func private @linear_{{.*}}tensor<?x8xf32{{.*}}lathe.row_limit = 16
//       CHECK: func private @linear_{{.*}}tensor<4x8xf32>
//   CHECK-NOT:   row_limit
lathe.symbol @tokens in [1, 16]
func.func @few_anyway(%x: !rows, %g: tensor<8xf32>, %w: tensor<8x8xf32>, %z: tensor<4x8xf32>) -> (!rows, tensor<4x8xf32>) {
  %n = lathe.rms_norm %x, %g eps 1.0e-5 : !rows, tensor<8xf32>
  %y = lathe.linear %n, %w : !rows, tensor<8x8xf32> -> !rows
  %c = lathe.linear %z, %w : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
  return %y, %c : !rows, tensor<4x8xf32>
}

// -----

// The pooled rows that a head reads depend on all tokens: their launch stays.

!rows = tensor<?x8xf32, #lathe.dims<"tokens">>
!pooled = tensor<?x8xf32, #lathe.dims<"sequences">>

// CHECK-LABEL: func @pooled
//       CHECK:   call @pool_
//   CHECK-NOT:   skipped
//       CHECK:   lathe.variants = [#rt.variant<@linear_few_
lathe.symbol @tokens in [1, 512]
lathe.symbol @sequences in [1, 512]
func.func @pooled(%x: !rows, %s: tensor<?xi32, #lathe.dims<"tokens">>, %w: tensor<8x8xf32>) -> !pooled {
  %p = lathe.pool first %x by %s : !rows, tensor<?xi32, #lathe.dims<"tokens">> -> !pooled
  %y = lathe.linear %p, %w : !pooled, tensor<8x8xf32> -> !pooled
  return %y : !pooled
}

// -----

// A head that keeps the maxima of its panels has both for few rows too.

!rows = tensor<?x8xf32, #lathe.dims<"rows">>
!logits = tensor<?x40xf32, #lathe.dims<"rows">>
!maxima = tensor<?x2xf32, #lathe.dims<"rows">>
!places = tensor<?x2xi32, #lathe.dims<"rows">>

// CHECK-LABEL: func @greedy_head
//       CHECK:   %[[M:.*]]:2 = call @linear_panel_argmax_{{.*}}lathe.variants = [#rt.variant<@rms_norm_linear_panel_argmax_few_
//       CHECK:   call @argmax_{{[0-9a-f]*}}(%[[M]]#0, %[[M]]#1)
lathe.symbol @rows in [1, 512]
func.func @greedy_head(%x: !rows, %g: tensor<8xf32>, %w: tensor<40x8xf32>) -> tensor<?xi32, #lathe.dims<"rows">> {
  %n = lathe.rms_norm %x, %g eps 1.0e-5 : !rows, tensor<8xf32>
  %y = lathe.linear %n, %w : !rows, tensor<40x8xf32> -> !logits
  %v, %p = lathe.panel_argmax %y : !logits -> !maxima, !places
  %i = lathe.argmax %v of %p : !maxima, !places -> tensor<?xi32, #lathe.dims<"rows">>
  return %i : tensor<?xi32, #lathe.dims<"rows">>
}
