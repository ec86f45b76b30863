// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @rms_norm(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<128x768xbf16>
// CHECK-SAME:    %[[W:[a-z0-9]+]]: tensor<768xbf16>
// CHECK:         lathe.rms_norm %[[X]], %[[W]] eps 9.99999974E-6
func.func @rms_norm(%x: tensor<128x768xbf16>, %w: tensor<768xbf16>) {
  %y = lathe.rms_norm %x, %w eps 1.0e-5
      : tensor<128x768xbf16>, tensor<768xbf16>
  return
}

// CHECK-LABEL: func @heads(
// CHECK:         lathe.rms_norm %{{.*}}, %{{.*}} eps 1.000000e+00 offset 1.000000e+00 : tensor<?x4x8xf32, #lathe.dims<"tokens">>
func.func @heads(%x: tensor<?x4x8xf32, #lathe.dims<"tokens">>, %w: tensor<8xf32>) {
  %y = lathe.rms_norm %x, %w eps 1.0 offset 1.0 : tensor<?x4x8xf32, #lathe.dims<"tokens">>, tensor<8xf32>
  return
}
