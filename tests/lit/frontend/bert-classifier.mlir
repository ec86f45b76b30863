// RUN: lathe-import-test %golden/bert-seqcls | FileCheck %s

// CHECK-LABEL: func.func @forward(
//  CHECK-SAME:   (tensor<?x3xf32, #lathe.dims<"sequences">> {lathe.name = "logits"})
//       CHECK:   %[[FIRST:.*]] = lathe.pool first
//       CHECK:   %[[DENSE:.*]] = lathe.linear %[[FIRST]]
//       CHECK:   %[[ROW:.*]] = lathe.activation tanh %[[DENSE]]
//       CHECK:   %[[LOGITS:.*]] = lathe.linear %[[ROW]]
//  CHECK-NEXT:   return %[[LOGITS]]
// CHECK-LABEL: func.func @forward_hidden(
//  CHECK-SAME:   lathe.name = "logits"
//  CHECK-SAME:   lathe.name = "hidden.0"
//  CHECK-SAME:   lathe.name = "hidden.1"
//  CHECK-SAME:   lathe.name = "hidden.2"
