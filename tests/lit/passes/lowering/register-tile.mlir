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
