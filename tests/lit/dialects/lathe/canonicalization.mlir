// RUN: lathe-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func @concat_of_one
//  CHECK-SAME:     %[[X:.*]]: tensor
//       CHECK:   return %[[X]]
func.func @concat_of_one(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = lathe.concat %x along 0 : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func @concat_of_concat
//  CHECK-SAME:     %[[X:.*]]: tensor<4xf32>, %[[Y:.*]]: tensor<2xf32>
//       CHECK:   lathe.concat %[[Y]], %[[X]], %[[X]] along 0
//   CHECK-NOT:   lathe.concat
func.func @concat_of_concat(%x: tensor<4xf32>, %y: tensor<2xf32>) -> tensor<10xf32> {
  %0 = lathe.concat %x, %x along 0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  %1 = lathe.concat %y, %0 along 0 : (tensor<2xf32>, tensor<8xf32>) -> tensor<10xf32>
  return %1 : tensor<10xf32>
}

// Left alone: they join different dimensions.

// CHECK-LABEL: func @concat_across
// CHECK-COUNT-2: lathe.concat
func.func @concat_across(%x: tensor<1x2xf32>) -> tensor<2x4xf32> {
  %0 = lathe.concat %x, %x along 0 : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<2x2xf32>
  %1 = lathe.concat %0, %0 along 1 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}

// CHECK-LABEL: func @slice_of_all
//  CHECK-SAME:     %[[X:.*]]: tensor
//       CHECK:   return %[[X]]
func.func @slice_of_all(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = lathe.slice %x along 0 [0, 4] : tensor<4xf32> -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func @slice_of_slice
//  CHECK-SAME:     %[[X:.*]]: tensor
//       CHECK:   lathe.slice %[[X]] along 0 [3, 5] : tensor<9xf32> -> tensor<2xf32>
func.func @slice_of_slice(%x: tensor<9xf32>) -> tensor<2xf32> {
  %0 = lathe.slice %x along 0 [2, 8] : tensor<9xf32> -> tensor<6xf32>
  %1 = lathe.slice %0 along 0 [1, 3] : tensor<6xf32> -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// CHECK-LABEL: func @permute_back
//  CHECK-SAME:     %[[X:.*]]: tensor
//       CHECK:   return %[[X]]
func.func @permute_back(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = lathe.permute %x order [2, 0, 1] : tensor<2x3x4xf32> -> tensor<4x2x3xf32>
  %1 = lathe.permute %0 order [1, 2, 0] : tensor<4x2x3xf32> -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}

// CHECK-LABEL: func @permute_of_permute
//  CHECK-SAME:     %[[X:.*]]: tensor
//       CHECK:   lathe.permute %[[X]] order [1, 2, 0] : tensor<2x3x4xf32> -> tensor<3x4x2xf32>
func.func @permute_of_permute(%x: tensor<2x3x4xf32>) -> tensor<3x4x2xf32> {
  %0 = lathe.permute %x order [2, 0, 1] : tensor<2x3x4xf32> -> tensor<4x2x3xf32>
  %1 = lathe.permute %0 order [2, 0, 1] : tensor<4x2x3xf32> -> tensor<3x4x2xf32>
  return %1 : tensor<3x4x2xf32>
}

// CHECK-LABEL: func @reshape_back
//  CHECK-SAME:     %[[X:.*]]: tensor
//       CHECK:   return %[[X]]
func.func @reshape_back(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = lathe.reshape %x : tensor<2x3xf32> -> tensor<6xf32>
  %1 = lathe.reshape %0 : tensor<6xf32> -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// CHECK-LABEL: func @cast_to_same
//  CHECK-SAME:     %[[X:.*]]: tensor
//       CHECK:   return %[[X]]
func.func @cast_to_same(%x: tensor<4xbf16>) -> tensor<4xbf16> {
  %0 = lathe.cast %x : tensor<4xbf16> -> tensor<4xf32>
  %1 = lathe.cast %0 : tensor<4xf32> -> tensor<4xbf16>
  return %1 : tensor<4xbf16>
}

// Left alone: the first cast rounds.

// CHECK-LABEL: func @cast_that_rounds
// CHECK-COUNT-2: lathe.cast
func.func @cast_that_rounds(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = lathe.cast %x : tensor<4xf32> -> tensor<4xbf16>
  %1 = lathe.cast %0 : tensor<4xbf16> -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: func @relu_twice
// CHECK-COUNT-1: lathe.activation relu
//   CHECK-NOT:   lathe.activation
//       CHECK:   return
func.func @relu_twice(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = lathe.activation relu %x : tensor<4xf32>
  %1 = lathe.activation relu %0 : tensor<4xf32>
  return %1 : tensor<4xf32>
}

// Left alone: tanh is not its own square.

// CHECK-LABEL: func @tanh_twice
// CHECK-COUNT-2: lathe.activation tanh
func.func @tanh_twice(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = lathe.activation tanh %x : tensor<4xf32>
  %1 = lathe.activation tanh %0 : tensor<4xf32>
  return %1 : tensor<4xf32>
}
