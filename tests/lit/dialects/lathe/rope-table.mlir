// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @rope_table
// CHECK:         lathe.rope_table [1.000000e+00, 1.000000e-02] scale 1.000000e+00 : tensor<512x4xf32>
func.func @rope_table() {
  %t = lathe.rope_table [1.0, 0.01] scale 1.0 : tensor<512x4xf32>
  return
}

// Text keeps every digit: one in the last place would be another table.

// CHECK-LABEL: func @all_digits
// CHECK:         lathe.rope_table [0.10000000149011612, 0.31622776389122009] scale 1.000000e+00
func.func @all_digits() {
  %t = lathe.rope_table [0.10000000149011612, 0.31622776389122009] scale 1.0 : tensor<512x4xf32>
  return
}
