// RUN: lathe-import-test %golden/qwen2 | FileCheck %s

// Biases on query, key and value only; the window is given, but not used.

// CHECK-LABEL: func.func @forward(
// CHECK-COUNT-3: lathe.linear {{.*}} bias
//       CHECK:   lathe.attention {{.*}} causal :
//       CHECK:   lathe.get @model.layers.0.self_attn.o_proj.weight
//  CHECK-NEXT:   lathe.linear %{{[a-z_0-9]+}}, %{{[0-9]+}} :
