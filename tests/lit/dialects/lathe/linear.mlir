// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @linear(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<7x4xf32>
// CHECK-SAME:    %[[W:[a-z0-9]+]]: tensor<8x4xbf16>
// CHECK-SAME:    %[[B:[a-z0-9]+]]: tensor<8xf32>
// CHECK:         lathe.linear %[[X]], %[[W]] bias %[[B]]
func.func @linear(%x: tensor<7x4xf32>, %w: tensor<8x4xbf16>, %b: tensor<8xf32>) {
  %y = lathe.linear %x, %w bias %b : tensor<8xf32> reduce <chunk = 256>
      : tensor<7x4xf32>, tensor<8x4xbf16> -> tensor<7x8xf32>
  return
}

// CHECK-LABEL: func @packed(
// CHECK:         lathe.linear %{{.*}}, %{{.*}} : tensor<?x4xf32
func.func @packed(%x: tensor<?x4xf32, #lathe.dims<"tokens">>, %w: tensor<8x4xf32, #lathe.packed<columns = 32, depth = 1>>) {
  %y = lathe.linear %x, %w : tensor<?x4xf32, #lathe.dims<"tokens">>, tensor<8x4xf32, #lathe.packed<columns = 32, depth = 1>> -> tensor<?x8xf32, #lathe.dims<"tokens">>
  return
}
