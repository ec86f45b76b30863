// RUN: lathe-import-test %golden/llama-gqa | FileCheck %s

// Grouped heads, rope, a gated MLP; a cache of pages, in which keys are stored
// transposed.

//       CHECK: lathe.symbol @tokens in
//  CHECK-SAME: [1, 512]
//       CHECK: lathe.symbol @slot_pages in
//  CHECK-SAME: [1, 2] fixed_at_load
//       CHECK: lathe.state @layers.0.keys : tensor<?x2x8x32xf32, #lathe.dims<"pages">>
//       CHECK: lathe.state @layers.0.values : tensor<?x2x32x8xf32, #lathe.dims<"pages">>
//       CHECK: lathe.parameter @model.embed_tokens.weight : tensor<160x48xf32> from "model.safetensors" key "model.embed_tokens.weight"
//       CHECK: lathe.rope_table [1.000000e+00, 0.10000000149{{[0-9, .]*}}] scale 1.000000e+00
// CHECK-LABEL: func.func @forward(
//       CHECK:   lathe.rms_norm
//       CHECK:   %[[Q:.*]] = lathe.linear
//       CHECK:   tensor.expand_shape %[[Q]] {{\[\[}}0], [1, 2]] output_shape [%{{.*}}, 6, 8]
//       CHECK:   %[[QR:.*]] = lathe.rope
//       CHECK:   %[[KR:.*]] = lathe.rope
//       CHECK:   lathe.attention %[[QR]], %[[KR]], {{.*}} scale 0.353553385 causal :
//       CHECK:   %[[GATE:.*]] = lathe.activation silu
//       CHECK:   arith.mulf %[[GATE]]
// CHECK-LABEL: func.func @step(
//  CHECK-SAME:   {lathe.limit_symbol = "slots", lathe.name = "sequences"}
//  CHECK-SAME:   %[[ROWS:.*]]: tensor<?xi32, #lathe.dims<"rows">> {lathe.limit_symbol = "tokens", lathe.name = "rows"}
//  CHECK-SAME:   %[[TABLE:.*]]: tensor<?x?xi32, #lathe.dims<"slots", "slot_pages">> {lathe.limit_symbol = "pages", lathe.name = "page_table"}
//  CHECK-SAME:   (tensor<?x160xf32, #lathe.dims<"rows">> {lathe.name = "logits"})
//       CHECK:   %[[OLD:.*]] = lathe.get_state @layers.0.keys
//       CHECK:   %[[KEYS:.*]], %[[VALUES:.*]] = lathe.append {{.*}} to %[[OLD]]
//       CHECK:   lathe.set_state %[[KEYS]], @layers.0.keys
//       CHECK:   lathe.set_state %[[VALUES]], @layers.0.values
//       CHECK:   lathe.cached_attention {{.*}}, %[[KEYS]], %[[VALUES]] at
//       CHECK:   %[[LAST:.*]] = lathe.gather {{.*}}{{\[}}%[[ROWS]]]
//       CHECK:   lathe.rms_norm %[[LAST]]
// CHECK-LABEL: func.func @step_greedy(
//  CHECK-SAME:   (tensor<?xi32, #lathe.dims<"rows">> {lathe.name = "next"})
//       CHECK:   lathe.argmax
