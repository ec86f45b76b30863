// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @argmax(
// CHECK-SAME:    %[[LOGITS:[a-z0-9]+]]: tensor<7x512xf32>, %[[VALUES:[a-z0-9]+]]: tensor<7x16xf32>, %[[PLACES:[a-z0-9]+]]: tensor<7x16xi32>
// CHECK:         lathe.argmax %[[LOGITS]] : tensor<7x512xf32> -> tensor<7xi32>
// CHECK:         lathe.argmax %[[VALUES]] of %[[PLACES]] : tensor<7x16xf32>, tensor<7x16xi32> -> tensor<7xi32>
func.func @argmax(%logits: tensor<7x512xf32>, %values: tensor<7x16xf32>, %places: tensor<7x16xi32>) {
  %next = lathe.argmax %logits : tensor<7x512xf32> -> tensor<7xi32>
  %same = lathe.argmax %values of %places : tensor<7x16xf32>, tensor<7x16xi32> -> tensor<7xi32>
  return
}
