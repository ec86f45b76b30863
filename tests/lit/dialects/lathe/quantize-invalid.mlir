// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @quantize_c1_element(%x: tensor<4x64xbf16>) {
  // expected-error @below {{expects a result of f32 of the shape of the input}}
  %q = lathe.quantize %x to <quantum = si8, group = 32, scale = f32> : tensor<4x64xbf16> -> tensor<4x64xbf16>
  return
}

// -----

func.func @quantize_c1_shape(%x: tensor<4x64xf32>) {
  // expected-error @below {{expects a result of f32 of the shape of the input}}
  %q = lathe.quantize %x to <quantum = si8, group = 32, scale = f32> : tensor<4x64xf32> -> tensor<4x32xf32>
  return
}

// -----

func.func @quantize_c2_minimum(%x: tensor<4x64xf32>) {
  // expected-error @below {{expects a quant without minimum and block, and a zero of 8}}
  %q = lathe.quantize %x to <quantum = ui4, group = 32, scale = f16, minimum = f16> : tensor<4x64xf32> -> tensor<4x64xf32>
  return
}

// -----

func.func @quantize_c2_block(%x: tensor<4x64xf32>) {
  // expected-error @below {{expects a quant without minimum and block, and a zero of 0}}
  %q = lathe.quantize %x to <quantum = si8, group = 32, scale = ui6, block = 64> : tensor<4x64xf32> -> tensor<4x64xf32>
  return
}

// -----

func.func @quantize_c2_zero(%x: tensor<4x64xf32>) {
  // expected-error @below {{expects a quant without minimum and block, and a zero of 8}}
  %q = lathe.quantize %x to <quantum = ui4, group = 32, scale = f16, zero = 7> : tensor<4x64xf32> -> tensor<4x64xf32>
  return
}

// -----

func.func @quantize_c3(%x: tensor<4x48xf32>) {
  // expected-error @below {{expects a static row of whole groups of 32}}
  %q = lathe.quantize %x to <quantum = si8, group = 32, scale = f32> : tensor<4x48xf32> -> tensor<4x48xf32>
  return
}

// -----

func.func @quantize_c4_quant(%x: tensor<4x64xf32>) {
  // expected-error @below {{expects a result of the input's encoding, with or without its quant}}
  %q = lathe.quantize %x to <quantum = si8, group = 32, scale = f32> : tensor<4x64xf32> -> tensor<4x64xf32, #lathe.quant<quantum = si8, group = 64, scale = f32>>
  return
}

// -----

func.func @quantize_c4_twice(%x: tensor<4x64xf32, #lathe.quant<quantum = si8, group = 32, scale = f32>>) {
  // expected-error @below {{expects a result of the input's encoding, with or without its quant}}
  %q = lathe.quantize %x to <quantum = si8, group = 32, scale = f32> : tensor<4x64xf32, #lathe.quant<quantum = si8, group = 32, scale = f32>> -> tensor<4x64xf32>
  return
}

// -----

func.func @quantize_c4_dims(%x: tensor<?x64xf32, #lathe.dims<"tokens">>) {
  // expected-error @below {{expects a result of the input's encoding, with or without its quant}}
  %q = lathe.quantize %x to <quantum = si8, group = 32, scale = f32> : tensor<?x64xf32, #lathe.dims<"tokens">> -> tensor<?x64xf32, #lathe.dims<"rows">>
  return
}
