// RUN: lathe-opt %s --split-input-file --lathe-form-kernels | FileCheck %s

// A gate takes its columns from the contraction alone: with anything between
// them it stays apart.

// CHECK-LABEL: func @gate_after_cap
//       CHECK:   call @linear_softcap_
//       CHECK:   call @gated_activation_
func.func @gate_after_cap(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> tensor<4x4xf32> {
  %a = lathe.linear %x, %w : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
  %b = lathe.softcap %a cap 3.0 : tensor<4x8xf32>
  %c = lathe.gated_activation silu %b : tensor<4x8xf32> -> tensor<4x4xf32>
  return %c : tensor<4x4xf32>
}

// -----

// A view that the entry returns is computed by the kernel before it.

// CHECK-LABEL: func @returned_view
//       CHECK:   %[[Y:.*]] = call @{{.*}} -> tensor<4x2x4xf32>
//       CHECK:   return %[[Y]]
func.func @returned_view(%x: tensor<4x8xf32>) -> tensor<4x2x4xf32> {
  %a = lathe.activation silu %x : tensor<4x8xf32>
  %v = tensor.expand_shape %a [[0], [1, 2]] output_shape [4, 2, 4] : tensor<4x8xf32> into tensor<4x2x4xf32>
  return %v : tensor<4x2x4xf32>
}

// -----

// A contraction stores whole rows: their part is copied.

// CHECK-LABEL: func @returned_columns
//       CHECK:   call @linear_{{[0-9a-f]*}}({{.*}} -> tensor<4x8xf32>
//       CHECK:   call @{{.*}} -> tensor<4x3xf32>
func.func @returned_columns(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> tensor<4x3xf32> {
  %a = lathe.linear %x, %w : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
  %v = tensor.extract_slice %a[0, 2] [4, 3] [1, 1] : tensor<4x8xf32> to tensor<4x3xf32>
  return %v : tensor<4x3xf32>
}

// -----

// What computes a value stores it rounded too, whoever else reads it.

// CHECK-LABEL: func @rounded_copy
//       CHECK:   %[[Y:.*]]:2 = call @rms_norm_truncf_{{.*}} -> (tensor<4x8xf32>, tensor<4x8xbf16>)
//       CHECK:   return %[[Y]]#0, %[[Y]]#1
func.func @rounded_copy(%x: tensor<4x8xf32>, %w: tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4x8xbf16>) {
  %y = lathe.rms_norm %x, %w eps 1.0 : tensor<4x8xf32>, tensor<8xf32>
  %n = arith.truncf %y : tensor<4x8xf32> to tensor<4x8xbf16>
  return %y, %n : tensor<4x8xf32>, tensor<4x8xbf16>
}

// -----

// Attention writes its result once: with two readers the copy is apart.

// CHECK-LABEL: func @attention_read_twice
//       CHECK:   call @attention_{{[0-9a-f]}}
//       CHECK:   call @truncf_
func.func @attention_read_twice(%q: tensor<2x2x4xf32>, %s: tensor<2xi32>) -> (tensor<2x2x4xf32>, tensor<2x2x4xbf16>) {
  %a = lathe.attention %q, %q, %q by %s scale 0.5 : tensor<2x2x4xf32>, tensor<2x2x4xf32>, tensor<2xi32>
  %n = arith.truncf %a : tensor<2x2x4xf32> to tensor<2x2x4xbf16>
  return %a, %n : tensor<2x2x4xf32>, tensor<2x2x4xbf16>
}

// -----

// Also where the first reader is the entry, of a view.

// CHECK-LABEL: func @attention_view_returned
//       CHECK:   call @attention_{{[0-9a-f]}}
//       CHECK:   call @truncf_
func.func @attention_view_returned(%q: tensor<2x2x4xf32>, %s: tensor<2xi32>) -> (tensor<2x8xf32>, tensor<2x8xf16>) {
  %a = lathe.attention %q, %q, %q by %s scale 0.5 : tensor<2x2x4xf32>, tensor<2x2x4xf32>, tensor<2xi32>
  %v = tensor.collapse_shape %a [[0], [1, 2]] : tensor<2x2x4xf32> into tensor<2x8xf32>
  %n = arith.truncf %v : tensor<2x8xf32> to tensor<2x8xf16>
  return %v, %n : tensor<2x8xf32>, tensor<2x8xf16>
}

// -----

// A comparison has no place in memory: each kernel that reads it compares.

// CHECK-LABEL: func @two_choices
//   CHECK-NOT:   arith.cmpf
//       CHECK:   call @select_
//       CHECK:   call @select_
//       CHECK: func.func private @select_
//       CHECK:   arith.cmpf olt
//  CHECK-NEXT:   arith.select
func.func @two_choices(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %less = arith.cmpf olt, %x, %y : tensor<4x8xf32>
  %a = arith.select %less, %x, %y : tensor<4x8xi1>, tensor<4x8xf32>
  %b = arith.select %less, %y, %x : tensor<4x8xi1>, tensor<4x8xf32>
  return %a, %b : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// Left alone: a contraction stores f32 or bf16, and reads rows where they stand.

// CHECK-LABEL: func @rounded
//       CHECK:   call @linear_{{[0-9a-f]*}}(
//       CHECK:   call @truncf_
func.func @rounded(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> tensor<4x8xf16> {
  %a = lathe.linear %x, %w : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
  %b = arith.truncf %a : tensor<4x8xf32> to tensor<4x8xf16>
  return %b : tensor<4x8xf16>
}

// -----

// CHECK-LABEL: func @viewed
//       CHECK:   call @linear_{{[0-9a-f]*}}(
//       CHECK:   call @add_
func.func @viewed(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %v: tensor<32xf32>) -> tensor<4x8xf32> {
  %a = lathe.linear %x, %w : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
  %r = tensor.expand_shape %v [[0, 1]] output_shape [4, 8] : tensor<32xf32> into tensor<4x8xf32>
  %b = arith.addf %a, %r : tensor<4x8xf32>
  return %b : tensor<4x8xf32>
}

// -----

// Left alone: the kernel of the rounded copy would have to stand behind the
// contraction, which reads the value that the same kernel stores.

// CHECK-LABEL: func @read_in_between
//       CHECK:   %[[Y:.*]]:2 = call @activation_truncf_
//       CHECK:   call @linear_{{[0-9a-f]*}}(%[[Y]]#0
//       CHECK:   call @extf_{{[0-9a-f]*}}(%[[Y]]#1
func.func @read_in_between(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %a = lathe.activation silu %x : tensor<4x8xf32>
  %n = arith.truncf %a : tensor<4x8xf32> to tensor<4x8xf16>
  %y = lathe.linear %a, %w : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
  %b = arith.extf %n : tensor<4x8xf16> to tensor<4x8xf32>
  return %y, %b : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// A contraction keeps the maxima of its panels; with another reader of its rows
// they are found by a kernel of their own.

// CHECK-LABEL: func @panel_maxima
//       CHECK:   %[[M:.*]]:2 = call @linear_softcap_panel_argmax_{{.*}} -> (tensor<4x2xf32>, tensor<4x2xi32>)
//       CHECK:   call @argmax_{{.*}}(%[[M]]#0, %[[M]]#1)
// CHECK-LABEL: func @panel_maxima_of_stored
//       CHECK:   %[[Y:.*]] = call @linear_{{[0-9a-f]*}}(
//       CHECK:   call @panel_argmax_{{.*}}(%[[Y]])
func.func @panel_maxima(%x: tensor<4x8xf32>, %w: tensor<40x8xf32>) -> tensor<4xi32> {
  %a = lathe.linear %x, %w : tensor<4x8xf32>, tensor<40x8xf32> -> tensor<4x40xf32>
  %b = lathe.softcap %a cap 3.0 : tensor<4x40xf32>
  %v, %p = lathe.panel_argmax %b : tensor<4x40xf32> -> tensor<4x2xf32>, tensor<4x2xi32>
  %n = lathe.argmax %v of %p : tensor<4x2xf32>, tensor<4x2xi32> -> tensor<4xi32>
  return %n : tensor<4xi32>
}
func.func @panel_maxima_of_stored(%x: tensor<4x8xf32>, %w: tensor<40x8xf32>) -> (tensor<4x40xf32>, tensor<4x2xf32>, tensor<4x2xi32>) {
  %a = lathe.linear %x, %w : tensor<4x8xf32>, tensor<40x8xf32> -> tensor<4x40xf32>
  %v, %p = lathe.panel_argmax %a : tensor<4x40xf32> -> tensor<4x2xf32>, tensor<4x2xi32>
  return %a, %v, %p : tensor<4x40xf32>, tensor<4x2xf32>, tensor<4x2xi32>
}

// -----

// The first norm is computed with the embedding, which the residual sum reads
// too; where somebody reads the embedding before the norm, each has its kernel.

// CHECK-LABEL: func @embedding_and_norm
//       CHECK:   %[[E:.*]]:2 = call @gather_rms_norm_{{.*}} -> (tensor<4x8xf32>, tensor<4x8xf32>)
//       CHECK:   call @add_{{.*}}(%[[E]]#0, %[[E]]#1)
// CHECK-LABEL: func @embedding_read_before
//       CHECK:   call @gather_{{[0-9a-f]*}}(
//       CHECK:   call @softcap_
//       CHECK:   call @rms_norm_
func.func @embedding_and_norm(%t: tensor<9x8xf32>, %i: tensor<4xi32>, %g: tensor<8xf32>) -> tensor<4x8xf32> {
  %e = lathe.gather %t[%i] : tensor<9x8xf32>, tensor<4xi32> -> tensor<4x8xf32>
  %n = lathe.rms_norm %e, %g eps 1.0 : tensor<4x8xf32>, tensor<8xf32>
  %s = arith.addf %e, %n : tensor<4x8xf32>
  return %s : tensor<4x8xf32>
}
func.func @embedding_read_before(%t: tensor<9x8xf32>, %i: tensor<4xi32>, %g: tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %e = lathe.gather %t[%i] : tensor<9x8xf32>, tensor<4xi32> -> tensor<4x8xf32>
  %c = lathe.softcap %e cap 3.0 : tensor<4x8xf32>
  %n = lathe.rms_norm %e, %g eps 1.0 : tensor<4x8xf32>, tensor<8xf32>
  return %c, %n : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// A pooled row is normalised by what pools it, unless somebody reads it too.

// CHECK-LABEL: func @pooled
//       CHECK:   call @pool_l2_normalize_
// CHECK-LABEL: func @pooled_and_read
//       CHECK:   call @pool_{{[0-9a-f]*}}(
//       CHECK:   call @l2_normalize_
func.func @pooled(%x: tensor<4x8xf32>, %s: tensor<4xi32>) -> tensor<2x8xf32> {
  %p = lathe.pool mean %x by %s : tensor<4x8xf32>, tensor<4xi32> -> tensor<2x8xf32>
  %n = lathe.l2_normalize %p eps 1.0e-12 : tensor<2x8xf32>
  return %n : tensor<2x8xf32>
}
func.func @pooled_and_read(%x: tensor<4x8xf32>, %s: tensor<4xi32>) -> (tensor<2x8xf32>, tensor<2x8xf32>) {
  %p = lathe.pool mean %x by %s : tensor<4x8xf32>, tensor<4xi32> -> tensor<2x8xf32>
  %n = lathe.l2_normalize %p eps 1.0e-12 : tensor<2x8xf32>
  return %p, %n : tensor<2x8xf32>, tensor<2x8xf32>
}
