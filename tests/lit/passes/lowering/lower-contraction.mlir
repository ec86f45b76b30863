// RUN: lathe-opt --pass-pipeline='builtin.module(func.func(lathe-lower-contraction))' %s | FileCheck %s

!rows = tensor<?x97xf32, #lathe.dims<"tokens">>
!wide = tensor<?x64xf32, #lathe.dims<"tokens">>
!weight = tensor<64x97xf32, #lathe.packed<columns = 32, depth = 1>>

// CHECK: #[[TILES:.*]] = affine_map<()[s0] -> ((s0 ceildiv 4) * 2)>

// Two rows and one panel of two vectors: four chains, each one fma a term.
// CHECK-LABEL: func.func private @linear
// CHECK-SAME: (%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64) -> i32
// CHECK-SAME: lathe.scratch_bytes = 256 : i64, lathe.tiles = #[[TILES]]
// CHECK: %[[SUMS:.*]]:4 = scf.for
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
