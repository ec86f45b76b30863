// RUN: lathe-opt --lathe-pack-weights %s | FileCheck %s
// RUN: not lathe-opt --lathe-pack-weights=columns=0 %s 2>&1 | FileCheck %s --check-prefix=COLUMNS

// COLUMNS: expects at least 1 column in a panel, got 0

module {
  // CHECK: lathe.parameter @up
  // CHECK-NEXT: lathe.derived @up.packed : tensor<96x64xf32, #lathe.packed<columns = 32, depth = 1>>
  // CHECK: %[[PLAIN:.*]] = lathe.get @up
  // CHECK: %[[PACKED:.*]] = lathe.pack %[[PLAIN]]
  // CHECK: lathe.yield %[[PACKED]]
  // CHECK-NOT: lathe.derived @up.packed
  // CHECK: lathe.derived @half.packed : tensor<7x64xbf16, #lathe.packed<columns = 32, depth = 2>>
  lathe.parameter @up : tensor<96x64xf32> from "m.safetensors" key "up"
  lathe.parameter @half : tensor<7x64xbf16> from "m.safetensors" key "half"
  lathe.parameter @words : tensor<9x64xf32> from "m.safetensors" key "words"
  lathe.parameter @wide : tensor<7x64xf64> from "m.safetensors" key "wide"

  // CHECK-LABEL: func.func @first
  func.func @first(%x: tensor<4x64xf32>) -> (tensor<4x96xf32>, tensor<4x7xf32>) {
    // CHECK-DAG: %[[W:.*]] = lathe.get @up.packed
    // CHECK-DAG: lathe.linear %arg0, %[[W]] :
    // CHECK-DAG: lathe.get @half.packed
    // CHECK-NOT: lathe.get @up :
    %w = lathe.get @up : tensor<96x64xf32>
    %y = lathe.linear %x, %w : tensor<4x64xf32>, tensor<96x64xf32> -> tensor<4x96xf32>
    %h = lathe.get @half : tensor<7x64xbf16>
    %z = lathe.linear %x, %h : tensor<4x64xf32>, tensor<7x64xbf16> -> tensor<4x7xf32>
    return %y, %z : tensor<4x96xf32>, tensor<4x7xf32>
  }

  // The gather of a tied table and the linear share what the other entry made;
  // nothing reads the plain one.
  // CHECK-LABEL: func.func @second
  func.func @second(%ids: tensor<4xi32>) -> tensor<4x96xf32> {
    // CHECK-NOT: lathe.get @up :
    // CHECK: %[[TABLE:.*]] = lathe.get @up.packed
    // CHECK: lathe.gather %[[TABLE]]
    // CHECK: lathe.get @up.packed
    // CHECK-NOT: @up.packed_0
    %w = lathe.get @up : tensor<96x64xf32>
    %x = lathe.gather %w[%ids] : tensor<96x64xf32>, tensor<4xi32> -> tensor<4x64xf32>
    %y = lathe.linear %x, %w : tensor<4x64xf32>, tensor<96x64xf32> -> tensor<4x96xf32>
    return %y : tensor<4x96xf32>
  }

  // Left alone: no linear reads the table.
  // CHECK-LABEL: func.func @table_alone
  func.func @table_alone(%ids: tensor<4xi32>) -> tensor<4x64xf32> {
    // CHECK: %[[TABLE:.*]] = lathe.get @words :
    // CHECK: lathe.gather %[[TABLE]]
    %w = lathe.get @words : tensor<9x64xf32>
    %x = lathe.gather %w[%ids] : tensor<9x64xf32>, tensor<4xi32> -> tensor<4x64xf32>
    return %x : tensor<4x64xf32>
  }

  // Left alone: the weight is computed in the entry, or has no packed layout.
  // CHECK-LABEL: func.func @alone
  func.func @alone(%x: tensor<4x64xf32>, %w: tensor<96x64xf32>, %d: tensor<4x64xf64>)
      -> (tensor<4x96xf32>, tensor<4x7xf64>) {
    // CHECK-NOT: packed
    %y = lathe.linear %x, %w : tensor<4x64xf32>, tensor<96x64xf32> -> tensor<4x96xf32>
    %v = lathe.get @wide : tensor<7x64xf64>
    %z = lathe.linear %d, %v : tensor<4x64xf64>, tensor<7x64xf64> -> tensor<4x7xf64>
    return %y, %z : tensor<4x96xf32>, tensor<4x7xf64>
  }

  // Quantised rows are packed as they are: the cast to f32 goes, what moves rows
  // stays; a table is packed even if no linear reads it.
  // CHECK: lathe.derived @rows.packed : tensor<8x64xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = ui4, group = 32, scale = f16, zero = 8>>>
  // CHECK-NEXT: %[[BLOCKS:.*]] = lathe.get @q : tensor<8x64xf32, #lathe.quant<
  // CHECK-NEXT: %[[SPLIT:.*]] = lathe.reshape %[[BLOCKS]] {{.*}} -> tensor<2x4x64xf32, #lathe.quant<
  // CHECK-NEXT: %[[MOVED:.*]] = lathe.permute %[[SPLIT]] {{.*}} -> tensor<4x2x64xf32, #lathe.quant<
  // CHECK-NEXT: %[[JOINED:.*]] = lathe.reshape %[[MOVED]]
  // CHECK-NEXT: lathe.pack %[[JOINED]]
  lathe.parameter @q : tensor<8x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>> from "m.gguf" key "q"
  lathe.derived @rows : tensor<8x64xf32> {
    %0 = lathe.get @q : tensor<8x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>
    %1 = lathe.cast %0 : tensor<8x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>> -> tensor<8x64xf32>
    %2 = lathe.reshape %1 : tensor<8x64xf32> -> tensor<2x4x64xf32>
    %3 = lathe.permute %2 order [1, 0, 2] : tensor<2x4x64xf32> -> tensor<4x2x64xf32>
    %4 = lathe.reshape %3 : tensor<4x2x64xf32> -> tensor<8x64xf32>
    lathe.yield %4 : tensor<8x64xf32>
  }
  // CHECK: lathe.derived @turned.packed : tensor<64x8xf32, #lathe.packed<columns = 32, depth = 1>>
  lathe.derived @turned : tensor<64x8xf32> {
    %0 = lathe.get @q : tensor<8x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>>
    %1 = lathe.cast %0 : tensor<8x64xf32, #lathe.quant<quantum = ui4, group = 32, scale = f16, zero = 8>> -> tensor<8x64xf32>
    %2 = lathe.permute %1 order [1, 0] : tensor<8x64xf32> -> tensor<64x8xf32>
    lathe.yield %2 : tensor<64x8xf32>
  }

  // CHECK-LABEL: func.func @quantised
  func.func @quantised(%ids: tensor<4xi32>) -> tensor<4x64xf32> {
    // CHECK: lathe.get @rows.packed
    %w = lathe.get @rows : tensor<8x64xf32>
    %x = lathe.gather %w[%ids] : tensor<8x64xf32>, tensor<4xi32> -> tensor<4x64xf32>
    return %x : tensor<4x64xf32>
  }

  // Plain after all: its rows do not stay whole.
  // CHECK-LABEL: func.func @transposed
  func.func @transposed(%x: tensor<4x8xf32>) -> tensor<4x64xf32> {
    // CHECK: lathe.get @turned.packed
    %w = lathe.get @turned : tensor<64x8xf32>
    %y = lathe.linear %x, %w : tensor<4x8xf32>, tensor<64x8xf32> -> tensor<4x64xf32>
    return %y : tensor<4x64xf32>
  }
}
