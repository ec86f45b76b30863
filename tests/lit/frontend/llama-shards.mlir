// RUN: lathe-import-test %golden/llama-mha-sharded | FileCheck %s

// Each parameter names its own shard; every linear layer has a bias.

//   CHECK-DAG: @model.layers.0.self_attn.q_proj.bias : tensor<48xf32> from "model-00001-of-00003.safetensors"
//   CHECK-DAG: @model.layers.0.mlp.down_proj.bias : tensor<48xf32> from "model-00002-of-00003.safetensors"
//   CHECK-DAG: @lm_head.weight : tensor<160x48xf32> from "model-00003-of-00003.safetensors"
// CHECK-LABEL: func.func @forward(
// CHECK-COUNT-7: lathe.linear {{.*}} bias
