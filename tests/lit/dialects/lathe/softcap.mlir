// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @softcap(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<7x512xf32>
// CHECK:         lathe.softcap %[[X]] cap 3.000000e+01
func.func @softcap(%x: tensor<7x512xf32>) {
  %y = lathe.softcap %x cap 30.0 : tensor<7x512xf32>
  return
}
