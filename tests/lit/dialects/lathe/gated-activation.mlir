// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @gated_activation(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<128x256xf32>
// CHECK:         lathe.gated_activation silu %[[X]]
func.func @gated_activation(%x: tensor<128x256xf32>) {
  %y = lathe.gated_activation silu %x : tensor<128x256xf32> -> tensor<128x128xf32>
  return
}

// CHECK-LABEL: func @dynamic(
// CHECK:         lathe.gated_activation gelu %
func.func @dynamic(%x: tensor<?x14xf32, #lathe.dims<"tokens">>) {
  %y = lathe.gated_activation gelu %x : tensor<?x14xf32, #lathe.dims<"tokens">> -> tensor<?x7xf32, #lathe.dims<"tokens">>
  return
}
