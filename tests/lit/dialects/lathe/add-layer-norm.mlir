// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @add_layer_norm(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<128x768xf32>
// CHECK-SAME:    %[[F:[a-z0-9]+]]: tensor<128x768xf32>
// CHECK-SAME:    %[[W:[a-z0-9]+]]: tensor<768xf32>
// CHECK-SAME:    %[[B:[a-z0-9]+]]: tensor<768xf32>
// CHECK:         lathe.add_layer_norm %[[X]], %[[F]], %[[W]], %[[B]] eps 9.99999974E-6
func.func @add_layer_norm(%x: tensor<128x768xf32>, %f: tensor<128x768xf32>, %w: tensor<768xf32>, %b: tensor<768xf32>) {
  %s, %y = lathe.add_layer_norm %x, %f, %w, %b eps 1.0e-5 : tensor<128x768xf32>, tensor<768xf32>
  return
}
