// RUN: lathe-opt %s --split-input-file --lathe-split-argmax | FileCheck %s
// RUN: lathe-opt %s --split-input-file --lathe-split-argmax --mlir-print-debuginfo | FileCheck %s --check-prefix=NAMES

// The layer keeps the largest of each of its 16 panels, the last of which is cut.

// CHECK-LABEL: func @head
//       CHECK:   %[[LOGITS:.*]] = lathe.linear
//       CHECK:   %[[VALUES:.*]], %[[PLACES:.*]] = lathe.panel_argmax %[[LOGITS]] : tensor<7x500xf32> -> tensor<7x16xf32>, tensor<7x16xi32>
//       CHECK:   %[[NEXT:.*]] = lathe.argmax %[[VALUES]] of %[[PLACES]]
//       CHECK:   return %[[NEXT]]
// The parts have names that no graph has.
// NAMES-DAG: #[[MAXIMA:.*]] = loc("next.maxima"(#{{.*}}))
// NAMES-DAG: #[[PLACES:.*]] = loc("next.places"(#{{.*}}))
// NAMES: loc(fused[#[[MAXIMA]], #[[PLACES]]])
func.func @head(%x: tensor<7x64xf32>, %w: tensor<500x64xf32>) -> tensor<7xi32> {
  %logits = lathe.linear %x, %w : tensor<7x64xf32>, tensor<500x64xf32> -> tensor<7x500xf32>
  %next = lathe.argmax %logits : tensor<7x500xf32> -> tensor<7xi32> loc("next")
  return %next : tensor<7xi32>
}

// -----

// Sizes that a call chooses keep their names; ops on each element may stand
// between the two.

// CHECK-LABEL: func @capped_head
//       CHECK:   %[[CAPPED:.*]] = lathe.softcap
//       CHECK:   lathe.panel_argmax %[[CAPPED]] : tensor<?x33xf32, #lathe.dims<"rows">> -> tensor<?x2xf32, #lathe.dims<"rows">>, tensor<?x2xi32, #lathe.dims<"rows">>
func.func @capped_head(%x: tensor<?x64xf32, #lathe.dims<"rows">>, %w: tensor<33x64xf32>) -> tensor<?xi32, #lathe.dims<"rows">> {
  %logits = lathe.linear %x, %w : tensor<?x64xf32, #lathe.dims<"rows">>, tensor<33x64xf32> -> tensor<?x33xf32, #lathe.dims<"rows">>
  %capped = lathe.softcap %logits cap 30.0 : tensor<?x33xf32, #lathe.dims<"rows">>
  %next = lathe.argmax %capped : tensor<?x33xf32, #lathe.dims<"rows">> -> tensor<?xi32, #lathe.dims<"rows">>
  return %next : tensor<?xi32, #lathe.dims<"rows">>
}

// -----

// Left alone: the entry returns the rows too.

// CHECK-LABEL: func @returned_rows
//   CHECK-NOT:   lathe.panel_argmax
//       CHECK:   return
func.func @returned_rows(%x: tensor<7x64xf32>, %w: tensor<500x64xf32>) -> (tensor<7x500xf32>, tensor<7xi32>) {
  %logits = lathe.linear %x, %w : tensor<7x64xf32>, tensor<500x64xf32> -> tensor<7x500xf32>
  %next = lathe.argmax %logits : tensor<7x500xf32> -> tensor<7xi32>
  return %logits, %next : tensor<7x500xf32>, tensor<7xi32>
}

// -----

// Left alone: something reads the sums before they are capped.

// CHECK-LABEL: func @sums_read_twice
//   CHECK-NOT:   lathe.panel_argmax
//       CHECK:   return
func.func @sums_read_twice(%x: tensor<7x64xf32>, %w: tensor<500x64xf32>) -> (tensor<7x500xf32>, tensor<7xi32>) {
  %logits = lathe.linear %x, %w : tensor<7x64xf32>, tensor<500x64xf32> -> tensor<7x500xf32>
  %capped = lathe.softcap %logits cap 30.0 : tensor<7x500xf32>
  %next = lathe.argmax %capped : tensor<7x500xf32> -> tensor<7xi32>
  return %logits, %next : tensor<7x500xf32>, tensor<7xi32>
}

// -----

// Left alone: no linear layer computes the rows, or not element by element.

// CHECK-LABEL: func @other_rows
//   CHECK-NOT:   lathe.panel_argmax
//       CHECK:   return
func.func @other_rows(%x: tensor<7x64xf32>, %w: tensor<500x64xf32>, %g: tensor<500xf32>) -> (tensor<7xi32>, tensor<7xi32>) {
  %a = lathe.argmax %x : tensor<7x64xf32> -> tensor<7xi32>
  %logits = lathe.linear %x, %w : tensor<7x64xf32>, tensor<500x64xf32> -> tensor<7x500xf32>
  %normed = lathe.rms_norm %logits, %g eps 1.0 : tensor<7x500xf32>, tensor<500xf32>
  %b = lathe.argmax %normed : tensor<7x500xf32> -> tensor<7xi32>
  return %a, %b : tensor<7xi32>, tensor<7xi32>
}

// -----

// Left alone: one panel holds a row.

// CHECK-LABEL: func @one_panel
//   CHECK-NOT:   lathe.panel_argmax
//       CHECK:   return
func.func @one_panel(%x: tensor<7x64xf32>, %w: tensor<32x64xf32>) -> tensor<7xi32> {
  %logits = lathe.linear %x, %w : tensor<7x64xf32>, tensor<32x64xf32> -> tensor<7x32xf32>
  %next = lathe.argmax %logits : tensor<7x32xf32> -> tensor<7xi32>
  return %next : tensor<7xi32>
}

// -----

// Left alone: rows that are not f32, which a contraction would have to round.

// CHECK-LABEL: func @narrow_rows
//   CHECK-NOT:   lathe.panel_argmax
//       CHECK:   return
func.func @narrow_rows(%x: tensor<7x64xbf16>, %w: tensor<500x64xbf16>) -> tensor<7xi32> {
  %logits = lathe.linear %x, %w : tensor<7x64xbf16>, tensor<500x64xbf16> -> tensor<7x500xbf16>
  %next = lathe.argmax %logits : tensor<7x500xbf16> -> tensor<7xi32>
  return %next : tensor<7xi32>
}
