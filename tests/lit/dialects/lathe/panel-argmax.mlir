// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @panel_argmax(
// CHECK-SAME:    %[[LOGITS:[a-z0-9]+]]: tensor<7x500xf32>
// CHECK:         %{{.*}}, %{{.*}} = lathe.panel_argmax %[[LOGITS]] : tensor<7x500xf32> -> tensor<7x16xf32>, tensor<7x16xi32>
func.func @panel_argmax(%logits: tensor<7x500xf32>) {
  %values, %places = lathe.panel_argmax %logits
      : tensor<7x500xf32> -> tensor<7x16xf32>, tensor<7x16xi32>
  return
}
