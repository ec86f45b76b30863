// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @gather(
// CHECK-SAME:    %[[TABLE:[a-z0-9]+]]: tensor<512x64xbf16>
// CHECK-SAME:    %[[TOKENS:[a-z0-9]+]]: tensor<?xi32, #lathe.dims<"tokens">>
// CHECK:         lathe.gather %[[TABLE]][%[[TOKENS]]] scale 8.000000e+00
func.func @gather(%table: tensor<512x64xbf16>, %tokens: tensor<?xi32, #lathe.dims<"tokens">>) {
  %x = lathe.gather %table[%tokens] scale 8.0
      : tensor<512x64xbf16>, tensor<?xi32, #lathe.dims<"tokens">> -> tensor<?x64xf32, #lathe.dims<"tokens">>
  return
}

// CHECK-LABEL: func @packed(
// CHECK:         lathe.gather %{{.*}}[%{{.*}}] : tensor<5x3xf32, #lathe.packed<columns = 32, depth = 1>>
func.func @packed(%t: tensor<5x3xf32, #lathe.packed<columns = 32, depth = 1>>, %i: tensor<7xi32>) {
  %y = lathe.gather %t[%i] : tensor<5x3xf32, #lathe.packed<columns = 32, depth = 1>>, tensor<7xi32> -> tensor<7x3xf32>
  return
}

// CHECK-LABEL: func @static(
// CHECK:         lathe.gather %{{.*}}[%{{.*}}] :
func.func @static(%t: tensor<5x3xf32>, %i: tensor<7xi32>) {
  %y = lathe.gather %t[%i] : tensor<5x3xf32>, tensor<7xi32> -> tensor<7x3xf32>
  return
}
