// RUN: lathe-opt %s --split-input-file --lathe-verify-stage=stage=graph | FileCheck %s
// RUN: lathe-opt %s --split-input-file --verify-diagnostics --lathe-verify-stage=stage=kernels

// CHECK-LABEL: func @whole_ops
func.func @whole_ops(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{expects no 'lathe.activation' at this place after stage kernels}}
  %y = lathe.activation silu %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// A kernel may hold what its entry may not.

// CHECK-LABEL: func private @kernel
func.func private @kernel(%x: tensor<4xf32>) -> tensor<4xf32> attributes {lathe.kernel} {
  %y = lathe.activation silu %x : tensor<4xf32>
  return %y : tensor<4xf32>
}
