// RUN: lathe-opt --pass-pipeline='builtin.module(func.func(lathe-lower-contraction))' %s | FileCheck %s

!rows = tensor<?x8xf32, #lathe.dims<"rows">>
!weight = tensor<16x8xf32, #lathe.packed<columns = 32, depth = 1>>
!out = tensor<?x16xf32, #lathe.dims<"rows">>

// Arguments are {version, buffers, scalars}: buffers are operands, then results;
// a symbol that stands second in lathe.symbols is the second scalar.
// CHECK: #[[TILES:.*]] = affine_map<()[s0, s1] -> (s1 ceildiv 8)>
// CHECK-LABEL: func.func private @frame
// CHECK-SAME: (%[[ARGS:.*]]: !llvm.ptr, %[[SCRATCH:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64) -> i32
// CHECK-SAME: lathe.kernel
// CHECK-SAME: lathe.tiles = #[[TILES]]
// CHECK: %[[AT:.*]] = llvm.getelementptr %[[ARGS]][1]
// CHECK: %[[BUFFERS:.*]] = llvm.load %[[AT]] invariant {{.*}} -> !llvm.ptr
// CHECK: %[[AT2:.*]] = llvm.getelementptr %[[ARGS]][2]
// CHECK: %[[SCALARS:.*]] = llvm.load %[[AT2]] invariant {{.*}} -> !llvm.ptr
// CHECK: llvm.getelementptr %[[BUFFERS]][2]
// CHECK: %[[OUT:.*]] = llvm.load {{.*}} -> !llvm.ptr
// CHECK-NOT: llvm.getelementptr %[[BUFFERS]][3]
// CHECK: llvm.getelementptr %[[SCALARS]][1]
// CHECK: scf.for %{{.*}} = %[[BEGIN]] to %[[END]]
// CHECK: return %{{.*}} : i32
func.func private @frame(%x: !rows, %w: !weight) -> !out
    attributes {lathe.kernel, lathe.symbols = ["tokens", "rows"], lathe.schedule = #lathe.schedule<row_block = 8>} {
  %y = lathe.linear %x, %w : !rows, !weight -> !out
  return %y : !out
}

// A tied result has no buffer of its own: three, not four.
// CHECK-LABEL: func.func private @tied
// CHECK: %[[AT:.*]] = llvm.getelementptr %{{.*}}[1]
// CHECK: %[[BUFFERS:.*]] = llvm.load %[[AT]] invariant
// CHECK: llvm.getelementptr %[[BUFFERS]][2]
// CHECK-NOT: llvm.getelementptr %[[BUFFERS]][3]
// CHECK: return
func.func private @tied(%x: !rows, %w: !weight, %r: !out) -> (!out {lathe.tied = 2 : i64})
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<row_block = 8>} {
  %y = lathe.linear %x, %w : !rows, !weight -> !out
  %s = arith.addf %y, %r : !out
  return %s : !out
}
