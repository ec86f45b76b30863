// RUN: lathe-opt %s --split-input-file --lathe-quantize-weights=bits=8 | FileCheck %s
// RUN: lathe-opt %s --split-input-file --lathe-quantize-weights=bits=4 | FileCheck %s --check-prefix=Q4
// RUN: lathe-opt %s --split-input-file --lathe-quantize-weights=bits=4 2>&1 >/dev/null | FileCheck %s --check-prefix=UNEVEN
// RUN: not lathe-opt %s --split-input-file --lathe-quantize-weights=bits=3 2>&1 | FileCheck %s --check-prefix=BITS

// BITS: expects 8 or 4 bits, got 3

// A layer's weight becomes bytes with a scale a row, or nibbles with one for each
// 32; two readers share it.

//       CHECK: lathe.derived @w.q8 : tensor<8x64xf32>
//       CHECK:   %[[W:.*]] = lathe.get @w : tensor<8x64xbf16>
//       CHECK:   %[[Q:.*]] = lathe.quantize %[[W]] to <quantum = si8, group = 64, scale = f32> : tensor<8x64xbf16> -> tensor<8x64xf32, #lathe.quant<
//       CHECK:   lathe.cast %[[Q]] : {{.*}} -> tensor<8x64xf32>
//   CHECK-NOT: lathe.derived
// CHECK-LABEL: func @layers
//       CHECK:   lathe.get @w.q8 : tensor<8x64xf32>
//       CHECK:   lathe.linear {{.*}} : tensor<2x64xf32>, tensor<8x64xf32> -> tensor<2x8xf32>
//       CHECK:   lathe.get @w.q8 : tensor<8x64xf32>
//    Q4-LABEL: lathe.derived @w.q4
//          Q4:   lathe.quantize {{.*}} to <quantum = ui4, group = 32, scale = f16, zero = 8>
lathe.parameter @w : tensor<8x64xbf16> from "m.safetensors" key "w"
func.func @layers(%x: tensor<2x64xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>) {
  %w = lathe.get @w : tensor<8x64xbf16>
  %y = lathe.linear %x, %w : tensor<2x64xf32>, tensor<8x64xbf16> -> tensor<2x8xf32>
  %v = lathe.get @w : tensor<8x64xbf16>
  %z = lathe.linear %x, %v : tensor<2x64xf32>, tensor<8x64xbf16> -> tensor<2x8xf32>
  return %y, %z : tensor<2x8xf32>, tensor<2x8xf32>
}

// -----

// A table that is only looked up stays rows, of bytes; one that a layer reads too
// is that layer's.

// CHECK-LABEL: func @tables
//       CHECK:   %[[T:.*]] = lathe.get @table.q8.rows : tensor<16x64xf32, #lathe.quant<quantum = si8, group = 64, scale = f32>>
//       CHECK:   lathe.gather %[[T]]
//       CHECK:   lathe.get @head.q8 : tensor<16x64xf32>
//       CHECK:   lathe.gather {{.*}} : tensor<16x64xf32>, tensor<2xi32>
//    Q4-LABEL: func @tables
//          Q4:   lathe.get @table.q8.rows
//          Q4:   lathe.get @head.q4 : tensor<16x64xf32>
lathe.parameter @table : tensor<16x64xf32> from "m.safetensors" key "table"
lathe.parameter @head : tensor<16x64xf32> from "m.safetensors" key "head"
func.func @tables(%i: tensor<2xi32>) -> tensor<2x16xf32> {
  %t = lathe.get @table : tensor<16x64xf32>
  %a = lathe.gather %t[%i] : tensor<16x64xf32>, tensor<2xi32> -> tensor<2x64xf32>
  %h = lathe.get @head : tensor<16x64xf32>
  %b = lathe.gather %h[%i] : tensor<16x64xf32>, tensor<2xi32> -> tensor<2x64xf32>
  %s = arith.addf %a, %b : tensor<2x64xf32>
  %y = lathe.linear %s, %h : tensor<2x64xf32>, tensor<16x64xf32> -> tensor<2x16xf32>
  return %y : tensor<2x16xf32>
}

// -----

// Rows that are no groups of 32 have 8 bits where 4 are asked for.

//      UNEVEN: warning: 1 linear layers have rows that are no whole groups of 32 and are stored in 8 bits instead of 4
//    Q4-LABEL: lathe.derived @w.q8
//          Q4:   lathe.quantize {{.*}} to <quantum = si8, group = 33, scale = f32>
lathe.parameter @w : tensor<8x33xf32> from "m.safetensors" key "w"
func.func @uneven(%x: tensor<2x33xf32>) -> tensor<2x8xf32> {
  %w = lathe.get @w : tensor<8x33xf32>
  %y = lathe.linear %x, %w : tensor<2x33xf32>, tensor<8x33xf32> -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// Left alone: no parameter, packed already, longer than integers can sum, a norm.

// CHECK-LABEL: func @others
//   CHECK-NOT:   q8
//       CHECK:   return
lathe.parameter @packed : tensor<8x64xf32, #lathe.packed<columns = 32, depth = 1>> from "m.safetensors" key "p"
lathe.parameter @long : tensor<1x65600xf32> from "m.safetensors" key "l"
lathe.parameter @norm : tensor<64xf32> from "m.safetensors" key "n"
func.func @others(%x: tensor<2x64xf32>, %w: tensor<8x64xf32>, %l: tensor<2x65600xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x1xf32>, tensor<2x64xf32>) {
  %a = lathe.linear %x, %w : tensor<2x64xf32>, tensor<8x64xf32> -> tensor<2x8xf32>
  %p = lathe.get @packed : tensor<8x64xf32, #lathe.packed<columns = 32, depth = 1>>
  %b = lathe.linear %x, %p : tensor<2x64xf32>, tensor<8x64xf32, #lathe.packed<columns = 32, depth = 1>> -> tensor<2x8xf32>
  %m = lathe.get @long : tensor<1x65600xf32>
  %c = lathe.linear %l, %m : tensor<2x65600xf32>, tensor<1x65600xf32> -> tensor<2x1xf32>
  %n = lathe.get @norm : tensor<64xf32>
  %d = lathe.rms_norm %x, %n eps 1.0e-5 : tensor<2x64xf32>, tensor<64xf32>
  return %a, %b, %c, %d : tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x1xf32>, tensor<2x64xf32>
}
