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
