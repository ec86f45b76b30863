// RUN: lathe-opt %s --pass-pipeline='builtin.module(func.func(lathe-relax-activations))' | FileCheck %s

// CHECK-LABEL: func @rounded
//       CHECK:   lathe.activation gelu %{{.*}} rounded : tensor<2x32xf32>
func.func @rounded(%x: tensor<2x32xf32>) -> (tensor<2x32xbf16>, tensor<2x32xf32>) {
  %y = lathe.activation gelu %x : tensor<2x32xf32>
  %n = arith.truncf %y : tensor<2x32xf32> to tensor<2x32xbf16>
  %q = lathe.quantize %y to <quantum = si8, group = 32, scale = f32> : tensor<2x32xf32> -> tensor<2x32xf32>
  return %n, %q : tensor<2x32xbf16>, tensor<2x32xf32>
}

// Left alone: another kind, f16, and what is read in f32 too.

// CHECK-LABEL: func @others
//   CHECK-NOT:   rounded
//       CHECK:   return
func.func @others(%x: tensor<2x4xf32>) -> (tensor<2x4xbf16>, tensor<2x4xf16>, tensor<2x4xbf16>, tensor<2x4xf32>) {
  %0 = lathe.activation silu %x : tensor<2x4xf32>
  %a = arith.truncf %0 : tensor<2x4xf32> to tensor<2x4xbf16>
  %1 = lathe.activation gelu %x : tensor<2x4xf32>
  %b = arith.truncf %1 : tensor<2x4xf32> to tensor<2x4xf16>
  %2 = lathe.activation gelu %x : tensor<2x4xf32>
  %c = arith.truncf %2 : tensor<2x4xf32> to tensor<2x4xbf16>
  return %a, %b, %c, %2 : tensor<2x4xbf16>, tensor<2x4xf16>, tensor<2x4xbf16>, tensor<2x4xf32>
}
