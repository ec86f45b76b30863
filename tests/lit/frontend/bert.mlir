// RUN: lathe-import-test %golden/bert-base-gelu | FileCheck %s

// Post-norm blocks, three embeddings, attention that looks both ways, a pooler.

//       CHECK: lathe.model = {
//  CHECK-SAME: context = 40 : i64
//  CHECK-SAME: family = "bert"
//   CHECK-NOT: lathe.state
// CHECK-LABEL: func.func @forward(
//  CHECK-SAME:   {lathe.limit = 200 : i64, lathe.name = "tokens"}
//  CHECK-SAME:   {lathe.limit = 40 : i64, lathe.name = "positions"}
//  CHECK-SAME:   %[[SEQUENCES:.*]]: tensor<?xi32, #lathe.dims<"tokens">> {lathe.limit_symbol = "sequences", lathe.name = "sequences"}
//  CHECK-SAME:   {lathe.limit = 2 : i64, lathe.name = "token_types"}
//  CHECK-SAME:   (tensor<?x48xf32, #lathe.dims<"tokens">> {lathe.name = "last_hidden_state"}, tensor<?x48xf32, #lathe.dims<"sequences">> {lathe.name = "pooler_output"})
//  CHECK-SAME:   attributes {lathe.entry}
// CHECK-COUNT-3: lathe.gather
//       CHECK:   %[[X:.*]] = lathe.layer_norm {{.*}} eps 9.99999996E-13
//       CHECK:   lathe.attention {{.*}} by %[[SEQUENCES]] scale 0.288675129 : 
//       CHECK:   %[[O:.*]] = lathe.linear {{.*}} bias
//  CHECK-NEXT:   %[[S:.*]] = arith.addf %[[X]], %[[O]]
//       CHECK:   lathe.layer_norm %[[S]]
//       CHECK:   lathe.activation gelu
//       CHECK:   lathe.pool first {{.*}} by %[[SEQUENCES]]
//       CHECK:   lathe.activation tanh
//   CHECK-NOT: func.func @step
