// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @concat_c1() {
  // expected-error @below {{expects one input or more}}
  %y = lathe.concat along 0 : () -> tensor<2xf32>
  return
}

// -----

func.func @concat_c2(%x: tensor<2x3xf32>) {
  // expected-error @below {{expects a dimension below 2, got 2}}
  %y = lathe.concat %x, %x along 2 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @concat_c3(%x: tensor<2x3xf32>, %z: tensor<2x4xf32>) {
  // expected-error @below {{expects inputs that differ in dimension 0 only}}
  %y = lathe.concat %x, %z along 0 : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @concat_c3_type(%x: tensor<2x3xf32>, %z: tensor<2x3xbf16>) {
  // expected-error @below {{expects inputs that differ in dimension 0 only}}
  %y = lathe.concat %x, %z along 0 : (tensor<2x3xf32>, tensor<2x3xbf16>) -> tensor<4x3xf32>
  return
}

// -----

func.func @concat_c4(%x: tensor<2x3xf32>) {
  // expected-error @below {{expects a result of 'tensor<4x3xf32>', got 'tensor<5x3xf32>'}}
  %y = lathe.concat %x, %x along 0 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<5x3xf32>
  return
}

// -----

func.func @concat_c3_encoding(%v: tensor<8x32xf32>, %w: tensor<8x32xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>) {
  // expected-error @below {{expects inputs that differ in dimension 0 only}}
  %0 = lathe.concat %v, %w along 0 : (tensor<8x32xf32>, tensor<8x32xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>) -> tensor<16x32xf32>
  return
}
