// RUN: lathe-import-test %golden/llama-gqa 0 bf16 | FileCheck %s --check-prefix=BF16
// RUN: lathe-import-test %golden/llama-gqa 0 q8 | FileCheck %s --check-prefix=Q8
// RUN: lathe-import-test %golden/bert-base-gelu 0 bf16 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=ENCODER
// RUN: not lathe-import-test %golden/llama-gqa 0 f16 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// Pages are rounded when they are written; what is computed stays f32.

//       BF16: lathe.state @layers.0.keys : tensor<?x2x8x32xbf16, #lathe.dims<"pages">>
//       BF16: lathe.state @layers.0.values : tensor<?x2x32x8xbf16, #lathe.dims<"pages">>
// BF16-LABEL: func.func @step(
//       BF16:   lathe.get_state @layers.0.keys : tensor<?x2x8x32xbf16, #lathe.dims<"pages">>
//       BF16:   lathe.append {{.*}} : tensor<?x2x8xf32, #lathe.dims<"tokens">>, {{.*}}, tensor<?x2x8x32xbf16, #lathe.dims<"pages">>
//       BF16:   lathe.cached_attention {{.*}} : tensor<?x6x8xf32, #lathe.dims<"tokens">>, tensor<?x2x8x32xbf16

//   Q8: lathe.state @layers.0.keys : tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>
//   Q8: lathe.state @layers.0.values : tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>

// ENCODER: note: {{.*}}config.json: architectures: the model keeps no cache, so --cache-type changes nothing

// UNKNOWN: error: cache-type: expected f32, bf16 or q8, got 'f16'
