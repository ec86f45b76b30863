// RUN: lathe-opt %s --split-input-file --lathe-merge-projections | FileCheck %s

// Two layers of one input are one contraction over the joined weight, which
// both entries share; their results are columns of its result.

//       CHECK: lathe.derived @q.merged : tensor<12x8xf32>
//       CHECK:   lathe.concat %{{.*}}, %{{.*}} along 0
//   CHECK-NOT: lathe.derived
// CHECK-LABEL: func @two_layers
//       CHECK:   %[[W:.*]] = lathe.get @q.merged
//       CHECK:   %[[M:.*]] = lathe.linear %{{.*}}, %[[W]]
//       CHECK:   %[[T:.*]] = tensor.dim %[[M]]
//       CHECK:   tensor.extract_slice %[[M]][0, 0] [%[[T]], 8] [1, 1]
//       CHECK:   tensor.extract_slice %[[M]][0, 8] [%[[T]], 4] [1, 1]
//   CHECK-NOT:   lathe.linear
// CHECK-LABEL: func @another_entry
//       CHECK:   lathe.get @q.merged
lathe.symbol @tokens in [1, 16]
lathe.parameter @q : tensor<8x8xf32> from "w.safetensors" key "q"
lathe.parameter @k : tensor<4x8xf32> from "w.safetensors" key "k"
func.func @two_layers(%x: tensor<?x8xf32, #lathe.dims<"tokens">>)
    -> (tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<?x4xf32, #lathe.dims<"tokens">>) {
  %wq = lathe.get @q : tensor<8x8xf32>
  %wk = lathe.get @k : tensor<4x8xf32>
  %q = lathe.linear %x, %wq : tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<8x8xf32> -> tensor<?x8xf32, #lathe.dims<"tokens">>
  %k = lathe.linear %x, %wk : tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<4x8xf32> -> tensor<?x4xf32, #lathe.dims<"tokens">>
  return %q, %k : tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<?x4xf32, #lathe.dims<"tokens">>
}
func.func @another_entry(%x: tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x4xf32>) {
  %wq = lathe.get @q : tensor<8x8xf32>
  %wk = lathe.get @k : tensor<4x8xf32>
  %q = lathe.linear %x, %wq : tensor<2x8xf32>, tensor<8x8xf32> -> tensor<2x8xf32>
  %k = lathe.linear %x, %wk : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
  return %q, %k : tensor<2x8xf32>, tensor<2x4xf32>
}

// -----

// The gate is first in the joined weight, wherever it stood.

// CHECK-LABEL: lathe.derived @gate.merged
//  CHECK-NEXT:   %[[GATE:.*]] = lathe.get @gate
//  CHECK-NEXT:   %[[UP:.*]] = lathe.get @up
//  CHECK-NEXT:   lathe.concat %[[GATE]], %[[UP]] along 0
// CHECK-LABEL: func @gate_and_up
//       CHECK:   %[[M:.*]] = lathe.linear
//       CHECK:   %[[Y:.*]] = lathe.gated_activation silu %[[M]]
//   CHECK-NOT:   arith.mulf
//       CHECK:   return %[[Y]]
lathe.parameter @up : tensor<4x8xf32> from "w.safetensors" key "up"
lathe.parameter @gate : tensor<4x8xf32> from "w.safetensors" key "gate"
func.func @gate_and_up(%x: tensor<2x8xf32>) -> tensor<2x4xf32> {
  %wu = lathe.get @up : tensor<4x8xf32>
  %wg = lathe.get @gate : tensor<4x8xf32>
  %u = lathe.linear %x, %wu : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
  %g = lathe.linear %x, %wg : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
  %a = lathe.activation silu %g : tensor<2x4xf32>
  %y = arith.mulf %a, %u : tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// Biases are joined as well.

//       CHECK: lathe.derived @w.merged
//       CHECK: lathe.derived @b.merged : tensor<8xf32>
// CHECK-LABEL: func @with_biases
//       CHECK:   lathe.linear %{{.*}}, %{{.*}} bias %{{.*}} : tensor<8xf32>
lathe.parameter @w : tensor<4x8xf32> from "w.safetensors" key "w"
lathe.parameter @v : tensor<4x8xf32> from "w.safetensors" key "v"
lathe.parameter @b : tensor<4xf32> from "w.safetensors" key "b"
lathe.parameter @c : tensor<4xf32> from "w.safetensors" key "c"
func.func @with_biases(%x: tensor<2x8xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %w = lathe.get @w : tensor<4x8xf32>
  %v = lathe.get @v : tensor<4x8xf32>
  %b = lathe.get @b : tensor<4xf32>
  %c = lathe.get @c : tensor<4xf32>
  %p = lathe.linear %x, %w bias %b : tensor<4xf32> : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
  %q = lathe.linear %x, %v bias %c : tensor<4xf32> : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
  return %p, %q : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// Left alone: only one of the layers has a bias.

// CHECK-LABEL: func @one_bias
//       CHECK:   lathe.linear
//       CHECK:   lathe.linear
lathe.parameter @w : tensor<4x8xf32> from "w.safetensors" key "w"
lathe.parameter @v : tensor<4x8xf32> from "w.safetensors" key "v"
lathe.parameter @b : tensor<4xf32> from "w.safetensors" key "b"
func.func @one_bias(%x: tensor<2x8xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %w = lathe.get @w : tensor<4x8xf32>
  %v = lathe.get @v : tensor<4x8xf32>
  %b = lathe.get @b : tensor<4xf32>
  %p = lathe.linear %x, %w bias %b : tensor<4xf32> : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
  %q = lathe.linear %x, %v : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
  return %p, %q : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// Left alone: the element types of the weights differ.

// CHECK-LABEL: func @two_types
//       CHECK:   lathe.linear
//       CHECK:   lathe.linear
lathe.parameter @w : tensor<4x8xf32> from "w.safetensors" key "w"
lathe.parameter @v : tensor<4x8xbf16> from "w.safetensors" key "v"
func.func @two_types(%x: tensor<2x8xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %w = lathe.get @w : tensor<4x8xf32>
  %v = lathe.get @v : tensor<4x8xbf16>
  %p = lathe.linear %x, %w : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
  %q = lathe.linear %x, %v : tensor<2x8xf32>, tensor<4x8xbf16> -> tensor<2x4xf32>
  return %p, %q : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// Left alone: the sums are ordered differently.

// CHECK-LABEL: func @two_orders
//       CHECK:   lathe.linear
//       CHECK:   lathe.linear
lathe.parameter @w : tensor<4x8xf32> from "w.safetensors" key "w"
lathe.parameter @v : tensor<4x8xf32> from "w.safetensors" key "v"
func.func @two_orders(%x: tensor<2x8xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %w = lathe.get @w : tensor<4x8xf32>
  %v = lathe.get @v : tensor<4x8xf32>
  %p = lathe.linear %x, %w reduce <chunk = 4> : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
  %q = lathe.linear %x, %v : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
  return %p, %q : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// Left alone: a weight is computed in the entry.

// CHECK-LABEL: func @computed_weight
//       CHECK:   lathe.linear
//       CHECK:   lathe.linear
lathe.parameter @w : tensor<4x8xf32> from "w.safetensors" key "w"
func.func @computed_weight(%x: tensor<2x8xf32>, %v: tensor<4x8xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %w = lathe.get @w : tensor<4x8xf32>
  %p = lathe.linear %x, %w : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
  %q = lathe.linear %x, %v : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
  return %p, %q : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// Left alone: stored in different ways, the rows would have to be widened.

// CHECK-LABEL: func @quantised_apart
// CHECK-COUNT-2: lathe.linear
lathe.parameter @q : tensor<8x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>> from "m.gguf" key "q"
lathe.derived @v : tensor<8x64xf32> {
  %0 = lathe.get @q : tensor<8x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>
  %1 = lathe.cast %0 : tensor<8x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>> -> tensor<8x64xf32>
  lathe.yield %1 : tensor<8x64xf32>
}
lathe.parameter @w : tensor<8x64xf32> from "m.gguf" key "w"
func.func @quantised_apart(%x: tensor<2x64xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>) {
  %v = lathe.get @v : tensor<8x64xf32>
  %w = lathe.get @w : tensor<8x64xf32>
  %0 = lathe.linear %x, %v : tensor<2x64xf32>, tensor<8x64xf32> -> tensor<2x8xf32>
  %1 = lathe.linear %x, %w : tensor<2x64xf32>, tensor<8x64xf32> -> tensor<2x8xf32>
  return %0, %1 : tensor<2x8xf32>, tensor<2x8xf32>
}
