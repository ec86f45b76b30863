// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @layer_norm(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<128x384xf32>
// CHECK-SAME:    %[[W:[a-z0-9]+]]: tensor<384xf32>
// CHECK-SAME:    %[[B:[a-z0-9]+]]: tensor<384xf32>
// CHECK:         lathe.layer_norm %[[X]], %[[W]], %[[B]] eps 9.99999996E-13
func.func @layer_norm(%x: tensor<128x384xf32>, %w: tensor<384xf32>, %b: tensor<384xf32>) {
  %y = lathe.layer_norm %x, %w, %b eps 1.0e-12 : tensor<128x384xf32>, tensor<384xf32>
  return
}

// CHECK-LABEL: func @one_row(
// CHECK:         lathe.layer_norm %{{.*}} eps 1.000000e+00 : tensor<3xf32>
func.func @one_row(%x: tensor<3xf32>, %w: tensor<3xf32>) {
  %y = lathe.layer_norm %x, %w, %w eps 1.0 : tensor<3xf32>, tensor<3xf32>
  return
}
