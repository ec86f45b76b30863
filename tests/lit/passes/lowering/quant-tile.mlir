// RUN: lathe-opt --pass-pipeline='builtin.module(func.func(lathe-lower-contraction))' %s | FileCheck %s

!rows = tensor<?x256xf32, #lathe.dims<"tokens">>
!out = tensor<?x16xf32, #lathe.dims<"tokens">>
!q4_0 = tensor<16x256xf32, #lathe.packed<columns = 32, depth = 8,
    quant = <quantum = ui4, group = 32, scale = f16, zero = 8>>>
!q6_k = tensor<16x256xf32, #lathe.packed<columns = 32, depth = 8,
    quant = <quantum = ui6, group = 16, scale = si8, zero = 32, block = 256>>>

// Many rows share what is decoded into scratch.
// CHECK-LABEL: func.func private @shared
//       CHECK:   arith.sitofp {{.*}} : vector<16xi32> to vector<16xf32>
//       CHECK:   llvm.store {{.*}} : vector<16xf32>, !llvm.ptr
//       CHECK:   scf.for {{.*}} -> (vector<16xf32>)
//   CHECK-NOT:     arith.sitofp
//       CHECK:     llvm.intr.fma
func.func private @shared(%x: !rows, %w: !q4_0) -> !out
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 1, columns = 16, row_block = 4>} {
  %y = lathe.linear %x, %w : !rows, !q4_0 -> !out
  return %y : !out
}

// Few decode in registers: a word, eight masked shifts, eight conversions, and
// for each one fma that scales and one that adds.
// CHECK-LABEL: func.func private @one_level
//       CHECK:     llvm.load {{.*}} -> vector<16xf16>
//       CHECK:     scf.for {{.*}} -> (vector<16xf32>)
//       CHECK:       llvm.load {{.*}} -> vector<16xi32>
// CHECK-COUNT-8:       arith.sitofp {{.*}} : vector<16xi32> to vector<16xf32>
//       CHECK:       llvm.intr.fma
//       CHECK:       scf.yield
func.func private @one_level(%x: !rows, %w: !q4_0) -> !out
    attributes {lathe.kernel, lathe.row_limit = 16 : i64, lathe.schedule = #lathe.schedule<rows = 1, columns = 16, row_block = 4>} {
  %y = lathe.linear %x, %w : !rows, !q4_0 -> !out
  return %y : !out
}

// A factor of the group with a sign, and two bits of each term in a word apart.
// CHECK-LABEL: func.func private @two_levels
//       CHECK:     llvm.load {{.*}} -> vector<16xi8>
//       CHECK:     arith.extsi {{.*}} : vector<16xi8> to vector<16xi32>
//       CHECK:     arith.constant dense<50529027> : vector<16xi32>
func.func private @two_levels(%x: !rows, %w: !q6_k) -> !out
    attributes {lathe.kernel, lathe.row_limit = 16 : i64, lathe.schedule = #lathe.schedule<rows = 1, columns = 16, row_block = 4>} {
  %y = lathe.linear %x, %w : !rows, !q6_k -> !out
  return %y : !out
}

// Left alone: chunks of a sum.
// CHECK-LABEL: func.func private @chunked
//       CHECK:   lathe.linear
func.func private @chunked(%x: !rows, %w: !q4_0) -> !out
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 1, columns = 16, row_block = 4>} {
  %y = lathe.linear %x, %w reduce <chunk = 64> : !rows, !q4_0 -> !out
  return %y : !out
}

// An input that is computed first has its place before what is decoded.
// CHECK-LABEL: func.func private @computed_input
//   CHECK-NOT:   lathe.linear
//       CHECK:   return
func.func private @computed_input(%x: !rows, %w: !q4_0) -> !out
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 1, columns = 16, row_block = 4>} {
  %a = lathe.activation silu %x : !rows
  %y = lathe.linear %a, %w : !rows, !q4_0 -> !out
  return %y : !out
}
