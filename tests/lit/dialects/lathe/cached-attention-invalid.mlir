// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @cached_attention_c1(%q: tensor<7x4x8xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x32x8xf32>, %p: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{failed to verify that all of}}
  %y = "lathe.cached_attention"(%q, %kp, %vp, %p, %p, %pt) {scale = 1.0 : f32} : (tensor<7x4x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>) -> tensor<7x4x9xf32>
  return
}

// -----

func.func @cached_attention_c2(%q: tensor<7x4x8xf32>, %kp: tensor<9x2x8x16xf32>, %vp: tensor<9x2x32x8xf32>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{expects pages of (heads, 8, 32) and (heads, 32, 8)}}
  %y = lathe.cached_attention %q, %kp, %vp at %p, %s, %pt scale 0.5 : tensor<7x4x8xf32>, tensor<9x2x8x16xf32>, tensor<9x2x32x8xf32>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}

// -----

func.func @cached_attention_c3(%q: tensor<7x3x8xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x32x8xf32>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{expects query heads that are a multiple of the key heads, got 3 and 2}}
  %y = lathe.cached_attention %q, %kp, %vp at %p, %s, %pt scale 0.5 : tensor<7x3x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}

// -----

func.func @cached_attention_c4(%q: tensor<7x4x8xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x32x8xf32>, %p: tensor<6xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{expects positions of one element a token}}
  %y = lathe.cached_attention %q, %kp, %vp at %p, %s, %pt scale 0.5 : tensor<7x4x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>, tensor<6xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}

// -----

func.func @cached_attention_c4_sequences(%q: tensor<7x4x8xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x32x8xf32>, %p: tensor<7xi32>, %s: tensor<6xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{expects sequences of one element a token}}
  %y = lathe.cached_attention %q, %kp, %vp at %p, %s, %pt scale 0.5 : tensor<7x4x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>, tensor<7xi32>, tensor<6xi32>, tensor<3x4xi32>
  return
}

// -----

func.func @cached_attention_c5(%q: tensor<7x4x8xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x32x8xf32>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{expects a finite scale > 0}}
  %y = lathe.cached_attention %q, %kp, %vp at %p, %s, %pt scale -1.0 : tensor<7x4x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}

// -----

func.func @cached_attention_c5_window(%q: tensor<7x4x8xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x32x8xf32>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{expects a window of 0 (none) or more}}
  %y = lathe.cached_attention %q, %kp, %vp at %p, %s, %pt scale 0.5 window -1 : tensor<7x4x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}

// -----

func.func @cached_attention_c5_softcap(%q: tensor<7x4x8xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x32x8xf32>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{expects a finite softcap of 0 (none) or more}}
  %y = lathe.cached_attention %q, %kp, %vp at %p, %s, %pt scale 0.5 softcap 0x7F800000 : tensor<7x4x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}

// -----

func.func @cached_attention_c2_quant(%q: tensor<7x4x8xf32>, %kp: tensor<?x2x8x32xf32, #lathe.dims<"pages">>, %vp: tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{expects keys and values of one element type and quant}}
  %y = lathe.cached_attention %q, %kp, %vp at %p, %s, %pt scale 0.5 : tensor<7x4x8xf32>, tensor<?x2x8x32xf32, #lathe.dims<"pages">>, tensor<?x2x32x8xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}
