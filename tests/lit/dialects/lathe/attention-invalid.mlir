// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @attention_c1(%q: tensor<7x4x8xf32>, %k: tensor<7x2x8xf32>, %s: tensor<7xi32>) {
  // expected-error @below {{failed to verify that all of}}
  %y = "lathe.attention"(%q, %k, %k, %s) {scale = 1.0 : f32} : (tensor<7x4x8xf32>, tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<7xi32>) -> tensor<7x4x9xf32>
  return
}

// -----

func.func @attention_c2(%q: tensor<7x4x8xf32>, %k: tensor<6x2x8xf32>, %s: tensor<7xi32>) {
  // expected-error @below {{expects a key of the query's tokens and head size}}
  %y = lathe.attention %q, %k, %k by %s scale 0.5 : tensor<7x4x8xf32>, tensor<6x2x8xf32>, tensor<7xi32>
  return
}

// -----

func.func @attention_c2_head_size(%q: tensor<7x4x8xf32>, %k: tensor<7x2x9xf32>, %s: tensor<7xi32>) {
  // expected-error @below {{expects a key of the query's tokens and head size}}
  %y = lathe.attention %q, %k, %k by %s scale 0.5 : tensor<7x4x8xf32>, tensor<7x2x9xf32>, tensor<7xi32>
  return
}

// -----

func.func @attention_c3(%q: tensor<7x4x8xf32>, %k: tensor<7x3x8xf32>, %s: tensor<7xi32>) {
  // expected-error @below {{expects query heads that are a multiple of the key heads, got 4 and 3}}
  %y = lathe.attention %q, %k, %k by %s scale 0.5 : tensor<7x4x8xf32>, tensor<7x3x8xf32>, tensor<7xi32>
  return
}

// -----

func.func @attention_c4(%q: tensor<7x4x8xf32>, %k: tensor<7x2x8xf32>, %s: tensor<6xi32>) {
  // expected-error @below {{expects sequences of one element a token}}
  %y = lathe.attention %q, %k, %k by %s scale 0.5 : tensor<7x4x8xf32>, tensor<7x2x8xf32>, tensor<6xi32>
  return
}

// -----

func.func @attention_c5(%q: tensor<7x4x8xf32>, %k: tensor<7x2x8xf32>, %s: tensor<7xi32>) {
  // expected-error @below {{expects a finite scale > 0}}
  %y = lathe.attention %q, %k, %k by %s scale 0.0 : tensor<7x4x8xf32>, tensor<7x2x8xf32>, tensor<7xi32>
  return
}

// -----

func.func @attention_c5_window(%q: tensor<7x4x8xf32>, %k: tensor<7x2x8xf32>, %s: tensor<7xi32>) {
  // expected-error @below {{expects a window of 0 (none) or more, got -1}}
  %y = lathe.attention %q, %k, %k by %s scale 0.5 window -1 : tensor<7x4x8xf32>, tensor<7x2x8xf32>, tensor<7xi32>
  return
}

// -----

func.func @attention_c5_softcap(%q: tensor<7x4x8xf32>, %k: tensor<7x2x8xf32>, %s: tensor<7xi32>) {
  // expected-error @below {{expects a finite softcap of 0 (none) or more}}
  %y = lathe.attention %q, %k, %k by %s scale 0.5 softcap -1.0 : tensor<7x4x8xf32>, tensor<7x2x8xf32>, tensor<7xi32>
  return
}
