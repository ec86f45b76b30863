// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @rope_c1(%q: tensor<7x4x8xf32>, %p: tensor<7xi32>, %t: tensor<9x8xf32>) {
  // expected-error @below {{failed to verify that all of}}
  %y = "lathe.rope"(%q, %p, %t) : (tensor<7x4x8xf32>, tensor<7xi32>, tensor<9x8xf32>) -> tensor<7x4x9xf32>
  return
}

// -----

func.func @rope_c2(%q: tensor<7x4x8xf32>, %p: tensor<6xi32>, %t: tensor<9x8xf32>) {
  // expected-error @below {{expects positions of one element a token}}
  %y = lathe.rope %q at %p, %t : tensor<7x4x8xf32>, tensor<6xi32>, tensor<9x8xf32>
  return
}

// -----

func.func @rope_c3(%q: tensor<7x4x8xf32>, %p: tensor<7xi32>, %t: tensor<9x10xf32>) {
  // expected-error @below {{expects a static table of an even width up to 8}}
  %y = lathe.rope %q at %p, %t : tensor<7x4x8xf32>, tensor<7xi32>, tensor<9x10xf32>
  return
}

// -----

func.func @rope_c3_odd(%q: tensor<7x4x8xf32>, %p: tensor<7xi32>, %t: tensor<9x7xf32>) {
  // expected-error @below {{expects a static table of an even width up to 8}}
  %y = lathe.rope %q at %p, %t : tensor<7x4x8xf32>, tensor<7xi32>, tensor<9x7xf32>
  return
}
