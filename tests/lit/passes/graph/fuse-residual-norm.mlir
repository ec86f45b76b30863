// RUN: lathe-opt %s --split-input-file --lathe-fuse-residual-norm | FileCheck %s

// The norm and the next residual sum both read the sum: one op now gives both.

// CHECK-LABEL: func @pre_norm_block
//  CHECK-SAME:     %[[X:.*]]: tensor<4x8xf32>, %[[F:.*]]: tensor<4x8xf32>, %[[W:.*]]: tensor<8xf32>
//       CHECK:   %[[S:.*]], %[[Y:.*]] = lathe.add_rms_norm %[[X]], %[[F]], %[[W]] eps 1.000000e+00
//   CHECK-NOT:   lathe.rms_norm
//       CHECK:   %[[NEXT:.*]] = arith.addf %[[S]], %[[Y]]
//       CHECK:   return %[[NEXT]]
func.func @pre_norm_block(%x: tensor<4x8xf32>, %f: tensor<4x8xf32>, %w: tensor<8xf32>) -> tensor<4x8xf32> {
  %s = arith.addf %x, %f : tensor<4x8xf32>
  %y = lathe.rms_norm %s, %w eps 1.0 : tensor<4x8xf32>, tensor<8xf32>
  %next = arith.addf %s, %y : tensor<4x8xf32>
  return %next : tensor<4x8xf32>
}

// -----

// An encoder's sum has no other reader.

// CHECK-LABEL: func @post_norm_block
//       CHECK:   %{{.*}}, %[[Y:.*]] = lathe.add_layer_norm
//   CHECK-NOT:   arith.addf
//       CHECK:   return %[[Y]]
func.func @post_norm_block(%x: tensor<4x8xf32>, %f: tensor<4x8xf32>, %w: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> {
  %s = arith.addf %x, %f : tensor<4x8xf32>
  %y = lathe.layer_norm %s, %w, %b eps 1.0 : tensor<4x8xf32>, tensor<8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// Left alone: the weight is computed from the sum.

// CHECK-LABEL: func @sum_used_before_norm
//   CHECK-NOT:   lathe.add_rms_norm
//       CHECK:   return
func.func @sum_used_before_norm(%x: tensor<4x8xf32>, %f: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %s = arith.addf %x, %f : tensor<4x8xf32>
  %w = func.call @weight_of(%s) : (tensor<4x8xf32>) -> tensor<8xf32>
  %y = lathe.rms_norm %s, %w eps 1.0 : tensor<4x8xf32>, tensor<8xf32>
  return %y : tensor<4x8xf32>
}
func.func private @weight_of(tensor<4x8xf32>) -> tensor<8xf32>

// -----

// Left alone: the sum would be computed again in each iteration.

// CHECK-LABEL: func @sum_outside_loop
//   CHECK-NOT:   lathe.add_rms_norm
//       CHECK:   return
func.func @sum_outside_loop(%x: tensor<4x8xf32>, %f: tensor<4x8xf32>, %w: tensor<8xf32>, %n: index) -> tensor<8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %s = arith.addf %x, %f : tensor<4x8xf32>
  %last = scf.for %i = %c0 to %n step %c1 iter_args(%wi = %w) -> (tensor<8xf32>) {
    %y = lathe.rms_norm %s, %wi eps 1.0 : tensor<4x8xf32>, tensor<8xf32>
    %next = func.call @weight_of(%y) : (tensor<4x8xf32>) -> tensor<8xf32>
    scf.yield %next : tensor<8xf32>
  }
  return %last : tensor<8xf32>
}
func.func private @weight_of(tensor<4x8xf32>) -> tensor<8xf32>

// -----

// Left alone: the contraction adds the other side as it writes.

// CHECK-LABEL: func @sum_of_linear
//   CHECK-NOT:   lathe.add_rms_norm
//       CHECK:   lathe.rms_norm
func.func @sum_of_linear(%x: tensor<4x8xf32>, %f: tensor<4x8xf32>, %m: tensor<8x8xf32>, %w: tensor<8xf32>) -> tensor<4x8xf32> {
  %l = lathe.linear %f, %m : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
  %s = arith.addf %x, %l : tensor<4x8xf32>
  %y = lathe.rms_norm %s, %w eps 1.0 : tensor<4x8xf32>, tensor<8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// Left alone: there is no sum.

// CHECK-LABEL: func @input_is_not_a_sum
//   CHECK-NOT:   lathe.add_rms_norm
//       CHECK:   return
func.func @input_is_not_a_sum(%x: tensor<4x8xf32>, %w: tensor<8xf32>) -> tensor<4x8xf32> {
  %y = lathe.rms_norm %x, %w eps 1.0 : tensor<4x8xf32>, tensor<8xf32>
  return %y : tensor<4x8xf32>
}
