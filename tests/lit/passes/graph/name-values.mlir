// RUN: lathe-opt %s --split-input-file --lathe-name-values --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

// An op without a name gets its mnemonic and a number; constants get none.

// CHECK-LABEL: func @unnamed
//       CHECK:   lathe.activation silu {{.*}} loc("activation.1"
//       CHECK:   lathe.activation relu {{.*}} loc("activation.2"
//   CHECK-NOT:   loc("{{(get|constant)}}.
func.func @unnamed(%x: tensor<4x8xf32> {lathe.name = "x"}) -> tensor<4x8xf32> {
  %a = lathe.activation silu %x : tensor<4x8xf32>
  %b = lathe.activation relu %a : tensor<4x8xf32>
  return %b : tensor<4x8xf32>
}

// -----

// A name that is taken, also by an input, gets a number.

// CHECK-LABEL: func @taken
//       CHECK:   lathe.activation silu {{.*}} loc("x.1"
//       CHECK:   lathe.activation relu {{.*}} loc("y"
//       CHECK:   lathe.activation tanh {{.*}} loc("y.1"
func.func @taken(%x: tensor<4x8xf32> {lathe.name = "x"}) -> tensor<4x8xf32> {
  %a = lathe.activation silu %x : tensor<4x8xf32> loc("x")
  %b = lathe.activation relu %a : tensor<4x8xf32> loc("y")
  %c = lathe.activation tanh %b : tensor<4x8xf32> loc("y")
  return %c : tensor<4x8xf32>
}
