// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @cached_attention(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<7x4x8xf32>
// CHECK-SAME:    %[[KP:[a-z0-9]+]]: tensor<9x2x8x32xf32>
// CHECK-SAME:    %[[VP:[a-z0-9]+]]: tensor<9x2x32x8xf32>
// CHECK-SAME:    %[[P:[a-z0-9]+]]: tensor<7xi32>
// CHECK-SAME:    %[[S:[a-z0-9]+]]: tensor<7xi32>
// CHECK-SAME:    %[[PT:[a-z0-9]+]]: tensor<3x4xi32>
// CHECK:         lathe.cached_attention %[[Q]], %[[KP]], %[[VP]] at %[[P]], %[[S]], %[[PT]] scale 1.250000e-01 softcap 5.000000e+01
func.func @cached_attention(%q: tensor<7x4x8xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x32x8xf32>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  %y = lathe.cached_attention %q, %kp, %vp at %p, %s, %pt scale 0.125 softcap 50.0
      : tensor<7x4x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>,
        tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}
