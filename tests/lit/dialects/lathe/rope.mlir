// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @rope(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<7x4x8xf32>
// CHECK-SAME:    %[[P:[a-z0-9]+]]: tensor<7xi32>
// CHECK-SAME:    %[[T:[a-z0-9]+]]: tensor<512x8xf32>
// CHECK:         lathe.rope %[[Q]] at %[[P]], %[[T]]
func.func @rope(%q: tensor<7x4x8xf32>, %p: tensor<7xi32>, %t: tensor<512x8xf32>) {
  %y = lathe.rope %q at %p, %t : tensor<7x4x8xf32>, tensor<7xi32>, tensor<512x8xf32>
  return
}

// CHECK-LABEL: func @partial(
// CHECK:         lathe.rope %{{.*}} : tensor<?x4x8xf32, #lathe.dims<"tokens">>
func.func @partial(%q: tensor<?x4x8xf32, #lathe.dims<"tokens">>, %p: tensor<?xi32, #lathe.dims<"tokens">>, %t: tensor<512x4xf32>) {
  %y = lathe.rope %q at %p, %t : tensor<?x4x8xf32, #lathe.dims<"tokens">>, tensor<?xi32, #lathe.dims<"tokens">>, tensor<512x4xf32>
  return
}
