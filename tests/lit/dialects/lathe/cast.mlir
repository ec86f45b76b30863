// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @cast(
// CHECK-SAME:    %[[W:[a-z0-9]+]]: tensor<8x4xf32>
// CHECK:         lathe.cast %[[W]]
func.func @cast(%w: tensor<8x4xf32>) {
  %n = lathe.cast %w : tensor<8x4xf32> -> tensor<8x4xbf16>
  return
}

// CHECK-LABEL: func @dynamic(
// CHECK:         lathe.cast %{{.*}} : tensor<?x4xbf16, #lathe.dims<"tokens">> -> tensor<?x4xf32, #lathe.dims<"tokens">>
func.func @dynamic(%x: tensor<?x4xbf16, #lathe.dims<"tokens">>) {
  %y = lathe.cast %x : tensor<?x4xbf16, #lathe.dims<"tokens">> -> tensor<?x4xf32, #lathe.dims<"tokens">>
  return
}
