// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @attention(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<7x4x64xf32>
// CHECK-SAME:    %[[K:[a-z0-9]+]]: tensor<7x2x64xf32>
// CHECK-SAME:    %[[V:[a-z0-9]+]]: tensor<7x2x64xf32>
// CHECK-SAME:    %[[S:[a-z0-9]+]]: tensor<7xi32>
// CHECK:         lathe.attention %[[Q]], %[[K]], %[[V]] by %[[S]] scale 1.250000e-01 causal window 4096
func.func @attention(%q: tensor<7x4x64xf32>, %k: tensor<7x2x64xf32>, %v: tensor<7x2x64xf32>, %s: tensor<7xi32>) {
  %y = lathe.attention %q, %k, %v by %s scale 0.125 causal window 4096
      : tensor<7x4x64xf32>, tensor<7x2x64xf32>, tensor<7xi32>
  return
}

// CHECK-LABEL: func @bidirectional(
// CHECK:         scale 5.000000e-01 softcap 5.000000e+01 :
func.func @bidirectional(%q: tensor<?x4x8xf32, #lathe.dims<"tokens">>, %s: tensor<?xi32, #lathe.dims<"tokens">>) {
  %y = lathe.attention %q, %q, %q by %s scale 0.5 softcap 50.0 : tensor<?x4x8xf32, #lathe.dims<"tokens">>, tensor<?x4x8xf32, #lathe.dims<"tokens">>, tensor<?xi32, #lathe.dims<"tokens">>
  return
}
