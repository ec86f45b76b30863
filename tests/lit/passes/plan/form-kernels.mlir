// RUN: lathe-opt %s --split-input-file --lathe-form-kernels | FileCheck %s
// RUN: lathe-opt %s --split-input-file --lathe-form-kernels=fuse=false | FileCheck %s --check-prefix=ALONE

// A contraction takes the activation and the sum that follow; two layers of the
// same shape are one kernel, and the launch is called as the last value.

// CHECK-LABEL: func @layers
//       CHECK:   %[[A:.*]] = call @[[K:linear_activation_add_[0-9a-f]+]]({{.*}}) {lathe.name = "one", lathe.results = ["one"]}
//       CHECK:   call @[[K]](%[[A]], {{.*}}) {lathe.name = "two"
//  CHECK-NEXT:   return
//       CHECK: func private @[[K]]({{.*}}attributes {lathe.kernel, lathe.symbols = ["tokens"]}
//       CHECK:   lathe.linear
//       CHECK:   lathe.activation
//       CHECK:   arith.addf
//   CHECK-NOT: func private
// ALONE-LABEL: func @layers
// ALONE-COUNT-6: call @{{(linear|activation|add)}}_
// ALONE-COUNT-3: func private
//   ALONE-NOT: func private
func.func @layers(%x: tensor<?x8xf32, #lathe.dims<"tokens">>, %w: tensor<8x8xf32>, %v: tensor<8x8xf32>) -> tensor<?x8xf32, #lathe.dims<"tokens">> {
  %a = lathe.linear %x, %w : tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<8x8xf32> -> tensor<?x8xf32, #lathe.dims<"tokens">>
  %b = lathe.activation gelu %a : tensor<?x8xf32, #lathe.dims<"tokens">>
  %c = arith.addf %b, %x : tensor<?x8xf32, #lathe.dims<"tokens">> loc("one")
  %d = lathe.linear %c, %v : tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<8x8xf32> -> tensor<?x8xf32, #lathe.dims<"tokens">>
  %e = lathe.activation gelu %d : tensor<?x8xf32, #lathe.dims<"tokens">>
  %f = arith.addf %e, %c : tensor<?x8xf32, #lathe.dims<"tokens">> loc("two")
  return %f : tensor<?x8xf32, #lathe.dims<"tokens">>
}

// -----

// Left apart: the linear's result is read twice.

// ALONE-LABEL: func @read_twice
// CHECK-LABEL: func @read_twice
//       CHECK:   call @linear_
//       CHECK:   call @activation_
func.func @read_twice(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %a = lathe.linear %x, %w : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
  %b = lathe.activation gelu %a : tensor<4x8xf32>
  return %a, %b : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// Left apart: two roots.

// CHECK-LABEL: func @two_roots
//       CHECK:   call @linear_{{[0-9a-f]+}}(
//       CHECK:   call @rms_norm_{{[0-9a-f]+}}(
func.func @two_roots(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %n: tensor<8xf32>) -> tensor<4x8xf32> {
  %a = lathe.linear %x, %w : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
  %b = lathe.rms_norm %a, %n eps 1.0 : tensor<4x8xf32>, tensor<8xf32>
  return %b : tensor<4x8xf32>
}

// -----

// A view belongs to the kernel that reads it, and its sizes to nobody.

// CHECK-LABEL: func @view
//  CHECK-SAME:     %[[X:.*]]: tensor<?x2x4xf32, #lathe.dims<"tokens">>, %[[W:.*]]: tensor<8x8xf32>
//  CHECK-NEXT:   call @[[K:.*]](%[[X]], %[[W]])
//  CHECK-NEXT:   return
//       CHECK: func private @[[K]]
//       CHECK:   tensor.collapse_shape
//       CHECK:   lathe.linear
func.func @view(%x: tensor<?x2x4xf32, #lathe.dims<"tokens">>, %w: tensor<8x8xf32>) -> tensor<?x8xf32, #lathe.dims<"tokens">> {
  %v = tensor.collapse_shape %x [[0], [1, 2]] : tensor<?x2x4xf32, #lathe.dims<"tokens">> into tensor<?x8xf32, #lathe.dims<"tokens">>
  %a = lathe.linear %v, %w : tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<8x8xf32> -> tensor<?x8xf32, #lathe.dims<"tokens">>
  return %a : tensor<?x8xf32, #lathe.dims<"tokens">>
}

// -----

// Embeddings: two gathers, their sum and its norm are rows of one kernel.

// CHECK-LABEL: func @embeddings
//       CHECK:   call @gather_gather_add_layer_norm_
//  CHECK-NEXT:   return
func.func @embeddings(%table: tensor<9x8xf32>, %types: tensor<2x8xf32>, %i: tensor<4xi32>, %j: tensor<4xi32>, %n: tensor<8xf32>) -> tensor<4x8xf32> {
  %a = lathe.gather %table[%i] : tensor<9x8xf32>, tensor<4xi32> -> tensor<4x8xf32>
  %b = lathe.gather %types[%j] : tensor<2x8xf32>, tensor<4xi32> -> tensor<4x8xf32>
  %s = arith.addf %a, %b : tensor<4x8xf32>
  %y = lathe.layer_norm %s, %n, %n eps 1.0 : tensor<4x8xf32>, tensor<8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// The rotations of one projection go with the append, whose results are the
// pages themselves.

// CHECK-LABEL: func @rotate_and_append
//       CHECK:   call @rope_rope_append_{{.*}} {lathe.name = "query"
//       CHECK: func private @rope_rope_append_
//  CHECK-SAME:   tensor<4x1x4x32xf32> {lathe.tied = 3 : i64}, tensor<4x1x32x4xf32> {lathe.tied = 4 : i64}
func.func @rotate_and_append(%p: tensor<5x16xf32>, %t: tensor<64x4xf32>, %pos: tensor<5xi32>, %seq: tensor<5xi32>, %pt: tensor<2x2xi32>,
    %keys: tensor<4x1x4x32xf32>, %values: tensor<4x1x32x4xf32>) -> (tensor<5x2x4xf32>, tensor<4x1x4x32xf32>, tensor<4x1x32x4xf32>) {
  %q = tensor.extract_slice %p[0, 0] [5, 8] [1, 1] : tensor<5x16xf32> to tensor<5x8xf32>
  %k = tensor.extract_slice %p[0, 8] [5, 4] [1, 1] : tensor<5x16xf32> to tensor<5x4xf32>
  %v = tensor.extract_slice %p[0, 12] [5, 4] [1, 1] : tensor<5x16xf32> to tensor<5x4xf32>
  %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [5, 2, 4] : tensor<5x8xf32> into tensor<5x2x4xf32>
  %kh = tensor.expand_shape %k [[0], [1, 2]] output_shape [5, 1, 4] : tensor<5x4xf32> into tensor<5x1x4xf32>
  %vh = tensor.expand_shape %v [[0], [1, 2]] output_shape [5, 1, 4] : tensor<5x4xf32> into tensor<5x1x4xf32>
  %qr = lathe.rope %qh at %pos, %t : tensor<5x2x4xf32>, tensor<5xi32>, tensor<64x4xf32> loc("query")
  %kr = lathe.rope %kh at %pos, %t : tensor<5x1x4xf32>, tensor<5xi32>, tensor<64x4xf32>
  %nk, %nv = lathe.append %kr, %vh to %keys, %values at %pos, %seq, %pt : tensor<5x1x4xf32>, tensor<5x1x4xf32>, tensor<4x1x4x32xf32>, tensor<4x1x32x4xf32>, tensor<5xi32>, tensor<5xi32>, tensor<2x2xi32>
  return %qr, %nk, %nv : tensor<5x2x4xf32>, tensor<4x1x4x32xf32>, tensor<4x1x32x4xf32>
}
