// RUN: lathe-opt %s --split-input-file --lathe-narrow-activations | FileCheck %s

// Two layers read one value: it is rounded once, behind what computes it, and
// what is no layer goes on with the f32.

// CHECK-LABEL: func @shared
//       CHECK:   %[[X:.*]] = lathe.activation
//       CHECK:   %[[N:.*]] = arith.truncf %[[X]] : tensor<2x4xf32> to tensor<2x4xbf16>
//   CHECK-NOT:   arith.truncf
//       CHECK:   lathe.linear %[[N]], {{.*}} : tensor<2x4xbf16>, tensor<8x4xbf16> -> tensor<2x8xf32>
//       CHECK:   lathe.linear %[[N]], {{.*}} : tensor<2x4xbf16>, tensor<4x4xbf16> -> tensor<2x4xf32>
//       CHECK:   arith.addf %{{.*}}, %[[X]] : tensor<2x4xf32>
func.func @shared(%in: tensor<2x4xf32>, %v: tensor<8x4xbf16>, %w: tensor<4x4xbf16>) -> (tensor<2x8xf32>, tensor<2x4xf32>) {
  %x = lathe.activation silu %in : tensor<2x4xf32>
  %y = lathe.linear %x, %v : tensor<2x4xf32>, tensor<8x4xbf16> -> tensor<2x8xf32>
  %z = lathe.linear %x, %w : tensor<2x4xf32>, tensor<4x4xbf16> -> tensor<2x4xf32>
  %s = arith.addf %z, %x : tensor<2x4xf32>
  return %y, %s : tensor<2x8xf32>, tensor<2x4xf32>
}

// -----

// Before the reshape, so that attention stores the rounded heads.

// CHECK-LABEL: func @heads
//       CHECK:   %[[A:.*]] = lathe.attention
//       CHECK:   %[[N:.*]] = arith.truncf %[[A]] : tensor<2x2x4xf32> to tensor<2x2x4xbf16>
//       CHECK:   %[[ROWS:.*]] = tensor.collapse_shape %[[N]] {{.*}} : tensor<2x2x4xbf16> into tensor<2x8xbf16>
//       CHECK:   lathe.linear %[[ROWS]]
func.func @heads(%q: tensor<2x2x4xf32>, %s: tensor<2xi32>, %w: tensor<8x8xbf16>) -> tensor<2x8xf32> {
  %a = lathe.attention %q, %q, %q by %s scale 0.5 : tensor<2x2x4xf32>, tensor<2x2x4xf32>, tensor<2xi32>
  %x = tensor.collapse_shape %a [[0], [1, 2]] : tensor<2x2x4xf32> into tensor<2x8xf32>
  %y = lathe.linear %x, %w : tensor<2x8xf32>, tensor<8x8xbf16> -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// Left alone: the weight is f32, or f16, or the input is narrow already.

// CHECK-LABEL: func @other_types
//   CHECK-NOT:   arith.truncf
//       CHECK:   return
func.func @other_types(%x: tensor<2x4xf32>, %n: tensor<2x4xbf16>, %w: tensor<8x4xf32>, %h: tensor<8x4xf16>, %b: tensor<8x4xbf16>)
    -> (tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) {
  %0 = lathe.linear %x, %w : tensor<2x4xf32>, tensor<8x4xf32> -> tensor<2x8xf32>
  %1 = lathe.linear %x, %h : tensor<2x4xf32>, tensor<8x4xf16> -> tensor<2x8xf32>
  %2 = lathe.linear %n, %b : tensor<2x4xbf16>, tensor<8x4xbf16> -> tensor<2x8xf32>
  return %0, %1, %2 : tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>
}
