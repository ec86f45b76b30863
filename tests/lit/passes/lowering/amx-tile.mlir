// RUN: lathe-opt --pass-pipeline='builtin.module(func.func(lathe-lower-contraction))' %s | FileCheck %s

!quanta = tensor<?x64xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 64, scale = f32>>>
!bytes = tensor<32x64xf32, #lathe.packed<columns = 32, depth = 8,
    quant = <quantum = si8, group = 64, scale = f32>>>
!rows = tensor<?x64xbf16, #lathe.dims<"tokens">>
!pairs = tensor<32x64xbf16, #lathe.packed<columns = 32, depth = 2>>
!out = tensor<?x32xf32, #lathe.dims<"tokens">>

// Two tiles of rows by two of columns: a step loads four and multiplies four.
// The integers become numbers behind the loop, where they were stored.
// CHECK-LABEL: func.func private @bytes
//         CHECK:   call_intrinsic "llvm.x86.ldtilecfg"
// CHECK-COUNT-4:   call_intrinsic "llvm.x86.tilezero"
//         CHECK:   scf.for
// CHECK-COUNT-2:     call_intrinsic "llvm.x86.tileloadd64"
//         CHECK:     call_intrinsic "llvm.x86.tdpbsud"
//         CHECK:     call_intrinsic "llvm.x86.tileloadd64"
//         CHECK:     call_intrinsic "llvm.x86.tdpbsud"
//         CHECK:     call_intrinsic "llvm.x86.tileloadd64"
// CHECK-COUNT-2:     call_intrinsic "llvm.x86.tdpbsud"
// CHECK-COUNT-4:   call_intrinsic "llvm.x86.tilestored64"
//         CHECK:   scf.for
//         CHECK:     llvm.load {{.*}} -> vector<16xi32>
//         CHECK:     arith.sitofp
//         CHECK:     llvm.intr.fma
//         CHECK:   call_intrinsic "llvm.x86.tilerelease"
func.func private @bytes(%x: !quanta, %w: !bytes) -> !out
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 32, dot = amx_bytes>} {
  %y = lathe.linear %x, %w : !quanta, !bytes -> !out
  return %y : !out
}

// Of few rows one tile, by as many of columns as there are registers for sums.
// CHECK-LABEL: func.func private @few
// CHECK-COUNT-4: call_intrinsic "llvm.x86.tilezero"
//     CHECK-NOT: call_intrinsic "llvm.x86.tilezero"
//         CHECK: call_intrinsic "llvm.x86.tdpbf16ps"
//         CHECK: return
func.func private @few(%x: !rows, %w: tensor<64x64xbf16, #lathe.packed<columns = 32, depth = 2>>)
    -> tensor<?x64xf32, #lathe.dims<"tokens">>
    attributes {lathe.kernel, lathe.row_limit = 16 : i64, lathe.symbols = ["tokens"],
                lathe.schedule = #lathe.schedule<rows = 16, columns = 64, row_block = 16, panels = 2, dot = amx_bf16>} {
  %y = lathe.linear %x, %w : !rows, tensor<64x64xbf16, #lathe.packed<columns = 32, depth = 2>>
      -> tensor<?x64xf32, #lathe.dims<"tokens">>
  return %y : tensor<?x64xf32, #lathe.dims<"tokens">>
}

// Left alone: the instruction is not that of the types.
// CHECK-LABEL: func.func private @other_types
//         CHECK: lathe.linear
func.func private @other_types(%x: !rows, %w: !pairs) -> !out
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 32, dot = amx_bytes>} {
  %y = lathe.linear %x, %w : !rows, !pairs -> !out
  return %y : !out
}

// Left alone: a row of 48 terms is a step and a half.
// CHECK-LABEL: func.func private @half_a_step
//         CHECK: lathe.linear
func.func private @half_a_step(%x: tensor<?x48xbf16, #lathe.dims<"tokens">>,
                               %w: tensor<32x48xbf16, #lathe.packed<columns = 32, depth = 2>>) -> !out
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 32, dot = amx_bf16>} {
  %y = lathe.linear %x, %w : tensor<?x48xbf16, #lathe.dims<"tokens">>,
      tensor<32x48xbf16, #lathe.packed<columns = 32, depth = 2>> -> !out
  return %y : !out
}

// Left alone: the sum is of chunks.
// CHECK-LABEL: func.func private @chunks
//         CHECK: lathe.linear
func.func private @chunks(%x: !rows, %w: !pairs) -> !out
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 32, dot = amx_bf16>} {
  %y = lathe.linear %x, %w reduce <chunk = 32> : !rows, !pairs -> !out
  return %y : !out
}

// Left alone: tiles have no eight rows, and not more sums than four hold.
// CHECK-LABEL: func.func private @low
//         CHECK: lathe.linear
func.func private @low(%x: !rows, %w: !pairs) -> !out
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 8, dot = amx_bf16>} {
  %y = lathe.linear %x, %w : !rows, !pairs -> !out
  return %y : !out
}
// CHECK-LABEL: func.func private @wide
//         CHECK: lathe.linear
func.func private @wide(%x: !rows, %w: !pairs) -> !out
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 32, columns = 64, dot = amx_bf16>} {
  %y = lathe.linear %x, %w : !rows, !pairs -> !out
  return %y : !out
}
