// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @add_rms_norm(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<128x768xf32>
// CHECK-SAME:    %[[F:[a-z0-9]+]]: tensor<128x768xf32>
// CHECK-SAME:    %[[W:[a-z0-9]+]]: tensor<768xf32>
// CHECK:         lathe.add_rms_norm %[[X]], %[[F]], %[[W]] eps 9.99999974E-6
func.func @add_rms_norm(%x: tensor<128x768xf32>, %f: tensor<128x768xf32>, %w: tensor<768xf32>) {
  %s, %y = lathe.add_rms_norm %x, %f, %w eps 1.0e-5 : tensor<128x768xf32>, tensor<768xf32>
  return
}

// CHECK-LABEL: func @dynamic(
// CHECK:         lathe.add_rms_norm %{{.*}} eps 1.000000e+00 offset 1.000000e+00 : tensor<?x8xf32, #lathe.dims<"tokens">>
func.func @dynamic(%x: tensor<?x8xf32, #lathe.dims<"tokens">>, %w: tensor<8xf32>) {
  %s, %y = lathe.add_rms_norm %x, %x, %w eps 1.0 offset 1.0 : tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<8xf32>
  return
}
