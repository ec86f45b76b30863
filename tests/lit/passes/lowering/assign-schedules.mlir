// RUN: lathe-opt --lathe-assign-schedules=level=x86-64-v4 %s | FileCheck %s
// RUN: lathe-opt --lathe-assign-schedules=level=x86-64-v3 %s | FileCheck %s --check-prefix=V3
// RUN: lathe-opt --lathe-assign-schedules=level=x86-64-v4-vnni-bf16 %s | FileCheck %s --check-prefix=BF16
// RUN: lathe-opt --lathe-assign-schedules=level=x86-64-v4-amx %s | FileCheck %s --check-prefix=AMX
// RUN: not lathe-opt --lathe-assign-schedules=level=pdp-11 %s 2>&1 | FileCheck %s --check-prefix=LEVEL

// LEVEL: expects a level of the schedule table, got 'pdp-11'

// Blocks of 64 rows, or the next multiple of a register tile's.
// CHECK: func.func private @linear{{.*}}lathe.schedule = #lathe.schedule<>
// V3: func.func private @linear{{.*}}lathe.schedule = #lathe.schedule<rows = 6, columns = 16, row_block = 66, vector = 8>
func.func private @linear(%x: tensor<?x768xf32, #lathe.dims<"tokens">>, %w: tensor<96x768xf32>)
    -> tensor<?x96xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<?x768xf32, #lathe.dims<"tokens">>, tensor<96x768xf32>
      -> tensor<?x96xf32, #lathe.dims<"tokens">>
  return %y : tensor<?x96xf32, #lathe.dims<"tokens">>
}

// The dot product only where the level has it.
// CHECK: func.func private @narrow{{.*}}lathe.schedule = #lathe.schedule<>
// BF16: func.func private @narrow{{.*}}lathe.schedule = #lathe.schedule<dot = bf16>
// AMX: func.func private @narrow{{.*}}lathe.schedule = #lathe.schedule<rows = 32, dot = amx_bf16>
func.func private @narrow(%x: tensor<?x768xbf16, #lathe.dims<"tokens">>, %w: tensor<96x768xbf16>)
    -> tensor<?x96xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<?x768xbf16, #lathe.dims<"tokens">>, tensor<96x768xbf16>
      -> tensor<?x96xf32, #lathe.dims<"tokens">>
  return %y : tensor<?x96xf32, #lathe.dims<"tokens">>
}

// AMX has an order of its own for bf16, so few rows take it too, unless rows are
// not whole steps.
// BF16: func.func private @narrow_few{{.*}}lathe.schedule = #lathe.schedule<row_block = 16, dot = bf16>
// AMX: func.func private @narrow_few{{.*}}lathe.schedule = #lathe.schedule<rows = 16, columns = 64, row_block = 16, dot = amx_bf16>
func.func private @narrow_few(%x: tensor<4x768xbf16>, %w: tensor<96x768xbf16>) -> tensor<4x96xf32>
    attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<4x768xbf16>, tensor<96x768xbf16> -> tensor<4x96xf32>
  return %y : tensor<4x96xf32>
}
// AMX: func.func private @narrow_odd{{.*}}lathe.schedule = #lathe.schedule<dot = bf16>
func.func private @narrow_odd(%x: tensor<?x784xbf16, #lathe.dims<"tokens">>, %w: tensor<96x784xbf16>)
    -> tensor<?x96xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<?x784xbf16, #lathe.dims<"tokens">>, tensor<96x784xbf16>
      -> tensor<?x96xf32, #lathe.dims<"tokens">>
  return %y : tensor<?x96xf32, #lathe.dims<"tokens">>
}

// Bytes: the level's way to multiply them; where there are groups, each sum has
// two accumulators.
// CHECK: func.func private @bytes{{.*}}lathe.schedule = #lathe.schedule<rows = 6, row_block = 66, dot = madd>
// BF16: func.func private @bytes{{.*}}lathe.schedule = #lathe.schedule<dot = vnni>
// AMX: func.func private @bytes{{.*}}lathe.schedule = #lathe.schedule<rows = 32, dot = amx_bytes>
// V3: func.func private @bytes{{.*}}lathe.schedule = #lathe.schedule<rows = 4, columns = 16, vector = 8, dot = madd>
func.func private @bytes(%x: tensor<?x768xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 768, scale = f32>>>,
                         %w: tensor<96x768xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = si8, group = 768, scale = f32>>>)
    -> tensor<?x96xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<?x768xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 768, scale = f32>>>,
      tensor<96x768xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = si8, group = 768, scale = f32>>>
      -> tensor<?x96xf32, #lathe.dims<"tokens">>
  return %y : tensor<?x96xf32, #lathe.dims<"tokens">>
}

// Exact sums of few rows, and of groups, are left to vectors.
// AMX: func.func private @bytes_few{{.*}}lathe.schedule = #lathe.schedule<row_block = 16, dot = vnni>
func.func private @bytes_few(%x: tensor<?x768xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 768, scale = f32>>>,
                             %w: tensor<96x768xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = si8, group = 768, scale = f32>>>)
    -> tensor<?x96xf32, #lathe.dims<"tokens">> attributes {lathe.kernel, lathe.row_limit = 16 : i64} {
  %y = lathe.linear %x, %w : tensor<?x768xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 768, scale = f32>>>,
      tensor<96x768xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = si8, group = 768, scale = f32>>>
      -> tensor<?x96xf32, #lathe.dims<"tokens">>
  return %y : tensor<?x96xf32, #lathe.dims<"tokens">>
}

// AMX: func.func private @groups{{.*}}lathe.schedule = #lathe.schedule<rows = 6, row_block = 66, dot = vnni>
// BF16: func.func private @groups{{.*}}lathe.schedule = #lathe.schedule<rows = 6, row_block = 66, dot = vnni>
func.func private @groups(%x: tensor<?x768xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 32, scale = f32>>>,
                          %w: tensor<96x768xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = si8, group = 32, scale = f16>>>)
    -> tensor<?x96xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<?x768xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 32, scale = f32>>>,
      tensor<96x768xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = si8, group = 32, scale = f16>>>
      -> tensor<?x96xf32, #lathe.dims<"tokens">>
  return %y : tensor<?x96xf32, #lathe.dims<"tokens">>
}

// All of few rows in one block. A single row of two panels has chains enough for
// the latency of an fma, where workers still share the panels evenly.
// CHECK: func.func private @few{{.*}}lathe.schedule = #lathe.schedule<row_block = 16>
// V3: func.func private @few{{.*}}lathe.schedule = #lathe.schedule<rows = 6, columns = 16, row_block = 18, vector = 8>
func.func private @few(%x: tensor<?x768xf32, #lathe.dims<"tokens">>, %w: tensor<96x768xf32>)
    -> tensor<?x96xf32, #lathe.dims<"tokens">> attributes {lathe.kernel, lathe.row_limit = 16 : i64} {
  %y = lathe.linear %x, %w : tensor<?x768xf32, #lathe.dims<"tokens">>, tensor<96x768xf32>
      -> tensor<?x96xf32, #lathe.dims<"tokens">>
  return %y : tensor<?x96xf32, #lathe.dims<"tokens">>
}

// CHECK: func.func private @few_wide{{.*}}lathe.schedule = #lathe.schedule<row_block = 16, panels = 2>
func.func private @few_wide(%x: tensor<4x768xf32>, %w: tensor<1536x768xf32>) -> tensor<4x1536xf32>
    attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<4x768xf32>, tensor<1536x768xf32> -> tensor<4x1536xf32>
  return %y : tensor<4x1536xf32>
}

// Whole heads of the result: three panels of 32 hold one of 96.
// CHECK: func.func private @heads{{.*}}lathe.schedule = #lathe.schedule<row_block = 16, panels = 3>
func.func private @heads(%x: tensor<?x768xf32, #lathe.dims<"tokens">>, %w: tensor<96x768xf32>,
                         %p: tensor<?xi32, #lathe.dims<"tokens">>, %t: tensor<64x96xf32>)
    -> tensor<?x1x96xf32, #lathe.dims<"tokens">> attributes {lathe.kernel, lathe.row_limit = 16 : i64} {
  %y = lathe.linear %x, %w : tensor<?x768xf32, #lathe.dims<"tokens">>, tensor<96x768xf32>
      -> tensor<?x96xf32, #lathe.dims<"tokens">>
  %c0 = arith.constant 0 : index
  %n = tensor.dim %y, %c0 : tensor<?x96xf32, #lathe.dims<"tokens">>
  %h = tensor.expand_shape %y [[0], [1, 2]] output_shape [%n, 1, 96]
      : tensor<?x96xf32, #lathe.dims<"tokens">> into tensor<?x1x96xf32, #lathe.dims<"tokens">>
  %r = lathe.rope %h at %p, %t : tensor<?x1x96xf32, #lathe.dims<"tokens">>, tensor<?xi32, #lathe.dims<"tokens">>, tensor<64x96xf32>
  return %r : tensor<?x1x96xf32, #lathe.dims<"tokens">>
}

// Weights that are decoded are decoded for more rows.
// CHECK: func.func private @decoded{{.*}}lathe.schedule = #lathe.schedule<row_block = 128>
func.func private @decoded(%x: tensor<?x768xf32, #lathe.dims<"tokens">>,
                           %w: tensor<1536x768xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = si8, group = 32, scale = f16>>>)
    -> tensor<?x1536xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<?x768xf32, #lathe.dims<"tokens">>,
      tensor<1536x768xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = si8, group = 32, scale = f16>>>
      -> tensor<?x1536xf32, #lathe.dims<"tokens">>
  return %y : tensor<?x1536xf32, #lathe.dims<"tokens">>
}

// The model: few panels are few tiles, so their blocks of rows are lower, also
// where each of them decodes the panel again.
// CHECK: func.func private @decoded_narrow{{.*}}lathe.schedule = #lathe.schedule<>
func.func private @decoded_narrow(%x: tensor<?x768xf32, #lathe.dims<"tokens">>,
                                  %w: tensor<96x768xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = si8, group = 32, scale = f16>>>)
    -> tensor<?x96xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<?x768xf32, #lathe.dims<"tokens">>,
      tensor<96x768xf32, #lathe.packed<columns = 32, depth = 8, quant = <quantum = si8, group = 32, scale = f16>>>
      -> tensor<?x96xf32, #lathe.dims<"tokens">>
  return %y : tensor<?x96xf32, #lathe.dims<"tokens">>
}

// Pairs where all that attention multiplies is bf16, and heads are whole pairs.
// CHECK: func.func private @attention{{.*}}lathe.schedule = #lathe.schedule<row_block = 256>
// V3: func.func private @attention{{.*}}lathe.schedule = #lathe.schedule<rows = 6, columns = 16, row_block = 258, vector = 8>
// BF16: func.func private @attention{{.*}}lathe.schedule = #lathe.schedule<row_block = 256, dot = bf16>
func.func private @attention(%q: tensor<4x2x16xbf16>, %s: tensor<4xi32>) -> tensor<4x2x16xbf16> attributes {lathe.kernel} {
  %y = lathe.attention %q, %q, %q by %s scale 0.25
      : tensor<4x2x16xbf16>, tensor<4x2x16xbf16>, tensor<4xi32>
  return %y : tensor<4x2x16xbf16>
}

// BF16: func.func private @odd_heads{{.*}}lathe.schedule = #lathe.schedule<row_block = 256>
func.func private @odd_heads(%q: tensor<4x2x15xbf16>, %s: tensor<4xi32>) -> tensor<4x2x15xbf16> attributes {lathe.kernel} {
  %y = lathe.attention %q, %q, %q by %s scale 0.25
      : tensor<4x2x15xbf16>, tensor<4x2x15xbf16>, tensor<4xi32>
  return %y : tensor<4x2x15xbf16>
}

// CHECK: func.func private @narrow_linear{{.*}}lathe.schedule = #lathe.schedule<row_block = 32>
// V3: func.func private @narrow_linear{{.*}}lathe.schedule = #lathe.schedule<rows = 6, columns = 16, row_block = 36, vector = 8>
func.func private @narrow_linear(%x: tensor<?x768xf32, #lathe.dims<"tokens">>, %w: tensor<64x768xf32>)
    -> tensor<?x64xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<?x768xf32, #lathe.dims<"tokens">>, tensor<64x768xf32>
      -> tensor<?x64xf32, #lathe.dims<"tokens">>
  return %y : tensor<?x64xf32, #lathe.dims<"tokens">>
}

// Where a tile has one panel already and there are tiles enough, nothing is gained.
// CHECK: func.func private @wide_linear{{.*}}lathe.schedule = #lathe.schedule<>
func.func private @wide_linear(%x: tensor<?x768xf32, #lathe.dims<"tokens">>, %w: tensor<3072x768xf32>)
    -> tensor<?x3072xf32, #lathe.dims<"tokens">> attributes {lathe.kernel} {
  %y = lathe.linear %x, %w : tensor<?x768xf32, #lathe.dims<"tokens">>, tensor<3072x768xf32>
      -> tensor<?x3072xf32, #lathe.dims<"tokens">>
  return %y : tensor<?x3072xf32, #lathe.dims<"tokens">>
}

// CHECK: func.func private @rows{{.*}}lathe.schedule = #lathe.schedule<row_block = 16>
func.func private @rows(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {lathe.kernel} {
  %y = lathe.activation relu %x : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// A schedule that is there is a user's, and stays.
// CHECK: func.func private @tuned{{.*}}lathe.schedule = #lathe.schedule<rows = 3>
func.func private @tuned(%x: tensor<4x8xf32>) -> tensor<4x8xf32>
    attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 3>} {
  %y = lathe.activation relu %x : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// Not a kernel.
// CHECK: func.func @entry
// CHECK-NOT: lathe.schedule
func.func @entry(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %y = lathe.activation relu %x : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
