// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @activation(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<128x3072xf32>
// CHECK:         lathe.activation gelu_tanh %[[X]]
func.func @activation(%x: tensor<128x3072xf32>) {
  %y = lathe.activation gelu_tanh %x : tensor<128x3072xf32>
  return
}

// CHECK-LABEL: func @gelu(
// CHECK:         lathe.activation gelu %
func.func @gelu(%x: tensor<?x4xf32, #lathe.dims<"tokens">>) {
  %y = lathe.activation gelu %x : tensor<?x4xf32, #lathe.dims<"tokens">>
  return
}

// CHECK-LABEL: func @silu(
// CHECK:         lathe.activation silu %
func.func @silu(%x: tensor<?x4xf32, #lathe.dims<"tokens">>) {
  %y = lathe.activation silu %x : tensor<?x4xf32, #lathe.dims<"tokens">>
  return
}

// CHECK-LABEL: func @relu(
// CHECK:         lathe.activation relu %
func.func @relu(%x: tensor<?x4xf32, #lathe.dims<"tokens">>) {
  %y = lathe.activation relu %x : tensor<?x4xf32, #lathe.dims<"tokens">>
  return
}

// CHECK-LABEL: func @tanh(
// CHECK:         lathe.activation tanh %
func.func @tanh(%x: tensor<?x4xf32, #lathe.dims<"tokens">>) {
  %y = lathe.activation tanh %x : tensor<?x4xf32, #lathe.dims<"tokens">>
  return
}

// CHECK-LABEL: func @quick_gelu(
// CHECK:         lathe.activation quick_gelu %
func.func @quick_gelu(%x: tensor<?x4xf32, #lathe.dims<"tokens">>) {
  %y = lathe.activation quick_gelu %x : tensor<?x4xf32, #lathe.dims<"tokens">>
  return
}
