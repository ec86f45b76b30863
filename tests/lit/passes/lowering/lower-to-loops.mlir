// RUN: lathe-opt %s --split-input-file --verify-diagnostics --lathe-lower-to-loops --canonicalize | FileCheck %s

// A tile is a row; elements are computed in float64 and rounded when stored.

// CHECK:       #[[TILES:.*]] = affine_map<() -> (4)>
// CHECK-LABEL: func private @activation(
//  CHECK-SAME:     %[[ARGS:.*]]: !llvm.ptr, %{{.*}}: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64) -> i32
//  CHECK-SAME:     lathe.kernel, lathe.scratch_bytes = 0 : i64, lathe.tiles = #[[TILES]]
//       CHECK:   scf.for %[[ROW:.*]] = %[[BEGIN]] to %[[END]]
//       CHECK:     scf.for
//       CHECK:       %[[LOADED:.*]] = llvm.load {{.*}} -> f32
//       CHECK:       %[[X:.*]] = arith.extf %[[LOADED]] : f32 to f64
//       CHECK:       %[[ROUNDED:.*]] = arith.truncf %{{.*}} : f64 to f32
//       CHECK:       llvm.store %[[ROUNDED]]
//       CHECK:   return %{{.*}} : i32
func.func private @activation(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {lathe.kernel} {
  %y = lathe.activation relu %x : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// The sum of a row is made once, before the loop over its elements.

// CHECK-LABEL: func private @row(
//       CHECK:   scf.for
//       CHECK:     %[[SQUARES:.*]] = scf.for
//       CHECK:     arith.divf %[[SQUARES]]
//       CHECK:     scf.for
//   CHECK-NOT:       scf.for
//       CHECK:       llvm.store
func.func private @row(%x: tensor<?x8xf32, #lathe.dims<"tokens">>, %w: tensor<8xf32>)
    -> tensor<?x8xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.rms_norm %x, %w eps 1.0e-5 : tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<8xf32>
  return %y : tensor<?x8xf32, #lathe.dims<"tokens">>
}

// -----

// Both results of an element are computed before the first is stored: the sum
// is written over an operand of the norm.

// CHECK-LABEL: func private @in_place(
//       CHECK:   scf.for
//       CHECK:     scf.for
//       CHECK:     scf.for
//       CHECK:       llvm.store
//   CHECK-NOT:       llvm.load
//       CHECK:       llvm.store
//   CHECK-NOT:       llvm.load
//       CHECK:   return
func.func private @in_place(%x: tensor<4x8xf32>, %f: tensor<4x8xf32>, %w: tensor<8xf32>)
    -> (tensor<4x8xf32> {lathe.tied = 0 : i64}, tensor<4x8xf32>) attributes {lathe.kernel} {
  %s, %y = lathe.add_rms_norm %x, %f, %w eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
  return %s, %y : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// Results of two shapes are one tile.

// CHECK:       affine_map<() -> (1)>
// CHECK-LABEL: func private @two_shapes(
func.func private @two_shapes(%x: tensor<4x8xf32>, %z: tensor<3x5xf32>)
    -> (tensor<4x8xf32>, tensor<3x5xf32>) attributes {lathe.kernel} {
  %0 = lathe.activation silu %x : tensor<4x8xf32>
  %1 = lathe.activation silu %z : tensor<3x5xf32>
  return %0, %1 : tensor<4x8xf32>, tensor<3x5xf32>
}

// -----

// Attention keeps the float64 sums of one head in scratch.

// CHECK-LABEL: func private @attention(
//  CHECK-SAME:     lathe.scratch_bytes = 128
func.func private @attention(%q: tensor<7x4x9xf32>, %s: tensor<7xi32>) -> tensor<7x4x9xf32>
    attributes {lathe.kernel} {
  %y = lathe.attention %q, %q, %q by %s scale 1.0 causal : tensor<7x4x9xf32>, tensor<7x4x9xf32>, tensor<7xi32>
  return %y : tensor<7x4x9xf32>
}

// -----

// A panel is a loop over its columns, which end with the row.

// CHECK-LABEL: func private @panels(
//       CHECK:   %[[END:.*]] = arith.select
//       CHECK:   scf.for %{{.*}} = %{{.*}} to %[[END]]
//       CHECK:     arith.cmpf olt
func.func private @panels(%x: tensor<4x67xf32>) -> (tensor<4x3xf32>, tensor<4x3xi32>)
    attributes {lathe.kernel} {
  %v, %p = lathe.panel_argmax %x : tensor<4x67xf32> -> tensor<4x3xf32>, tensor<4x3xi32>
  return %v, %p : tensor<4x3xf32>, tensor<4x3xi32>
}

// -----

// Left alone: not a kernel.

// CHECK-LABEL: func @entry(
//       CHECK:   lathe.activation
func.func @entry(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %y = lathe.activation relu %x : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

func.func private @no_loops(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {lathe.kernel} {
  // expected-error @below {{is not an op that loops can be made of}}
  %y = math.atan %x : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

func.func private @nameless(%x: tensor<?x8xf32>) -> tensor<?x8xf32> attributes {lathe.kernel} {
  // expected-error @below {{expects a symbol for each dynamic size in a kernel, got 'tensor<?x8xf32>'}}
  %y = lathe.activation relu %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

func.func private @shifting(%x: tensor<4x8xf32>, %at: index) -> tensor<4x2xf32> attributes {lathe.kernel} {
  // expected-error @below {{expects static offsets and strides in a kernel}}
  %y = tensor.extract_slice %x[0, %at] [4, 2] [1, 1] : tensor<4x8xf32> to tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// -----

func.func private @lost_pages(%k: tensor<7x2x8xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x32x8xf32>,
                              %p: tensor<7xi32>, %pt: tensor<3x4xi32>) -> tensor<9x2x8x32xf32>
    attributes {lathe.kernel} {
  // expected-error @below {{expects to be a result of its kernel}}
  %nk, %nv = lathe.append %k, %k to %kp, %vp at %p, %p, %pt
      : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>,
        tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return %nk : tensor<9x2x8x32xf32>
}

// -----

func.func private @copied_pages(%k: tensor<7x2x8xf32>, %kp: tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, %vp: tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, %p: tensor<7xi32>, %pt: tensor<3x4xi32>) -> (tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>)
    attributes {lathe.kernel, lathe.symbols = ["pages"]} {
  // expected-error @below {{expects quantised pages to be updated in place}}
  %nk, %nv = lathe.append %k, %k to %kp, %vp at %p, %p, %pt : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return %nk, %nv : tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>
}
