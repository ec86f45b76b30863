// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @pool(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x384xf32, #lathe.dims<"tokens">>
// CHECK-SAME:    %[[S:[a-z0-9]+]]: tensor<?xi32, #lathe.dims<"tokens">>
// CHECK:         lathe.pool mean %[[X]] by %[[S]]
func.func @pool(%x: tensor<?x384xf32, #lathe.dims<"tokens">>, %s: tensor<?xi32, #lathe.dims<"tokens">>) {
  %y = lathe.pool mean %x by %s
      : tensor<?x384xf32, #lathe.dims<"tokens">>, tensor<?xi32, #lathe.dims<"tokens">>
        -> tensor<?x384xf32, #lathe.dims<"sequences">>
  return
}

// CHECK-LABEL: func @first(
// CHECK:         lathe.pool first %
func.func @first(%x: tensor<7x3xf32>, %s: tensor<7xi32>) {
  %y = lathe.pool first %x by %s : tensor<7x3xf32>, tensor<7xi32> -> tensor<2x3xf32>
  return
}

// CHECK-LABEL: func @last(
// CHECK:         lathe.pool last %
func.func @last(%x: tensor<7x3xf32>, %s: tensor<7xi32>) {
  %y = lathe.pool last %x by %s : tensor<7x3xf32>, tensor<7xi32> -> tensor<2x3xf32>
  return
}

// CHECK-LABEL: func @max(
// CHECK:         lathe.pool max %
func.func @max(%x: tensor<7x3xf32>, %s: tensor<7xi32>) {
  %y = lathe.pool max %x by %s : tensor<7x3xf32>, tensor<7xi32> -> tensor<2x3xf32>
  return
}
