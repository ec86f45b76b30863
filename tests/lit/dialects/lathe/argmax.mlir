// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @argmax(
// CHECK-SAME:    %[[LOGITS:[a-z0-9]+]]: tensor<7x512xf32>
// CHECK:         lathe.argmax %[[LOGITS]]
func.func @argmax(%logits: tensor<7x512xf32>) {
  %next = lathe.argmax %logits : tensor<7x512xf32> -> tensor<7xi32>
  return
}
