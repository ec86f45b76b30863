// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @append_c1(%k: tensor<7x2x8xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x32x8xf32>, %p: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{failed to verify that all of}}
  %n:2 = "lathe.append"(%k, %k, %kp, %vp, %p, %p, %pt) : (tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>) -> (tensor<8x2x8x32xf32>, tensor<9x2x32x8xf32>)
  return
}

// -----

func.func @append_c2(%k: tensor<7x2x8xf32>, %v: tensor<7x2x8xbf16>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x32x8xf32>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{expects key and value of one type}}
  %nk, %nv = lathe.append %k, %v to %kp, %vp at %p, %s, %pt : tensor<7x2x8xf32>, tensor<7x2x8xbf16>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}

// -----

func.func @append_c3(%k: tensor<7x2x8xf32>, %v: tensor<7x2x8xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x8x32xf32>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{expects pages of (heads, 8, 32) and (heads, 32, 8)}}
  %nk, %nv = lathe.append %k, %v to %kp, %vp at %p, %s, %pt : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x8x32xf32>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}

// -----

func.func @append_c4(%k: tensor<7x3x8xf32>, %v: tensor<7x3x8xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x32x8xf32>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{expects pages of 3 heads, got 2}}
  %nk, %nv = lathe.append %k, %v to %kp, %vp at %p, %s, %pt : tensor<7x3x8xf32>, tensor<7x3x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}

// -----

func.func @append_c5(%k: tensor<7x2x8xf32>, %v: tensor<7x2x8xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x32x8xf32>, %p: tensor<6xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{expects positions of one element a token}}
  %nk, %nv = lathe.append %k, %v to %kp, %vp at %p, %s, %pt : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>, tensor<6xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}

// -----

func.func @append_c5_sequences(%k: tensor<7x2x8xf32>, %v: tensor<7x2x8xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x32x8xf32>, %p: tensor<7xi32>, %s: tensor<6xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{expects sequences of one element a token}}
  %nk, %nv = lathe.append %k, %v to %kp, %vp at %p, %s, %pt : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>, tensor<7xi32>, tensor<6xi32>, tensor<3x4xi32>
  return
}

// -----

func.func @append_c3_elements(%k: tensor<7x2x8xf32>, %v: tensor<7x2x8xf32>, %kp: tensor<?x2x8x32xf32, #lathe.dims<"pages">>, %vp: tensor<?x2x32x8xbf16, #lathe.dims<"pages">>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{expects keys and values of one element type and quant}}
  %nk, %nv = lathe.append %k, %v to %kp, %vp at %p, %s, %pt : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<?x2x8x32xf32, #lathe.dims<"pages">>, tensor<?x2x32x8xbf16, #lathe.dims<"pages">>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}

// -----

func.func @append_c3_quant(%k: tensor<7x2x8xf32>, %v: tensor<7x2x8xf32>, %kp: tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, %vp: tensor<?x2x32x8xf32, #lathe.dims<"pages">>, %p: tensor<7xi32>, %s: tensor<7xi32>, %pt: tensor<3x4xi32>) {
  // expected-error @below {{expects keys and values of one element type and quant}}
  %nk, %nv = lathe.append %k, %v to %kp, %vp at %p, %s, %pt : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>, tensor<?x2x32x8xf32, #lathe.dims<"pages">>, tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
  return
}
