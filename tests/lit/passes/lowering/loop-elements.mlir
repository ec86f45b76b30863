// RUN: lathe-opt %s --lathe-lower-to-loops --canonicalize | FileCheck %s

// An element of a packed weight: [N / 32][K / 2][32][2].

// CHECK-LABEL: func private @packed(
//       CHECK:   scf.for %[[T:.*]] = %{{.*}} to
//       CHECK:     scf.for %[[N:.*]] = %{{.*}} to %c40
//       CHECK:       scf.for %[[K:[a-z0-9]*]] = {{.*}} iter_args
//       CHECK:         %[[BLOCK:.*]] = arith.divsi %[[N]], %c32
//       CHECK:         %[[BLOCKS:.*]] = arith.muli %[[BLOCK]], %c5
//       CHECK:         %[[STEP:.*]] = arith.divsi %[[K]], %c2
//       CHECK:         %[[PLACE:.*]] = arith.addi %[[BLOCKS]], %[[STEP]]
//       CHECK:         arith.muli %[[PLACE]], %c32
//       CHECK:         arith.remsi %[[N]], %c32
//       CHECK:         arith.remsi %[[K]], %c2
//       CHECK:         llvm.load {{.*}} -> bf16
func.func private @packed(%x: tensor<1x9xf32>, %w: tensor<40x9xbf16, #lathe.packed<columns = 32, depth = 2>>)
    -> tensor<1x40xf32> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<1x9xf32>, tensor<40x9xbf16, #lathe.packed<columns = 32, depth = 2>> -> tensor<1x40xf32>
  return %y : tensor<1x40xf32>
}

// A view is arithmetic on indices: column 3 + c of the operand.

// CHECK-LABEL: func private @columns(
//       CHECK:   scf.for %[[T:.*]] = %{{.*}} to
//       CHECK:     scf.for %[[C:.*]] = %{{.*}} to
//       CHECK:       %[[AT:.*]] = arith.addi %[[C]], %c3
//       CHECK:       %[[ROW:.*]] = arith.muli %[[T]], %c9
//       CHECK:       %[[OFFSET:.*]] = arith.addi %[[ROW]], %[[AT]]
//       CHECK:       llvm.getelementptr %{{.*}}[%[[OFFSET]]]
func.func private @columns(%x: tensor<4x9xf32>, %z: tensor<4x2xf32>) -> tensor<4x2xf32> attributes {lathe.kernel} {
  %s = tensor.extract_slice %x[0, 3] [4, 2] [1, 1] : tensor<4x9xf32> to tensor<4x2xf32>
  %y = arith.addf %s, %z : tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// The two ops of a kernel become one expression, and what the first gives is
// rounded to its type all the same.

// CHECK-LABEL: func private @chain(
//       CHECK:   %[[SUM:.*]] = arith.addf
//       CHECK:   %[[ROUNDED:.*]] = arith.truncf %[[SUM]] : f64 to f32
//       CHECK:   %[[WIDE:.*]] = arith.extf %[[ROUNDED]] : f32 to f64
//       CHECK:   arith.mulf %[[WIDE]]
func.func private @chain(%x: tensor<4x9xf32>, %z: tensor<4x9xf32>) -> tensor<4x9xf32> attributes {lathe.kernel} {
  %s = arith.addf %x, %z : tensor<4x9xf32>
  %y = arith.mulf %s, %z : tensor<4x9xf32>
  return %y : tensor<4x9xf32>
}
