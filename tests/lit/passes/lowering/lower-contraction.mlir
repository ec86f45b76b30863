// RUN: lathe-opt --pass-pipeline='builtin.module(func.func(lathe-lower-contraction))' %s | FileCheck %s

!rows = tensor<?x97xf32, #lathe.dims<"tokens">>
!wide = tensor<?x64xf32, #lathe.dims<"tokens">>
!weight = tensor<64x97xf32, #lathe.packed<columns = 32, depth = 1>>

// CHECK: #[[TILES:.*]] = affine_map<()[s0] -> ((s0 ceildiv 4) * 2)>

// Two rows and one panel of two vectors: four chains, each one fma a term. The
// lines of the results are asked for before, the next panel in between.
// CHECK-LABEL: func.func private @linear
// CHECK-SAME: (%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64) -> i32
// CHECK-SAME: lathe.scratch_bytes = 576 : i64, lathe.tiles = #[[TILES]]
// CHECK-COUNT-4: "llvm.intr.prefetch"{{.*}}rw = 1
// CHECK-NOT: llvm.intr.prefetch
// CHECK: %[[SUMS:.*]]:4 = scf.for
// CHECK-COUNT-1: "llvm.intr.prefetch"{{.*}}rw = 0
// CHECK-COUNT-4: llvm.intr.fma
// CHECK-NOT: llvm.intr.fma
// CHECK: scf.yield
// Exactly the sums of the row that may be left over: as wide as two rows.
// CHECK: scf.if
// CHECK: %{{.*}}:2 = scf.for
// CHECK-COUNT-2: llvm.intr.fma
// CHECK-NOT: llvm.intr.fma
// CHECK: return
func.func private @linear(%x: !rows, %w: !weight) -> !wide
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 2, columns = 32, row_block = 4>} {
  %y = lathe.linear %x, %w : !rows, !weight -> !wide
  return %y : !wide
}

// Elementwise ops around it run on vectors, in place where a result is tied.
// CHECK-LABEL: func.func private @fused
// CHECK-NOT: tensor<
// CHECK: scf.for
// CHECK: arith.addf {{.*}} : vector<16xf32>
// CHECK: arith.select {{.*}} vector<16xf32>
// CHECK: arith.addf {{.*}} : vector<16xf32>
// CHECK: llvm.store {{.*}} : vector<16xf32>, !llvm.ptr
// CHECK-NOT: tensor<
// CHECK: return
func.func private @fused(%x: !rows, %w: !weight, %b: tensor<64xf32>, %r: !wide)
    -> (!wide {lathe.tied = 3 : i64})
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 2, columns = 32, row_block = 4>} {
  %y = lathe.linear %x, %w bias %b : tensor<64xf32> : !rows, !weight -> !wide
  %a = lathe.activation relu %y : !wide
  %s = arith.addf %a, %r : !wide
  return %s : !wide
}

// The order of a sum in chunks is the op's: 97 = 6 x 16 + 1.
// CHECK-LABEL: func.func private @chunks
// CHECK: %[[SIXTEEN:.*]] = arith.constant 16 : i64
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %[[SIXTEEN]]
func.func private @chunks(%x: !rows, %w: !weight) -> !wide
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 1, columns = 16, row_block = 1>} {
  %y = lathe.linear %x, %w reduce <chunk = 16> : !rows, !weight -> !wide
  return %y : !wide
}

// A norm before the sums is computed once a worker: the header of scratch says
// for which launch, and which block of rows.
// CHECK-LABEL: func.func private @prologue
//       CHECK: %[[LAUNCH:.*]] = llvm.load %{{.*}} invariant {{.*}} -> i64
//       CHECK: %[[HEADER:.*]] = llvm.getelementptr %{{.*}}[-64]
//       CHECK: arith.cmpi ne, %{{.*}}, %[[LAUNCH]]
//       CHECK: scf.if
//       CHECK:   llvm.intr.sqrt
//       CHECK:   llvm.store %[[LAUNCH]]
//       CHECK: llvm.intr.fma
func.func private @prologue(%x: !rows, %g: tensor<97xf32>, %w: !weight) -> !wide
    attributes {lathe.kernel, lathe.row_limit = 16 : i64,
                lathe.schedule = #lathe.schedule<rows = 2, columns = 32, row_block = 16>} {
  %n = lathe.rms_norm %x, %g eps 1.0e-5 : !rows, tensor<97xf32>
  %y = lathe.linear %n, %w : !rows, !weight -> !wide
  return %y : !wide
}

// Heads of the result are made of the sums of a whole tile: two of 32 columns, of
// which the second is written to the cache as it is.
!heads = tensor<?x1x32xf32, #lathe.dims<"tokens">>
!half = tensor<?x32xf32, #lathe.dims<"tokens">>
!index = tensor<?xi32, #lathe.dims<"tokens">>
!keys = tensor<?x1x32x32xf32, #lathe.dims<"pages">>
!pages = tensor<?x?xi32, #lathe.dims<"slots", "slot_pages">>
// CHECK-LABEL: func.func private @heads
//   CHECK-NOT:   {{= lathe\.}}
//       CHECK:   %{{.*}}:4 = scf.for
//       CHECK:   scf.for
//       CHECK:     arith.subf
//       CHECK:     arith.addf
//       CHECK:     vector.extract
//   CHECK-NOT:   {{= lathe\.}}
//       CHECK:   return
func.func private @heads(%x: !rows, %w: !weight, %p: !index, %t: tensor<64x32xf32>, %k: !keys, %v: !keys, %s: !index, %pt: !pages)
    -> (!keys {lathe.tied = 4 : i64}, !keys {lathe.tied = 5 : i64})
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 2, columns = 32, row_block = 4, panels = 2>} {
  %y = lathe.linear %x, %w : !rows, !weight -> !wide
  %c0 = arith.constant 0 : index
  %n = tensor.dim %y, %c0 : !wide
  %a = tensor.extract_slice %y[0, 0] [%n, 32] [1, 1] : !wide to !half
  %b = tensor.extract_slice %y[0, 32] [%n, 32] [1, 1] : !wide to !half
  %ah = tensor.expand_shape %a [[0], [1, 2]] output_shape [%n, 1, 32] : !half into !heads
  %bh = tensor.expand_shape %b [[0], [1, 2]] output_shape [%n, 1, 32] : !half into !heads
  %r = lathe.rope %ah at %p, %t : !heads, !index, tensor<64x32xf32>
  %nk, %nv = lathe.append %r, %bh to %k, %v at %p, %s, %pt : !heads, !heads, !keys, !keys, !index, !index, !pages
  return %nk, %nv : !keys, !keys
}

// Left alone: the weight is not packed.
// CHECK-LABEL: func.func private @plain
// CHECK: lathe.linear
func.func private @plain(%x: !rows, %w: tensor<64x97xf32>) -> !wide
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 2>} {
  %y = lathe.linear %x, %w : !rows, tensor<64x97xf32> -> !wide
  return %y : !wide
}

// Left alone: a norm needs the whole row before its first number.
// CHECK-LABEL: func.func private @norm
// CHECK: lathe.linear
func.func private @norm(%x: !rows, %w: !weight, %n: tensor<64xf32>) -> !wide
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 2>} {
  %y = lathe.linear %x, %w : !rows, !weight -> !wide
  %z = lathe.rms_norm %y, %n eps 1.0e-5 : !wide, tensor<64xf32>
  return %z : !wide
}

// Left alone: nobody chose a schedule.
// CHECK-LABEL: func.func private @unscheduled
// CHECK: lathe.linear
func.func private @unscheduled(%x: !rows, %w: !weight) -> !wide attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : !rows, !weight -> !wide
  return %y : !wide
}

// Of rows that an argmax reads, the largest of each panel is stored, and no row:
// here of 64 columns by two vectors a panel.
!maxima = tensor<?x2xf32, #lathe.dims<"tokens">>
!places = tensor<?x2xi32, #lathe.dims<"tokens">>
// CHECK-LABEL: func.func private @panels
//   CHECK-NOT:   "llvm.intr.prefetch"{{.*}}rw = 1
// CHECK-COUNT-2: arith.cmpf ogt, {{.*}} : vector<16xf32>
//   CHECK-NOT:   arith.cmpf ogt
//       CHECK:   llvm.store %{{.*}} : f32, !llvm.ptr
//       CHECK:   llvm.store %{{.*}} : i32, !llvm.ptr
//       CHECK:   return
func.func private @panels(%x: !rows, %w: !weight, %b: tensor<64xf32>) -> (!maxima, !places)
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 2, columns = 32, row_block = 4>} {
  %y = lathe.linear %x, %w bias %b : tensor<64xf32> : !rows, !weight -> !wide
  %v, %p = lathe.panel_argmax %y : !wide -> !maxima, !places
  return %v, %p : !maxima, !places
}

// Past the last of 33 columns a panel has no numbers.
!few = tensor<?x33xf32, #lathe.dims<"tokens">>
!cut = tensor<33x97xf32, #lathe.packed<columns = 32, depth = 1>>
// CHECK-LABEL: func.func private @cut_panel
//       CHECK:   scf.if
// CHECK-COUNT-2: arith.select %{{.*}}, %{{.*}}, %{{.*}} : vector<16xi1>, vector<16xf32>
//       CHECK:   } else {
func.func private @cut_panel(%x: !rows, %w: !cut) -> !places
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 1, columns = 16, row_block = 4>} {
  %y = lathe.linear %x, %w : !rows, !cut -> !few
  %v, %p = lathe.panel_argmax %y : !few -> !maxima, !places
  return %p : !places
}

// Left alone: the kernel returns the rows too.
// CHECK-LABEL: func.func private @panels_and_rows
// CHECK: lathe.linear
func.func private @panels_and_rows(%x: !rows, %w: !weight) -> (!wide, !maxima)
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 2, columns = 32, row_block = 4>} {
  %y = lathe.linear %x, %w : !rows, !weight -> !wide
  %v, %p = lathe.panel_argmax %y : !wide -> !maxima, !places
  return %y, %v : !wide, !maxima
}

// Left alone: a tile of the launch is half a panel.
!halves = tensor<64x97xf32, #lathe.packed<columns = 16, depth = 1>>
// CHECK-LABEL: func.func private @half_panels
// CHECK: lathe.linear
func.func private @half_panels(%x: !rows, %w: !halves) -> (!maxima, !places)
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 2, columns = 32, row_block = 4>} {
  %y = lathe.linear %x, %w : !rows, !halves -> !wide
  %v, %p = lathe.panel_argmax %y : !wide -> !maxima, !places
  return %v, %p : !maxima, !places
}
