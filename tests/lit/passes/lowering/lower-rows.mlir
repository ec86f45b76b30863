// RUN: lathe-opt %s --split-input-file --verify-diagnostics --lathe-lower-rows | FileCheck %s

// One tile is 16 tokens; a row of 40 columns is two vectors and 8 lanes more.

// CHECK-LABEL: func.func private @rms_norm(
//  CHECK-SAME:     %[[ARGS:.*]]: !llvm.ptr, %[[SCRATCH:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64) -> i32
//  CHECK-SAME:     lathe.scratch_bytes = 0 : i64
//  CHECK-SAME:     lathe.tiles = #map
//       CHECK:   scf.for
//       CHECK:     %[[SUM:.*]] = scf.for {{.*}} iter_args
//       CHECK:       llvm.intr.fma
//       CHECK:     arith.select {{.*}} vector<16xi1>, vector<16xf32>
//       CHECK:     vector.shuffle {{.*}} [8, 9, 10, 11, 12, 13, 14, 15]
//       CHECK:     llvm.intr.sqrt
//       CHECK:     scf.for
//       CHECK:       llvm.store {{.*}} vector<16xf32>
//       CHECK:     llvm.intr.masked.store
//       CHECK:   return
func.func private @rms_norm(%x: tensor<?x40xf32, #lathe.dims<"tokens">>, %w: tensor<40xf32>)
    -> tensor<?x40xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.rms_norm %x, %w eps 1.0e-5 : tensor<?x40xf32, #lathe.dims<"tokens">>, tensor<40xf32>
  return %y : tensor<?x40xf32, #lathe.dims<"tokens">>
}

// -----

// The sum of the embeddings waits in scratch for its norm.

// CHECK-LABEL: func.func private @embeddings(
//  CHECK-SAME:     lathe.scratch_bytes = 64 : i64
//   CHECK-NOT:   lathe.gather
//       CHECK:   return
func.func private @embeddings(%words: tensor<9x8xf32>, %types: tensor<2x8xf32>, %i: tensor<4xi32>,
                              %j: tensor<4xi32>, %w: tensor<8xf32>) -> tensor<4x8xf32>
    attributes {lathe.kernel} {
  %a = lathe.gather %words[%i] : tensor<9x8xf32>, tensor<4xi32> -> tensor<4x8xf32>
  %b = lathe.gather %types[%j] : tensor<2x8xf32>, tensor<4xi32> -> tensor<4x8xf32>
  %s = arith.addf %a, %b : tensor<4x8xf32>
  %y = lathe.layer_norm %s, %w, %w eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// A row of a packed table is read lane by lane, here 3 of them.

// CHECK-LABEL: func.func private @packed(
// CHECK-COUNT-3: vector.insert
//   CHECK-NOT:   vector.insert
//       CHECK:   return
func.func private @packed(%t: tensor<9x3xf32, #lathe.packed<columns = 32, depth = 1>>, %i: tensor<4xi32>)
    -> tensor<4x3xf32> attributes {lathe.kernel} {
  %y = lathe.gather %t[%i] : tensor<9x3xf32, #lathe.packed<columns = 32, depth = 1>>, tensor<4xi32> -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

// The schedule says how many tokens a tile has.

// CHECK: #[[MAP:.*]] = affine_map<()[s0] -> (s0 ceildiv 3)>
// CHECK-LABEL: func.func private @scheduled(
//  CHECK-SAME:     lathe.tiles = #[[MAP]]
func.func private @scheduled(%x: tensor<?x8xf32, #lathe.dims<"rows">>)
    -> tensor<?xi32, #lathe.dims<"rows">>
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<row_block = 3>} {
  %y = lathe.argmax %x : tensor<?x8xf32, #lathe.dims<"rows">> -> tensor<?xi32, #lathe.dims<"rows">>
  return %y : tensor<?xi32, #lathe.dims<"rows">>
}

// -----

// Left alone: not a kernel.

// CHECK-LABEL: func.func @entry(
//       CHECK:   lathe.softcap
func.func @entry(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %y = lathe.softcap %x cap 5.0 : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// Left alone: a contraction has a lowering of its own.

// CHECK-LABEL: func.func private @linear(
//       CHECK:   lathe.linear
func.func private @linear(%x: tensor<4x8xf32>, %w: tensor<3x8xf32>) -> tensor<4x3xf32>
    attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<4x8xf32>, tensor<3x8xf32> -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

func.func private @norm_after_rope(%x: tensor<4x2x8xf32>, %p: tensor<4xi32>, %t: tensor<9x8xf32>,
                                   %w: tensor<8xf32>) -> tensor<4x2x8xf32>
    attributes {lathe.kernel} {
  %r = lathe.rope %x at %p, %t : tensor<4x2x8xf32>, tensor<4xi32>, tensor<9x8xf32>
  // expected-error@+1 {{reads rotated heads}}
  %y = lathe.rms_norm %r, %w eps 1.0e-5 : tensor<4x2x8xf32>, tensor<8xf32>
  return %y : tensor<4x2x8xf32>
}

// -----

func.func private @computed_weight(%x: tensor<4x8xf32>, %w: tensor<8xf32>) -> tensor<4x8xf32>
    attributes {lathe.kernel} {
  %v = arith.addf %w, %w : tensor<8xf32>
  // expected-error@+1 {{reads a weight that its kernel computes, or whose elements are no neighbours}}
  %y = lathe.rms_norm %x, %v eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// expected-error@+1 {{has results of different numbers of rows}}
func.func private @two_counts(%x: tensor<4x8xf32>, %y: tensor<5x8xf32>)
    -> (tensor<4x8xf32>, tensor<5x8xf32>) attributes {lathe.kernel} {
  %a = lathe.softcap %x cap 5.0 : tensor<4x8xf32>
  %b = lathe.softcap %y cap 5.0 : tensor<5x8xf32>
  return %a, %b : tensor<4x8xf32>, tensor<5x8xf32>
}

// -----

// A weight may be neighbours in a larger argument: here elements 16 to 23.

// CHECK-LABEL: func.func private @viewed_weight(
//       CHECK:   arith.constant 16 : i64
func.func private @viewed_weight(%x: tensor<4x8xf32>, %w: tensor<2x2x8xf32>) -> tensor<4x8xf32>
    attributes {lathe.kernel} {
  %v = tensor.extract_slice %w[1, 0, 0] [1, 1, 8] [1, 1, 1] : tensor<2x2x8xf32> to tensor<8xf32>
  %y = lathe.rms_norm %x, %v eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
  return %y : tensor<4x8xf32>
}

// -----

func.func private @scattered_weight(%x: tensor<4x8xf32>, %w: tensor<8x2xf32>) -> tensor<4x8xf32>
    attributes {lathe.kernel} {
  %v = tensor.extract_slice %w[0, 1] [8, 1] [1, 1] : tensor<8x2xf32> to tensor<8xf32>
  // expected-error@+1 {{reads a weight that its kernel computes, or whose elements are no neighbours}}
  %y = lathe.rms_norm %x, %v eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
  return %y : tensor<4x8xf32>
}

// -----

func.func private @norm_of_a_vector(%x: tensor<8xf32>) -> tensor<8xf32> attributes {lathe.kernel} {
  // expected-error@+1 {{has an input of rank 1 where a row kernel takes 2 or 3}}
  %y = lathe.l2_normalize %x eps 1.0e-5 : tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

func.func private @unknown_rows(%x: tensor<4x?xf32, #lathe.dims<"n">>) -> tensor<4x?xf32, #lathe.dims<"n">>
    attributes {lathe.kernel, lathe.symbols = ["n"]} {
  // expected-error@+1 {{has rows of unknown size}}
  %y = arith.negf %x : tensor<4x?xf32, #lathe.dims<"n">>
  return %y : tensor<4x?xf32, #lathe.dims<"n">>
}

// -----

// A panel of 32 columns is two vectors; the last one, of 3 columns, is less than
// one. What nothing reads is not stored.

// CHECK-LABEL: func.func private @panels(
//       CHECK:   scf.for
//       CHECK:     arith.cmpf ogt, {{.*}} : vector<16xf32>
//       CHECK:     arith.cmpf ogt, {{.*}} : vector<16xf32>
//       CHECK:     llvm.store {{.*}} : i32
//   CHECK-NOT:     llvm.store
//       CHECK:   }
//       CHECK:   arith.cmpf ogt, {{.*}} : vector<16xf32>
//   CHECK-NOT:   arith.cmpf ogt, {{.*}} : vector<16xf32>
//       CHECK:   return
func.func private @panels(%x: tensor<4x67xf32>) -> tensor<4x3xi32> attributes {lathe.kernel} {
  %v, %p = lathe.panel_argmax %x : tensor<4x67xf32> -> tensor<4x3xf32>, tensor<4x3xi32>
  return %p : tensor<4x3xi32>
}

// -----

func.func private @panels_read_again(%x: tensor<4x67xf32>) -> (tensor<4x3xf32>, tensor<4x3xi32>)
    attributes {lathe.kernel} {
  // expected-error@+1 {{is not the result of its kernel}}
  %v, %p = lathe.panel_argmax %x : tensor<4x67xf32> -> tensor<4x3xf32>, tensor<4x3xi32>
  %c = lathe.softcap %v cap 5.0 : tensor<4x3xf32>
  return %c, %p : tensor<4x3xf32>, tensor<4x3xi32>
}

// -----

func.func private @viewed_places(%x: tensor<4x3xf32>, %q: tensor<4x6xi32>) -> tensor<4xi32>
    attributes {lathe.kernel} {
  %p = tensor.extract_slice %q[0, 3] [4, 3] [1, 1] : tensor<4x6xi32> to tensor<4x3xi32>
  // expected-error@+1 {{reads a computed value where a row kernel needs one of its arguments}}
  %y = lathe.argmax %x of %p : tensor<4x3xf32>, tensor<4x3xi32> -> tensor<4xi32>
  return %y : tensor<4xi32>
}
