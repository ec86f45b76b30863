// RUN: lathe-import-test %golden/distilbert | FileCheck %s

// No token types, no pooler.

// CHECK-LABEL: func.func @forward(
//   CHECK-NOT:   token_types
//  CHECK-SAME:   (tensor<?x48xf32, #lathe.dims<"tokens">> {lathe.name = "last_hidden_state"})
//       CHECK:   lathe.get @transformer.layer.0.attention.q_lin.weight
//   CHECK-NOT:   lathe.pool
