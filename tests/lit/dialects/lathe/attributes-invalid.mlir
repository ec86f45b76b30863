// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects one name for each of the 2 dynamic sizes, got 1}}
func.func private @dims_names(tensor<?x?xf32, #lathe.dims<"tokens">>)

// -----

// expected-error @below {{expects a packed weight to be a static matrix of floats}}
func.func private @packed_rank(tensor<5xf32, #lathe.packed<columns = 32, depth = 1>>)

// -----

// expected-error @below {{expects columns and depth of 1 or more, got 0 and 1}}
func.func private @packed_sizes(tensor<5x7xf32, #lathe.packed<columns = 0, depth = 1>>)

// -----

// expected-error @below {{expects a chunk of 0 or more terms, got -1}}
func.func private @reduce_chunk() attributes {reduce = #lathe.reduce<chunk = -1>}

// -----

// expected-error @below {{expects a quantum such as ui4 or si8, got 'i4'}}
func.func private @quant_c1(tensor<4x64xf32, #lathe.quant<quantum = i4, group = 32, scale = f16>>)

// -----

// expected-error @below {{expects a quantum such as ui4 or si8, got 'ui9'}}
func.func private @quant_c1_bits(tensor<4x64xf32, #lathe.quant<quantum = ui9, group = 32, scale = f16>>)

// -----

// expected-error @below {{expects a group of 1 or more and a zero below 16, got 0 and 0}}
func.func private @quant_c2_group(tensor<4x64xf32, #lathe.quant<quantum = ui4, group = 0, scale = f16>>)

// -----

// expected-error @below {{expects a group of 1 or more and a zero below 16, got 32 and 16}}
func.func private @quant_c2_zero(tensor<4x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 16>>)

// -----

// expected-error @below {{expects a group of 1 or more and a zero below 1, got 32 and 8}}
func.func private @quant_c2_sign(tensor<4x64xf32, #lathe.quant<quantum = si8, group = 32, scale = f16, zero = 8>>)

// -----

// expected-error @below {{expects a float scale where there is no block, got 'ui6'}}
func.func private @quant_c3_one_level(tensor<4x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = ui6>>)

// -----

// expected-error @below {{expects an integer scale and a multiple of the group of 32 as block, got 'f16' and 256}}
func.func private @quant_c3_two_levels(tensor<4x256xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, block = 256>>)

// -----

// expected-error @below {{expects an integer scale and a multiple of the group of 32 as block, got 'ui6' and 48}}
func.func private @quant_c3_block(tensor<4x48xf32, #lathe.quant<quantum = ui4, group = 32, scale = ui6, block = 48>>)

// -----

// expected-error @below {{expects a minimum of the scale's type, 'f16', got 'f32'}}
func.func private @quant_c4(tensor<4x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, minimum = f32>>)

// -----

// expected-error @below {{expects a quantised tensor to be static, of f32, with rows of a multiple of 32 elements}}
func.func private @quant_c5_row(tensor<4x48xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16>>)

// -----

// expected-error @below {{expects a quantised tensor to be static, of f32, with rows of a multiple of 256 elements}}
func.func private @quant_c5_block(tensor<4x128xf32, #lathe.quant<quantum = ui4, group = 32, scale = ui6, block = 256>>)

// -----

// expected-error @below {{expects a quantised tensor to be static, of f32, with rows of a multiple of 32 elements}}
func.func private @quant_c5_element(tensor<4x64xf16, #lathe.quant<quantum = ui4, group = 32, scale = f16>>)

// -----

// expected-error @below {{expects a depth of 8 with quant, got 1}}
func.func private @packed_quant_depth(tensor<4x32xf32, #lathe.packed<columns = 32, depth = 1, quant = <quantum = ui4, group = 32, scale = f16>>>)

// -----

// expected-error @below {{has no packed layout for}}
func.func private @packed_quant_bits(tensor<4x32xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui3, group = 32, scale = f16>>>)

// -----

// expected-error @below {{expects a quantised tensor to be static, of f32, with rows of a multiple of 32 elements}}
func.func private @packed_quant_rows(tensor<4x48xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui4, group = 32, scale = f16>>>)

// -----

// expected-error @below {{has no packed layout for rows of 64 elements}}
func.func private @packed_quant_scale(tensor<4x64xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = si8, group = 32, scale = f32>>>)

// -----

// expected-error @below {{expects a quantised tensor to be static, of f32, with rows of a multiple of 32 elements}}
func.func private @dims_quant_rows(tensor<?x48xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 32, scale = f32>>>)

// -----

// expected-error @below {{expects a quantised tensor to be static, of f32, with rows of a multiple of 32 elements}}
func.func private @dims_quant_dynamic(tensor<4x?xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 32, scale = f32>>>)

// -----

// Pages: neither of the last two dimensions is a page's positions.
// expected-error @below {{expects quantised pages of f32, of static heads of 8 signed bytes by 32, each position with a scale of f32}}
func.func private @dims_c3_positions(tensor<?x2x8x16xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>)

// -----

// expected-error @below {{expects quantised pages of f32, of static heads of 4 signed bytes by 32}}
func.func private @dims_c3_group(tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 4, scale = f32>>>)

// -----

// expected-error @below {{expects quantised pages of f32, of static heads of 8 signed bytes by 32}}
func.func private @dims_c3_heads(tensor<?x?x8x32xf32, #lathe.dims<"pages", "slots" quant <quantum = si8, group = 8, scale = f32>>>)

// -----

// expected-error @below {{expects quantised pages of f32, of static heads of 8 signed bytes by 32}}
func.func private @dims_c3_element(tensor<?x2x8x32xbf16, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f32>>>)

// -----

// expected-error @below {{expects quantised pages of f32, of static heads of 8 signed bytes by 32}}
func.func private @dims_c3_scale(tensor<?x2x8x32xf32, #lathe.dims<"pages" quant <quantum = si8, group = 8, scale = f16>>>)
