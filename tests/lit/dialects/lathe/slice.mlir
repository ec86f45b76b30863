// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @slice(
// CHECK-SAME:    %[[QKV:[a-z0-9]+]]: tensor<10x4xf32>
// CHECK:         lathe.slice %[[QKV]] along 0 [8, 10]
func.func @slice(%qkv: tensor<10x4xf32>) {
  %k = lathe.slice %qkv along 0 [8, 10] : tensor<10x4xf32> -> tensor<2x4xf32>
  return
}
