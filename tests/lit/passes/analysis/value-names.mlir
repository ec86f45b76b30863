// RUN: lathe-opt %s --lathe-fuse-residual-norm --lathe-form-kernels | FileCheck %s

// An op fused from as many as it has results gives each its old name.

// CHECK: call @add_rms_norm_{{.*}} {lathe.name = "norm", lathe.results = ["sum", "norm"]}
func.func @fused(%x: tensor<4x8xf32>, %f: tensor<4x8xf32>, %w: tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %s = arith.addf %x, %f : tensor<4x8xf32> loc("sum")
  %y = lathe.rms_norm %s, %w eps 1.0 : tensor<4x8xf32>, tensor<8xf32> loc("norm")
  return %s, %y : tensor<4x8xf32>, tensor<4x8xf32>
}
