// RUN: lathe-opt %s --split-input-file --verify-diagnostics --lathe-quantize-activations | FileCheck %s
// RUN: lathe-opt %s --split-input-file --verify-diagnostics --lathe-quantize-activations=stored=false | FileCheck %s --check-prefix=NUMBERS

// Two layers read one value: it is rounded once, behind what computes it, by
// groups of 32 as the weight's; what is no layer goes on with the f32.

!q4 = tensor<8x64xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui4, group = 32, scale = f16, zero = 8>>>

// CHECK-LABEL: func @shared
//       CHECK:   %[[X:.*]] = lathe.activation
//       CHECK:   %[[Q:.*]] = lathe.quantize %[[X]] to <quantum = si8, group = 32, scale = f32> : tensor<2x64xf32> -> tensor<2x64xf32, #lathe.quant<
//   CHECK-NOT:   lathe.quantize
//       CHECK:   lathe.linear %[[Q]]
//       CHECK:   lathe.linear %[[Q]]
//       CHECK:   arith.addf %[[X]], %[[X]]
// NUMBERS-LABEL: func @shared
//       NUMBERS:   lathe.quantize {{.*}} : tensor<2x64xf32> -> tensor<2x64xf32>{{$}}
func.func @shared(%in: tensor<2x64xf32>, %v: !q4, %w: !q4) -> (tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x64xf32>) {
  %x = lathe.activation silu %in : tensor<2x64xf32>
  %y = lathe.linear %x, %v : tensor<2x64xf32>, !q4 -> tensor<2x8xf32>
  %z = lathe.linear %x, %w : tensor<2x64xf32>, !q4 -> tensor<2x8xf32>
  %s = arith.addf %x, %x : tensor<2x64xf32>
  return %y, %z, %s : tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x64xf32>
}

// -----

// A parameter that is quantised behind a cast, with a scale a row: the input's
// scale is the row's too. Groups of 16 still make groups of 32.

lathe.parameter @w : tensor<8x96xf32> from "m.safetensors" key "w"
lathe.derived @w.q8 : tensor<8x96xf32> {
  %0 = lathe.get @w : tensor<8x96xf32>
  %1 = lathe.quantize %0 to <quantum = si8, group = 96, scale = f32> : tensor<8x96xf32> -> tensor<8x96xf32, #lathe.quant<quantum = si8, group = 96, scale = f32>>
  %2 = lathe.cast %1 : tensor<8x96xf32, #lathe.quant<quantum = si8, group = 96, scale = f32>> -> tensor<8x96xf32>
  lathe.yield %2 : tensor<8x96xf32>
}

// CHECK-LABEL: func @scales
//   CHECK-DAG:   lathe.quantize %{{.*}} to <quantum = si8, group = 96, scale = f32> : tensor<?x96xf32, #lathe.dims<"tokens">> -> tensor<?x96xf32, #lathe.dims<"tokens" quant <
//   CHECK-DAG:   lathe.quantize %{{.*}} to <quantum = si8, group = 32, scale = f32>
func.func @scales(%x: tensor<?x96xf32, #lathe.dims<"tokens">>, %y: tensor<2x256xf32>,
                  %v: tensor<8x256xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui6, group = 16, scale = si8, zero = 32, block = 256>>>)
    -> (tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<2x8xf32>) {
  %w = lathe.get @w.q8 : tensor<8x96xf32>
  %0 = lathe.linear %x, %w : tensor<?x96xf32, #lathe.dims<"tokens">>, tensor<8x96xf32> -> tensor<?x8xf32, #lathe.dims<"tokens">>
  %1 = lathe.linear %y, %v : tensor<2x256xf32>, tensor<8x256xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui6, group = 16, scale = si8, zero = 32, block = 256>>> -> tensor<2x8xf32>
  return %0, %1 : tensor<?x8xf32, #lathe.dims<"tokens">>, tensor<2x8xf32>
}

// -----

// Left alone: the weight is plain, or the input narrow already.

!q8 = tensor<8x32xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = si8, group = 32, scale = f16>>>

// CHECK-LABEL: func @others
//       CHECK:   %[[Q:.*]] = lathe.quantize
//   CHECK-NOT:   lathe.quantize
//       CHECK:   return
func.func @others(%x: tensor<2x32xf32>, %n: tensor<2x32xbf16>, %w: tensor<8x32xf32>, %b: tensor<8x32xbf16>, %q: !q8)
    -> (tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) {
  %0 = lathe.linear %x, %w : tensor<2x32xf32>, tensor<8x32xf32> -> tensor<2x8xf32>
  %1 = lathe.linear %n, %b : tensor<2x32xbf16>, tensor<8x32xbf16> -> tensor<2x8xf32>
  %2 = lathe.linear %x, %q : tensor<2x32xf32>, !q8 -> tensor<2x8xf32>
  return %0, %1, %2 : tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>
}

// -----
// expected-error @above {{expects linear layers with quantised weights}}

// An error: there is nothing to round for.

func.func @none(%x: tensor<2x32xf32>, %w: tensor<8x32xf32>) -> tensor<2x8xf32> {
  %0 = lathe.linear %x, %w : tensor<2x32xf32>, tensor<8x32xf32> -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}
