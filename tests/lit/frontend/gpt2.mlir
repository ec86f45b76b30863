// RUN: lathe-import-test %golden/gpt2 | FileCheck %s

// Query, key and value are cut out of one tensor that is stored (K, N); the
// head is the token table.

//       CHECK: lathe.derived @layers.0.key.weight : tensor<48x48xf32> {
//  CHECK-NEXT:   %[[ALL:.*]] = lathe.get @transformer.h.0.attn.c_attn.weight : tensor<48x144xf32>
//  CHECK-NEXT:   %[[CUT:.*]] = lathe.slice %[[ALL]] along 1 {{\[}}48, 96]
//  CHECK-NEXT:   lathe.permute %[[CUT]] order [1, 0]
//       CHECK: lathe.derived @layers.0.key.bias : tensor<48xf32> {
//       CHECK:   along 0 {{\[}}48, 96]
// CHECK-LABEL: func.func @forward(
//       CHECK:   %[[TOKENS:.*]] = lathe.get @transformer.wte.weight
//       CHECK:   lathe.layer_norm
//       CHECK:   lathe.activation gelu_tanh
//       CHECK:   lathe.linear {{.*}}, %[[TOKENS]] : {{.*}} -> tensor<?x160xf32
