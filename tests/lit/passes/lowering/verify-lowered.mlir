// RUN: lathe-opt --pass-pipeline='builtin.module(func.func(lathe-verify-lowered))' --split-input-file --verify-diagnostics %s

// A kernel that a lowering took, and a function that is no kernel.
func.func private @done(%args: !llvm.ptr, %scratch: !llvm.ptr, %begin: i64, %end: i64) -> i32
    attributes {lathe.kernel, lathe.tiles = affine_map<() -> (1)>, lathe.scratch_bytes = 0 : i64} {
  %ok = arith.constant 0 : i32
  return %ok : i32
}
func.func @entry(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// expected-error @below {{expects a kernel that a lowering knows, got one of lathe.linear lathe.rms_norm}}
func.func private @strange(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %n: tensor<8xf32>) -> tensor<4x8xf32>
    attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
  %z = lathe.rms_norm %y, %n eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
  return %z : tensor<4x8xf32>
}
