//===- LatheWeightOps.td - Weight transforms ---------------*- tablegen -*-===//
//
// Only on parameters, evaluated at compile time.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_DIALECTS_LATHE_LATHEWEIGHTOPS_TD
#define LATHE_DIALECTS_LATHE_LATHEWEIGHTOPS_TD

include "dialects/lathe/LatheTensors.td"

def Lathe_ConcatOp : Lathe_Op<"concat", [Pure]> {
  let summary = "tensors joined along one dimension";
  let description = [{
    The inputs one after the other in dimension `dimension`, bit for bit.

    Constraints:
    - (C1) There is one input or more.
    - (C2) `dimension` < rank.
    - (C3) Inputs are static, of one element type and encoding, and differ in size in
      `dimension` only.
    - (C4) The result has the sum of their sizes in `dimension`; rows of a
      quantised input stay whole.

    Example:

    ```mlir
    %qkv = lathe.concat %q, %k along 0 : (tensor<8x4xf32>, tensor<2x4xf32>) -> tensor<10x4xf32>
    ```
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, I64Attr:$dimension);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $inputs `along` $dimension attr-dict `:` functional-type($inputs, $result)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Lathe_SliceOp : Lathe_Op<"slice", [Pure]> {
  let summary = "a range of one dimension";
  let description = [{
    The elements whose index in `dimension` lies in [`begin`, `end`).

    Constraints:
    - (C1) `dimension` < rank.
    - (C2) 0 <= `begin` < `end` <= size of `dimension`.
    - (C3) The result is the input with `end` - `begin` elements in `dimension`.
    - (C4) Rows of a quantised input stay whole.

    Example:

    ```mlir
    %k = lathe.slice %qkv along 0 [8, 10] : tensor<10x4xf32> -> tensor<2x4xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, I64Attr:$dimension, I64Attr:$begin,
                       I64Attr:$end);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $input `along` $dimension ` ` `[` $begin `,` $end `]` attr-dict
      `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Lathe_PermuteOp : Lathe_Op<"permute", [Pure]> {
  let summary = "a tensor with its dimensions in another order";
  let description = [{
    Dimension i of the result is dimension `order[i]` of the input.

    Constraints:
    - (C1) `order` names each dimension of the input once.
    - (C2) The result has the input's sizes in that order, and its element type.
    - (C3) Rows of a quantised input stay whole.

    Example:

    ```mlir
    %t = lathe.permute %w order [1, 0] : tensor<8x4xf32> -> tensor<4x8xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, DenseI64ArrayAttr:$order);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $input `order` $order attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Lathe_ReshapeOp : Lathe_Op<"reshape", [Pure]> {
  let summary = "the same elements, in order, under another shape";
  let description = [{
    Constraints:
    - (C1) Input and result are static and have as many elements.
    - (C2) They have one element type and no encoding but `#lathe.quant`.
    - (C3) Rows of a quantised input stay whole.

    Example:

    ```mlir
    %h = lathe.reshape %w : tensor<8x4xf32> -> tensor<2x4x4xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Lathe_CastOp : Lathe_Op<"cast", [Pure]> {
  let summary = "elements rounded to another float type, ties to even";
  let description = [{
    Constraints:
    - (C1) Input and result have the same shape and encoding; the result of a
      quantised input is plain. Its values are computed in f32, then rounded.

    Example:

    ```mlir
    %n = lathe.cast %w : tensor<8x4xf32> -> tensor<8x4xbf16>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Lathe_PackOp : Lathe_Op<"pack", [Pure]> {
  let summary = "a weight in the layout of the contraction kernels";
  let description = [{
    The same logical `[N, K]` weight; its bytes lie as the result's
    `#lathe.packed` says, zero where the blocks reach past N or K.

    Constraints:
    - (C1) The input is not packed.
    - (C2) The result is packed, of the input's shape, element type and quant.

    Example:

    ```mlir
    %p = lathe.pack %w : tensor<8x4xf32> -> tensor<8x4xf32, #lathe.packed<columns = 32, depth = 1>>
    ```
  }];
  let arguments = (ins Lathe_FloatMatrix:$input);
  let results = (outs Lathe_FloatMatrix:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Lathe_RopeTableOp : Lathe_Op<"rope_table", [Pure]> {
  let summary = "cosines and sines of rotary position embedding";
  let description = [{
    `result[p, i] = cos(p * f[i]) * scale` and
    `result[p, D/2 + i] = sin(p * f[i]) * scale` for positions p and the D/2
    `frequencies` f in radians a position. The product is rounded to f32, as the
    reference implementations do, the functions are then exact to f32.

    Constraints:
    - (C1) The result is static, with two columns for each frequency.
    - (C2) `scale` is finite and above 0.

    Source: Su et al., "RoFormer: Enhanced Transformer with Rotary Position
    Embedding" (2021); `scale` as in Peng et al., "YaRN" (2023).

    Example:

    ```mlir
    %t = lathe.rope_table [1.0, 0.01] scale 1.0 : tensor<512x4xf32>
    ```
  }];
  // Not a dense array: that one prints six digits, and text would change the
  // table.
  let arguments = (ins F64ArrayAttr:$frequencies, F64Attr:$scale);
  let results = (outs RankedTensorOf<[F32], [HasAnyRankOfPred<[2]>]>:$result);
  let assemblyFormat = [{
    $frequencies `scale` $scale attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
}

#endif // LATHE_DIALECTS_LATHE_LATHEWEIGHTOPS_TD
