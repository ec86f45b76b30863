// RUN: lathe-import-test %golden/../gguf/llama-q4_k.gguf | FileCheck %s
// RUN: lathe-import-test %golden/../gguf/qwen2-q8_0.gguf | FileCheck %s --check-prefix=QWEN

// A parameter has the encoding of its blocks; what reads it gets plain values.
// Rows of query and key are interleaved in a llama.

// CHECK: lathe.parameter @blk.0.attn_q.weight : tensor<256x256xf32, #lathe.quant<quantum = ui4, group = 32, scale = ui6, minimum = ui6, block = 256>> from "model.gguf" key "blk.0.attn_q.weight"
// CHECK-LABEL: lathe.derived @layers.0.query.weight
//       CHECK:   %[[Q:.*]] = lathe.get @blk.0.attn_q.weight
//  CHECK-NEXT:   %[[PLAIN:.*]] = lathe.cast %[[Q]] : {{.*}} -> tensor<256x256xf32>
//  CHECK-NEXT:   %[[PAIRS:.*]] = lathe.reshape %[[PLAIN]] : tensor<256x256xf32> -> tensor<4x32x2x256xf32>
//  CHECK-NEXT:   %[[HALVES:.*]] = lathe.permute %[[PAIRS]] order [0, 2, 1, 3]
//  CHECK-NEXT:   lathe.reshape %[[HALVES]]
// CHECK-LABEL: lathe.derived @layers.0.value.weight
//   CHECK-NOT:   lathe.permute
//       CHECK: lathe.parameter @blk.0.ffn_norm.weight : tensor<256xf32> from
// CHECK-LABEL: func.func @forward(
//       CHECK:   lathe.get @layers.0.query.weight

// A qwen2 has its rows in order, and biases.

// QWEN: lathe.parameter @blk.0.attn_q.weight : tensor<64x64xf32, #lathe.quant<quantum = si8, group = 32, scale = f16>> from "model.gguf" key "blk.0.attn_q.weight"
// QWEN-LABEL: lathe.derived @layers.0.query.weight
//  QWEN-NEXT:   lathe.get
//  QWEN-NEXT:   lathe.cast
//  QWEN-NEXT:   lathe.yield
//       QWEN: lathe.parameter @blk.0.attn_q.bias : tensor<64xf32>
