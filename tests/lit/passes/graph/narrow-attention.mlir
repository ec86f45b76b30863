// RUN: lathe-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(lathe-narrow-attention))' | FileCheck %s

// The merged layer is rounded once, and the heads are pieces of that. What was
// rounded behind attention is its own result.

// CHECK-LABEL: func @merged
//       CHECK:   %[[X:.*]] = lathe.linear
//       CHECK:   %[[N:.*]] = arith.truncf %[[X]] : tensor<2x24xf32> to tensor<2x24xbf16>
//   CHECK-NOT:   xf32
//       CHECK:   %[[A:.*]] = lathe.attention {{.*}} : tensor<2x2x4xbf16>, tensor<2x2x4xbf16>
//       CHECK:   return %[[A]]
func.func @merged(%x: tensor<2x8xbf16>, %w: tensor<24x8xbf16>, %s: tensor<2xi32>) -> tensor<2x2x4xbf16> {
  %m = lathe.linear %x, %w : tensor<2x8xbf16>, tensor<24x8xbf16> -> tensor<2x24xf32>
  %0 = tensor.extract_slice %m[0, 0] [2, 8] [1, 1] : tensor<2x24xf32> to tensor<2x8xf32>
  %1 = tensor.extract_slice %m[0, 8] [2, 8] [1, 1] : tensor<2x24xf32> to tensor<2x8xf32>
  %2 = tensor.extract_slice %m[0, 16] [2, 8] [1, 1] : tensor<2x24xf32> to tensor<2x8xf32>
  %q = tensor.expand_shape %0 [[0], [1, 2]] output_shape [2, 2, 4] : tensor<2x8xf32> into tensor<2x2x4xf32>
  %k = tensor.expand_shape %1 [[0], [1, 2]] output_shape [2, 2, 4] : tensor<2x8xf32> into tensor<2x2x4xf32>
  %v = tensor.expand_shape %2 [[0], [1, 2]] output_shape [2, 2, 4] : tensor<2x8xf32> into tensor<2x2x4xf32>
  %a = lathe.attention %q, %k, %v by %s scale 0.5 : tensor<2x2x4xf32>, tensor<2x2x4xf32>, tensor<2xi32>
  %n = arith.truncf %a : tensor<2x2x4xf32> to tensor<2x2x4xbf16>
  return %n : tensor<2x2x4xbf16>
}

// -----

// Sizes are those of what is rounded, which is all that is left.

// CHECK-LABEL: func @sizes
//       CHECK:   %[[X:.*]] = lathe.activation
//       CHECK:   %[[N:.*]] = arith.truncf %[[X]]
//       CHECK:   tensor.dim %[[N]]
//   CHECK-NOT:   %[[X]]
//       CHECK:   return
func.func @sizes(%x: tensor<?x8xf32>, %s: tensor<?xi32>) -> tensor<?x2x4xbf16> {
  %c0 = arith.constant 0 : index
  %m = lathe.activation relu %x : tensor<?x8xf32>
  %d = tensor.dim %m, %c0 : tensor<?x8xf32>
  %q = tensor.expand_shape %m [[0], [1, 2]] output_shape [%d, 2, 4] : tensor<?x8xf32> into tensor<?x2x4xf32>
  %a = lathe.attention %q, %q, %q by %s scale 0.5 : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?xi32>
  %n = arith.truncf %a : tensor<?x2x4xf32> to tensor<?x2x4xbf16>
  return %n : tensor<?x2x4xbf16>
}

// -----

// Others read the result widened, behind its reshapes.

// CHECK-LABEL: func @wide
//       CHECK:   %[[A:.*]] = lathe.attention
//   CHECK-DAG:   %[[W:.*]] = arith.extf %[[A]] : tensor<2x2x4xbf16> to tensor<2x2x4xf32>
//   CHECK-DAG:   %[[C:.*]] = tensor.collapse_shape %[[A]] {{.*}} : tensor<2x2x4xbf16> into tensor<2x8xbf16>
//   CHECK-DAG:   %[[R:.*]] = arith.extf %[[C]] : tensor<2x8xbf16> to tensor<2x8xf32>
//       CHECK:   return %[[W]], %[[R]]
func.func @wide(%q: tensor<2x2x4xf32>, %s: tensor<2xi32>) -> (tensor<2x2x4xf32>, tensor<2x8xf32>) {
  %a = lathe.attention %q, %q, %q by %s scale 0.5 : tensor<2x2x4xf32>, tensor<2x2x4xf32>, tensor<2xi32>
  %r = tensor.collapse_shape %a [[0], [1, 2]] : tensor<2x2x4xf32> into tensor<2x8xf32>
  return %a, %r : tensor<2x2x4xf32>, tensor<2x8xf32>
}

// -----

// Left alone: causal attention, and what is no f32.

// CHECK-LABEL: func @others
//   CHECK-NOT:   arith.
//       CHECK:   return
func.func @others(%q: tensor<2x2x4xf32>, %n: tensor<2x2x4xf16>, %s: tensor<2xi32>) -> (tensor<2x2x4xf32>, tensor<2x2x4xf16>) {
  %0 = lathe.attention %q, %q, %q by %s scale 0.5 causal : tensor<2x2x4xf32>, tensor<2x2x4xf32>, tensor<2xi32>
  %1 = lathe.attention %n, %n, %n by %s scale 0.5 : tensor<2x2x4xf16>, tensor<2x2x4xf16>, tensor<2xi32>
  return %0, %1 : tensor<2x2x4xf32>, tensor<2x2x4xf16>
}
