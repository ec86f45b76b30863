// RUN: lathe-import-test %golden/llama-linear-rope-tied | FileCheck %s --check-prefix=LINEAR
// RUN: lathe-import-test %golden/llama3-rope-bf16 | FileCheck %s --check-prefix=LLAMA3

// Linear: a quarter of the plain frequencies. The head is the token table.

//       LINEAR: lathe.rope_table [2.500000e-01,
// LINEAR-LABEL: func.func @forward(
//       LINEAR:   %[[TOKENS:.*]] = lathe.get @model.embed_tokens.weight
//       LINEAR:   lathe.linear {{.*}}, %[[TOKENS]] : {{.*}} -> tensor<?x160xf32

// llama3: the last, long waves turn 8 times slower. Weights keep the type of
// the file, activations are f32.

//       LLAMA3: lathe.parameter @model.norm.weight : tensor<48xbf16>
// LLAMA3-LABEL: func.func @forward(
//       LLAMA3:   lathe.linear {{.*}} tensor<?x48xf32, #lathe.dims<"tokens">>, tensor<48x48xbf16> -> tensor<?x48xf32
