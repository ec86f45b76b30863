// RUN: lathe-opt --pass-pipeline='builtin.module(func.func(lathe-lower-contraction))' %s | FileCheck %s

!wide = tensor<?x48xf32, #lathe.dims<"tokens">>
!rows = tensor<?x16xf32, #lathe.dims<"tokens">>
!heads = tensor<?x4x4xf32, #lathe.dims<"tokens">>
!weight = tensor<16x16xf32, #lathe.packed<columns = 32, depth = 1>>

// A view is an address: columns 32 to 47 of rows of 48.
// CHECK-LABEL: func.func private @view
// CHECK: llvm.getelementptr %{{.*}}[32]
// CHECK: arith.constant 48 : i64
// CHECK-NOT: tensor.
// CHECK: return
func.func private @view(%x: !wide, %w: !weight) -> !rows
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 1, row_block = 1>} {
  %t = arith.constant 0 : index
  %d = tensor.dim %x, %t : !wide
  %v = tensor.extract_slice %x[0, 32] [%d, 16] [1, 1] : !wide to !rows
  %y = lathe.linear %v, %w : !rows, !weight -> !rows
  return %y : !rows
}

// Reshapes around it say nothing about memory.
// CHECK-LABEL: func.func private @heads
// CHECK-NOT: tensor.
// CHECK: return
func.func private @heads(%x: !heads, %w: !weight) -> !rows
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 1, row_block = 1>} {
  %v = tensor.collapse_shape %x [[0], [1, 2]] : !heads into !rows
  %y = lathe.linear %v, %w : !rows, !weight -> !rows
  return %y : !rows
}

// A value that two results need is computed once: one division in the soft-cap.
// The block of rows behind the sums in scratch is the prologue's.
// CHECK-LABEL: func.func private @shared
// CHECK-SAME: lathe.scratch_bytes = 320
// CHECK: arith.select
// CHECK: llvm.intr.fma
// CHECK: arith.divf
// CHECK: llvm.store
// CHECK: llvm.store
// CHECK: return
func.func private @shared(%x: !rows, %w: !weight) -> (!rows, !rows)
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 1, row_block = 1>} {
  %p = lathe.activation relu %x : !rows
  %y = lathe.linear %p, %w : !rows, !weight -> !rows
  %z = arith.divf %y, %y : !rows
  %s = arith.addf %z, %z : !rows
  return %z, %s : !rows, !rows
}
