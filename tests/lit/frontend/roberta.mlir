// RUN: lathe-import-test %golden/roberta | FileCheck %s

// The row of position 0 is the one after the pad id, 1.

//       CHECK: context = 40 : i64
//       CHECK: lathe.derived @positions : tensor<40x48xf32> {
//  CHECK-NEXT:   %[[ALL:.*]] = lathe.get @embeddings.position_embeddings.weight : tensor<42x48xf32>
//  CHECK-NEXT:   lathe.slice %[[ALL]] along 0 {{\[}}2, 42]
// CHECK-LABEL: func.func @forward(
//       CHECK:   %[[TABLE:.*]] = lathe.get @positions
//       CHECK:   lathe.gather %[[TABLE]]
