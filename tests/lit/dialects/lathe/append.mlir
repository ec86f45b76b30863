// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @append(
// CHECK-SAME:    %[[K:[a-z0-9]+]]: tensor<7x2x8xf32>
// CHECK-SAME:    %[[V:[a-z0-9]+]]: tensor<7x2x8xf32>
// CHECK-SAME:    %[[KP:[a-z0-9]+]]: tensor<9x2x8x32xf32>
// CHECK-SAME:    %[[VP:[a-z0-9]+]]: tensor<9x2x32x8xf32>
// CHECK-SAME:    %[[P:[a-z0-9]+]]: tensor<7xi32>
// CHECK-SAME:    %[[S:[a-z0-9]+]]: tensor<7xi32>
// CHECK-SAME:    %[[PT:[a-z0-9]+]]: tensor<3x4xi32>
// CHECK:         lathe.append %[[K]], %[[V]] to %[[KP]], %[[VP]] at %[[P]], %[[S]], %[[PT]]
func.func @append(%k: tensor<7x2x8xf32>, %v: tensor<7x2x8xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x32x8xf32>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  %nk, %nv = lathe.append %k, %v to %kp, %vp at %p, %s, %pt
      : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>,
        tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}

// Pages of signed bytes, each position of a head with a scale.

// CHECK-LABEL: func @append_quantised(
// CHECK:         lathe.append {{.*}} : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>
func.func @append_quantised(%k: tensor<7x2x8xf32>, %v: tensor<7x2x8xf32>, %kp: tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, %vp: tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  %nk, %nv = lathe.append %k, %v to %kp, %vp at %p, %s, %pt : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}
