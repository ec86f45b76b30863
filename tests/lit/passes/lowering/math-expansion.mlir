// RUN: lathe-opt %s --lathe-lower-to-loops | FileCheck %s

// Nothing that could become a call of libm is left: exp, tanh and erfc are
// written out. Their values are checked by tests/reference/check_kernels.py.

// CHECK-NOT: math.exp
// CHECK-NOT: math.tanh
// CHECK-NOT: math.erf

// CHECK-LABEL: func private @silu(
//       CHECK:   %[[POWER:.*]] = arith.shli
//       CHECK:   arith.bitcast %[[POWER]] : i64 to f64
func.func private @silu(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {lathe.kernel} {
  %y = lathe.activation silu %x : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: func private @gelu(
//       CHECK:   arith.constant 1.17757893{{.*}} : f64
func.func private @gelu(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {lathe.kernel} {
  %y = lathe.activation gelu %x : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: func private @functions(
//       CHECK:   return
func.func private @functions(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {lathe.kernel} {
  %0 = math.exp %x : tensor<4x8xf32>
  %1 = math.tanh %0 : tensor<4x8xf32>
  %2 = math.erf %1 : tensor<4x8xf32>
  %3 = lathe.softcap %2 cap 30.0 : tensor<4x8xf32>
  return %3 : tensor<4x8xf32>
}
