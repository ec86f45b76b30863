// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func private @encodings
// CHECK-SAME:    tensor<?x4x?xf32, #lathe.dims<"slots", "tokens">>
// CHECK-SAME:    tensor<5x7xbf16, #lathe.packed<columns = 32, depth = 2>>
// CHECK-SAME:    lathe.schedule = #lathe.schedule<rows = 4, vector = 8>
func.func private @encodings(tensor<?x4x?xf32, #lathe.dims<"slots", "tokens">>,
                             tensor<5x7xbf16, #lathe.packed<columns = 32, depth = 2>>)
    attributes {lathe.schedule = #lathe.schedule<rows = 4, vector = 8>}

// The encodings of the block types of GGUF.

// CHECK-LABEL: func.func private @quantised(
// CHECK-SAME:    tensor<4x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>
// CHECK-SAME:    tensor<4x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, minimum = f16>>
// CHECK-SAME:    tensor<4x64xf32, #lathe.quant<quantum = ui5, group = 32, scale = f16, zero = 16>>
// CHECK-SAME:    tensor<4x64xf32, #lathe.quant<quantum = ui5, group = 32, scale = f16, minimum = f16>>
// CHECK-SAME:    tensor<4x64xf32, #lathe.quant<quantum = si8, group = 32, scale = f16>>
// CHECK-SAME:    tensor<4x256xf32, #lathe.quant<quantum = ui4, group = 32, scale = ui6, minimum = ui6, block = 256>>
// CHECK-SAME:    tensor<4x256xf32, #lathe.quant<quantum = ui5, group = 32, scale = ui6, minimum = ui6, block = 256>>
// CHECK-SAME:    tensor<4x256xf32, #lathe.quant<quantum = ui6, group = 16, scale = si8, zero = 32, block = 256>>
func.func private @quantised(
    tensor<4x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>,
    tensor<4x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, minimum = f16>>,
    tensor<4x64xf32, #lathe.quant<quantum = ui5, group = 32, scale = f16, zero = 16>>,
    tensor<4x64xf32, #lathe.quant<quantum = ui5, group = 32, scale = f16, minimum = f16>>,
    tensor<4x64xf32, #lathe.quant<quantum = si8, group = 32, scale = f16>>,
    tensor<4x256xf32, #lathe.quant<quantum = ui4, group = 32, scale = ui6, minimum = ui6, block = 256>>,
    tensor<4x256xf32, #lathe.quant<quantum = ui5, group = 32, scale = ui6, minimum = ui6, block = 256>>,
    tensor<4x256xf32, #lathe.quant<quantum = ui6, group = 16, scale = si8, zero = 32, block = 256>>)

// Quantised rows, as many as a symbol says.

// CHECK-LABEL: func.func private @quantised_rows(
// CHECK-SAME:    tensor<?x64xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 32, scale = f32>>>
func.func private @quantised_rows(
    tensor<?x64xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 32, scale = f32>>>)
