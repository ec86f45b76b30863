// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @rope_table
// CHECK:         lathe.rope_table [1.000000e+00, 1.000000e-02] scale 1.000000e+00 : tensor<512x4xf32>
func.func @rope_table() {
  %t = lathe.rope_table [1.0, 0.01] scale 1.0 : tensor<512x4xf32>
  return
}
