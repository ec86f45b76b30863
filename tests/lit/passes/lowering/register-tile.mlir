// RUN: lathe-opt --pass-pipeline='builtin.module(func.func(lathe-lower-contraction))' %s | FileCheck %s

!rows = tensor<?x7xf32, #lathe.dims<"tokens">>
!out = tensor<?x16xf32, #lathe.dims<"tokens">>

// Two bf16 terms of a column stand in one word; K is odd, so that the last term
// is a step of its own, and the row is not read past its end.
// CHECK-LABEL: func.func private @bf16
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<16xf32>)
// CHECK: %[[WORDS:.*]] = llvm.load {{.*}} -> vector<16xi32>
// CHECK: arith.shli %[[WORDS]]
// CHECK: arith.andi %[[WORDS]]
// CHECK-COUNT-2: llvm.intr.fma
// CHECK: scf.yield
// CHECK: arith.shli
// CHECK: llvm.intr.fma
// CHECK-NOT: llvm.intr.fma
// CHECK: return
func.func private @bf16(%x: !rows, %w: tensor<16x7xbf16, #lathe.packed<columns = 32, depth = 2>>) -> !out
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 1, columns = 16, row_block = 1>} {
  %y = lathe.linear %x, %w : !rows, tensor<16x7xbf16, #lathe.packed<columns = 32, depth = 2>> -> !out
  return %y : !out
}

// f16 is widened by the conversion that every level has.
// CHECK-LABEL: func.func private @f16
// CHECK: arith.extf {{.*}} : vector<16xf16> to vector<16xf32>
func.func private @f16(%x: !rows, %w: tensor<16x7xf16, #lathe.packed<columns = 32, depth = 2>>) -> !out
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 1, columns = 16, row_block = 1>} {
  %y = lathe.linear %x, %w : !rows, tensor<16x7xf16, #lathe.packed<columns = 32, depth = 2>> -> !out
  return %y : !out
}

// Behind a gate a tile holds both halves: here one vector of each.
// CHECK-LABEL: func.func private @gate
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<16xf32>, vector<16xf32>)
// CHECK-COUNT-2: llvm.intr.fma
// CHECK: scf.yield
func.func private @gate(%x: !rows, %w: tensor<32x7xf32, #lathe.packed<columns = 32, depth = 1>>) -> !out
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 1, columns = 32, row_block = 1>} {
  %y = lathe.linear %x, %w : !rows, tensor<32x7xf32, #lathe.packed<columns = 32, depth = 1>>
      -> tensor<?x32xf32, #lathe.dims<"tokens">>
  %z = lathe.gated_activation relu %y : tensor<?x32xf32, #lathe.dims<"tokens">> -> !out
  return %z : !out
}

!pairs = tensor<?x7xbf16, #lathe.dims<"tokens">>

// With the dot product of pairs a step is one instruction; the term that is
// left is the low half of a pair, and what stands behind it is not read.
// CHECK-LABEL: func.func private @dot
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<16xf32>)
// CHECK: llvm.load {{.*}} -> vector<32xbf16>
// CHECK: llvm.load {{.*}} {alignment = 2 : i64} : !llvm.ptr -> i32
// CHECK: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// CHECK: scf.yield
// CHECK: %[[LAST:.*]] = llvm.load {{.*}} -> i16
// CHECK: arith.extui %[[LAST]] : i16 to i32
// CHECK: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// CHECK-NOT: llvm.intr.fma
// CHECK: return
func.func private @dot(%x: !pairs, %w: tensor<16x7xbf16, #lathe.packed<columns = 32, depth = 2>>) -> !out
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 1, columns = 16, row_block = 1, dot = bf16>} {
  %y = lathe.linear %x, %w : !pairs, tensor<16x7xbf16, #lathe.packed<columns = 32, depth = 2>> -> !out
  return %y : !out
}

// Without it both factors are widened, a pair of each at a time.
// CHECK-LABEL: func.func private @widened
// CHECK-NOT: llvm.call_intrinsic
// CHECK: llvm.load {{.*}} {alignment = 2 : i64} : !llvm.ptr -> i32
// CHECK: arith.shli
// CHECK: arith.andi
// CHECK-COUNT-2: llvm.intr.fma
// CHECK: scf.yield
// CHECK: llvm.load {{.*}} -> bf16
// CHECK: llvm.intr.fma
func.func private @widened(%x: !pairs, %w: tensor<16x7xbf16, #lathe.packed<columns = 32, depth = 2>>) -> !out
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 1, columns = 16, row_block = 1>} {
  %y = lathe.linear %x, %w : !pairs, tensor<16x7xbf16, #lathe.packed<columns = 32, depth = 2>> -> !out
  return %y : !out
}
