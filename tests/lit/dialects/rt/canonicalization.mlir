// RUN: lathe-opt %s --canonicalize | FileCheck %s

// A copy of a buffer onto itself folds away; one between two stays.

// CHECK-LABEL: rt.entry @copies
//   CHECK-NOT:   rt.copy @x to @x
//       CHECK:   rt.copy @x to @y
rt.entry @copies {
  rt.buffer temporary @x : tensor<2xi32> bytes affine_map<() -> (8)>
  rt.buffer output @y : tensor<2xi32> bytes affine_map<() -> (8)>
  rt.copy @x to @x
  rt.copy @x to @y
}
