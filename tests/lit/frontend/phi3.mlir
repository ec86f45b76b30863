// RUN: lathe-import-test %golden/phi3 | FileCheck %s

// Three projections are cut out of one tensor, two out of another.

//       CHECK: lathe.derived @layers.0.key.weight : tensor<16x48xf32> {
//  CHECK-NEXT:   %[[QKV:.*]] = lathe.get @model.layers.0.self_attn.qkv_proj.weight : tensor<80x48xf32>
//  CHECK-NEXT:   lathe.slice %[[QKV]] along 0 {{\[}}48, 64]
//       CHECK: lathe.derived @layers.0.up.weight : tensor<96x48xf32> {
//  CHECK-NEXT:   %[[MLP:.*]] = lathe.get @model.layers.0.mlp.gate_up_proj.weight : tensor<192x48xf32>
//  CHECK-NEXT:   lathe.slice %[[MLP]] along 0 {{\[}}96, 192]
