// RUN: lathe-opt %s --split-input-file --verify-diagnostics --lathe-lower-rows | FileCheck %s --check-prefixes=CHECK,ROWS
// RUN: lathe-opt %s --split-input-file --verify-diagnostics --lathe-lower-to-loops | FileCheck %s --check-prefixes=CHECK,LOOPS

// Both lowerings compute the same ops, without a call. The numbers:
// tests/reference/cases.py and check_vector_math.py.

// CHECK-LABEL: func.func private @functions(
//   CHECK-NOT:   math.
//   CHECK-NOT:   call
//       CHECK:   return
func.func private @functions(%x: tensor<4x7xf32>, %y: tensor<4x7xf32>) -> tensor<4x7xf32>
    attributes {lathe.kernel} {
  %0 = math.exp %x : tensor<4x7xf32>
  %1 = math.log %0 : tensor<4x7xf32>
  %2 = math.sin %1 : tensor<4x7xf32>
  %3 = math.cos %2 : tensor<4x7xf32>
  %4 = math.powf %3, %y : tensor<4x7xf32>
  %5 = math.absf %4 : tensor<4x7xf32>
  %6 = math.rsqrt %5 : tensor<4x7xf32>
  %7 = math.fma %6, %x, %y : tensor<4x7xf32>
  %8 = math.erf %7 : tensor<4x7xf32>
  %9 = math.floor %8 : tensor<4x7xf32>
  return %9 : tensor<4x7xf32>
}

// -----

// Flags of the user's op are dropped: they would allow other bits.

// CHECK-LABEL: func.func private @flags(
//   CHECK-NOT:   fastmath
//       CHECK:   return
func.func private @flags(%x: tensor<4x7xf32>) -> tensor<4x7xf32> attributes {lathe.kernel} {
  %0 = arith.addf %x, %x fastmath<fast> : tensor<4x7xf32>
  return %0 : tensor<4x7xf32>
}

// -----

// What compares stays in registers.

// CHECK-LABEL: func.func private @choice(
//        ROWS:   %[[LESS:.*]] = arith.cmpf olt, {{.*}} : vector<16xf32>
//        ROWS:   arith.select %[[LESS]], {{.*}} : vector<16xi1>, vector<16xf32>
//       LOOPS:   %[[LESS:.*]] = arith.cmpf olt, {{.*}} : f64
//       LOOPS:   arith.select %[[LESS]], {{.*}} : f64
func.func private @choice(%x: tensor<4x7xf32>, %y: tensor<4x7xbf16>) -> tensor<4x7xf32>
    attributes {lathe.kernel} {
  %wide = arith.extf %y : tensor<4x7xbf16> to tensor<4x7xf32>
  %less = arith.cmpf olt, %x, %wide : tensor<4x7xf32>
  %0 = arith.select %less, %x, %wide : tensor<4x7xi1>, tensor<4x7xf32>
  return %0 : tensor<4x7xf32>
}

// -----

// CHECK-LABEL: func.func private @integers(
//        ROWS:   arith.sitofp {{.*}} : vector<16xi32> to vector<16xf32>
//       LOOPS:   arith.sitofp {{.*}} : i64 to f64
func.func private @integers(%x: tensor<7xi32>) -> tensor<7xf32> attributes {lathe.kernel} {
  %0 = arith.sitofp %x : tensor<7xi32> to tensor<7xf32>
  return %0 : tensor<7xf32>
}
