// RUN: lathe-opt %s --split-input-file --verify-diagnostics --lathe-lower-attention | FileCheck %s

// A tile is a block of tokens and one of three key heads; the keys of a chunk
// are transposed by shuffles; no score matrix leaves scratch.

// CHECK: #[[MAP:.*]] = affine_map<()[s0] -> ((s0 ceildiv 128) * 3)>
// CHECK-LABEL: func.func private @forward(
//  CHECK-SAME:     %[[ARGS:.*]]: !llvm.ptr, %[[SCRATCH:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64) -> i32
//  CHECK-SAME:     lathe.tiles = #[[MAP]]
//       CHECK:   scf.for %{{.*}} = %[[BEGIN]] to %[[END]]
//       CHECK:     scf.while
//       CHECK:     vector.shuffle
//       CHECK:     llvm.intr.fma
//       CHECK:     return
func.func private @forward(%q: tensor<?x6x16xf32, #lathe.dims<"tokens">>,
                           %k: tensor<?x3x16xf32, #lathe.dims<"tokens">>,
                           %s: tensor<?xi32, #lathe.dims<"tokens">>)
    -> tensor<?x6x16xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.attention %q, %k, %k by %s scale 0.25 causal
      : tensor<?x6x16xf32, #lathe.dims<"tokens">>, tensor<?x3x16xf32, #lathe.dims<"tokens">>,
        tensor<?xi32, #lathe.dims<"tokens">>
  return %y : tensor<?x6x16xf32, #lathe.dims<"tokens">>
}

// -----

// Pages are read as they are, and fetched before they are needed.

// CHECK-LABEL: func.func private @cached(
//   CHECK-NOT:   vector.shuffle {{.*}} [0, 1, 2, 3, 4, 5, 6, 7, 16
//       CHECK:   llvm.intr.prefetch
//       CHECK:   return
func.func private @cached(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8x32xf32>, %v: tensor<6x2x32x8xf32>,
                          %p: tensor<2xi32>, %s: tensor<2xi32>, %t: tensor<2x3xi32>)
    -> tensor<2x4x8xf32> attributes {lathe.kernel} {
  %y = lathe.cached_attention %q, %k, %v at %p, %s, %t scale 0.25
      : tensor<2x4x8xf32>, tensor<6x2x8x32xf32>, tensor<6x2x32x8xf32>, tensor<2xi32>,
        tensor<2xi32>, tensor<2x3xi32>
  return %y : tensor<2x4x8xf32>
}

// -----

// The result is stored rounded.

// CHECK-LABEL: func.func private @rounded(
//       CHECK:   arith.trunci {{.*}} : vector<16xi32> to vector<16xi16>
//       CHECK:   return
func.func private @rounded(%q: tensor<4x2x16xf32>, %s: tensor<4xi32>) -> tensor<4x2x16xbf16> attributes {lathe.kernel} {
  %y = lathe.attention %q, %q, %q by %s scale 0.25
      : tensor<4x2x16xf32>, tensor<4x2x16xf32>, tensor<4xi32>
  %n = arith.truncf %y : tensor<4x2x16xf32> to tensor<4x2x16xbf16>
  return %n : tensor<4x2x16xbf16>
}

// -----

// Pairs of bf16: of elements of a head, then of keys, the powers rounded.

// CHECK-LABEL: func.func private @pairs(
//       CHECK:   llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
//       CHECK:   arith.truncf {{.*}} : vector<16xf32> to vector<16xbf16>
//       CHECK:   llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
//       CHECK:   return
func.func private @pairs(%q: tensor<4x2x16xbf16>, %s: tensor<4xi32>) -> tensor<4x2x16xbf16>
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<dot = bf16>} {
  %y = lathe.attention %q, %q, %q by %s scale 0.25
      : tensor<4x2x16xbf16>, tensor<4x2x16xbf16>, tensor<4xi32>
  return %y : tensor<4x2x16xbf16>
}

// -----

// Quantised pages become panels of f32 in scratch: 2 of 128 keys of 8.

// CHECK-LABEL: func.func private @quantised(
//       CHECK:   arith.sitofp {{.*}} : vector<16xi32> to vector<16xf32>
//       CHECK:   return
func.func private @quantised(%q: tensor<7x4x8xf32>, %kp: tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, %vp: tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) -> tensor<7x4x8xf32>
    attributes {lathe.kernel, lathe.symbols = ["pages"]} {
  %y = lathe.cached_attention %q, %kp, %vp at %p, %s, %pt scale 0.5 : tensor<7x4x8xf32>, tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return %y : tensor<7x4x8xf32>
}

// -----

// Left alone: no attention.

// CHECK-LABEL: func.func private @softcap(
//       CHECK:   lathe.softcap
func.func private @softcap(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {lathe.kernel} {
  %y = lathe.softcap %x cap 5.0 : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

func.func private @computed_query(%q: tensor<4x1x8xf32>, %s: tensor<4xi32>) -> tensor<4x1x8xf32>
    attributes {lathe.kernel} {
  %x = arith.addf %q, %q : tensor<4x1x8xf32>
  // expected-error@+1 {{reads a computed value where its kernel needs an argument}}
  %y = lathe.attention %x, %q, %q by %s scale 0.25
      : tensor<4x1x8xf32>, tensor<4x1x8xf32>, tensor<4xi32>
  return %y : tensor<4x1x8xf32>
}

// -----

func.func private @with_epilogue(%q: tensor<4x1x8xf32>, %s: tensor<4xi32>) -> tensor<4x1x8xf32>
    attributes {lathe.kernel} {
  // expected-error@+1 {{is not the only result of its kernel}}
  %y = lathe.attention %q, %q, %q by %s scale 0.25
      : tensor<4x1x8xf32>, tensor<4x1x8xf32>, tensor<4xi32>
  %z = arith.addf %y, %q : tensor<4x1x8xf32>
  return %z : tensor<4x1x8xf32>
}
