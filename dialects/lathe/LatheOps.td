//===- LatheOps.td - Operations of the lathe dialect -------*- tablegen -*-===//
#ifndef LATHE_DIALECTS_LATHE_LATHEOPS_TD
#define LATHE_DIALECTS_LATHE_LATHEOPS_TD

include "dialects/lathe/LatheAttrs.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

// Rank 1 or more, so that a last dimension, the row, is always there.
def Lathe_FloatTensor : RankedTensorOf<[AnyFloat], [HasRankGreaterOrEqualPred<1>]>;
def Lathe_FloatMatrix : RankedTensorOf<[AnyFloat], [HasAnyRankOfPred<[2]>]>;
def Lathe_FloatRow : RankedTensorOf<[AnyFloat], [HasAnyRankOfPred<[1]>]>;
def Lathe_Heads : RankedTensorOf<[AnyFloat], [HasAnyRankOfPred<[3]>]>;   // (T, H, D)
def Lathe_Pages : RankedTensorOf<[AnyFloat], [HasAnyRankOfPred<[4]>]>;
def Lathe_Indices : RankedTensorOf<[I32], [HasAnyRankOfPred<[1]>]>;
def Lathe_PageTable : RankedTensorOf<[I32], [HasAnyRankOfPred<[2]>]>;

//===----------------------------------------------------------------------===//
// Symbols: sizes, parameters, state
//===----------------------------------------------------------------------===//

def Lathe_SymbolOp : Lathe_Op<"symbol", [Symbol]> {
  let summary = "a named size with its range";
  let description = [{
    A size that is known when a call is made, or when a context is made where it
    is `fixed_at_load`. Types name it in `#lathe.dims`. Its range is what memory
    is planned for.

    Constraints:
    - (C1) 0 <= `minimum` <= `maximum`, and `maximum` >= 1. Both are elements.

    Example:

    ```mlir
    lathe.symbol @tokens in [1, 512]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$minimum, I64Attr:$maximum,
                       UnitAttr:$fixed_at_load);
  let assemblyFormat = [{
    $sym_name `in` ` ` `[` $minimum `,` $maximum `]` (`fixed_at_load` $fixed_at_load^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Lathe_ParameterOp : Lathe_Op<"parameter", [Symbol]> {
  let summary = "a tensor of a weights file";
  let description = [{
    The tensor `key` of the weights file `file`, with the element type and the
    shape that it has there. Its bytes are never part of the module.

    Constraints:
    - (C1) `type` has a static shape.
    - (C2) `file` is not empty and relative: to the folder of the module.
    - (C3) `key` is not empty.

    Example:

    ```mlir
    lathe.parameter @norm : tensor<64xf32> from "model.safetensors" key "model.norm.weight"
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyRankedTensor>:$type,
                       StrAttr:$file, StrAttr:$key);
  let assemblyFormat = [{
    $sym_name `:` $type `from` $file `key` $key attr-dict
  }];
  let hasVerifier = 1;
}

def Lathe_DerivedOp : Lathe_Op<"derived", [Symbol, IsolatedFromAbove,
    SingleBlock, NoRegionArguments]> {
  let summary = "a parameter computed from others at compile time";
  let description = [{
    A parameter that weight transforms make of other parameters, once, when the
    model is compiled. The region holds no memory of its own: transforms are
    evaluated one tensor at a time.

    Constraints:
    - (C1) `type` has a static shape.
    - (C2) The body holds `lathe.get` and weight transforms (`concat`, `slice`,
      `permute`, `reshape`, `cast`, `pack`, `rope_table`) only.
    - (C3) The body yields one value of `type`.

    Example:

    ```mlir
    lathe.derived @half : tensor<64xbf16> {
      %0 = lathe.get @norm : tensor<64xf32>
      %1 = lathe.cast %0 : tensor<64xf32> -> tensor<64xbf16>
      lathe.yield %1 : tensor<64xbf16>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyRankedTensor>:$type);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `:` $type attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def Lathe_StateOp : Lathe_Op<"state", [Symbol]> {
  let summary = "a buffer that lives from call to call, zero at first";
  let description = [{
    A buffer of a context: what one call leaves there the next one finds. All
    bytes are zero at first.

    Constraints:
    - (C1) Each dynamic size of `type` is named by a symbol.

    Example:

    ```mlir
    lathe.state @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyRankedTensor>:$type);
  let assemblyFormat = "$sym_name `:` $type attr-dict";
  let hasVerifier = 1;
}

def Lathe_GetOp : Lathe_Op<"get", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a parameter or derived parameter";
  let description = [{
    Constraints:
    - (C1) `symbol` names a `lathe.parameter` or a `lathe.derived`.
    - (C2) `type(result)` is the declared type.
    - (C3) A quantised value is read inside a `lathe.derived` only.

    Example:

    ```mlir
    %w = lathe.get @norm : tensor<64xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$symbol);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$symbol attr-dict `:` type($result)";
}

def Lathe_GetStateOp : Lathe_Op<"get_state", [MemoryEffects<[MemRead]>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the present value of a state";
  let description = [{
    Constraints:
    - (C1) `symbol` names a `lathe.state`.
    - (C2) `type(result)` is the declared type.

    Example:

    ```mlir
    %k = lathe.get_state @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$symbol);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$symbol attr-dict `:` type($result)";
}

def Lathe_SetStateOp : Lathe_Op<"set_state", [MemoryEffects<[MemWrite]>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "replaces the value of a state";
  let description = [{
    What `lathe.get_state` gives from here on, in this call and the next.

    Constraints:
    - (C1) `symbol` names a `lathe.state`.
    - (C2) `type(value)` is the declared type.

    Example:

    ```mlir
    lathe.set_state %new, @keys : tensor<?x4x8x32xf32, #lathe.dims<"pages">>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$value, FlatSymbolRefAttr:$symbol);
  let assemblyFormat = "$value `,` $symbol attr-dict `:` type($value)";
}

def Lathe_YieldOp : Lathe_Op<"yield", [Pure, ReturnLike, Terminator,
    HasParent<"DerivedOp">]> {
  let summary = "the value of a derived parameter";
  let description = [{
    Constraints:
    - (C1) The parent is a `lathe.derived`.

    Example:

    ```mlir
    lathe.yield %1 : tensor<64xbf16>
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
  let builders = [OpBuilder<(ins), [{ (void)$_state; }]>];
}

//===----------------------------------------------------------------------===//
// Weight transforms: only on parameters, evaluated at compile time
//===----------------------------------------------------------------------===//

def Lathe_ConcatOp : Lathe_Op<"concat", [Pure]> {
  let summary = "tensors joined along one dimension";
  let description = [{
    The inputs one after the other in dimension `dimension`, bit for bit.

    Constraints:
    - (C1) There is one input or more.
    - (C2) `dimension` < rank.
    - (C3) Inputs are static, of one element type, and differ in size in
      `dimension` only.
    - (C4) The result has the sum of their sizes in `dimension`.

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
    - (C2) They have one element type and no encoding.

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
    - (C2) The result is packed, of the input's shape and element type.

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

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

def Lathe_GatherOp : Lathe_Op<"gather", [Pure]> {
  let summary = "rows of a table";
  let description = [{
    `result[t, c] = scale * table[indices[t], c]`. Token, position and type
    embeddings, and the rows that a step wants logits of. Computed in f32 and
    rounded once; the table may be narrower than the result and may carry
    `#lathe.packed`, as one that a linear layer reads too. An index past the
    table is a fault of the caller, which the runtime keeps out.

    Constraints:
    - (C1) The result has one row for each index.
    - (C2) Its rows are as wide as those of the table, and not packed.
    - (C3) `scale` is finite.

    Example:

    ```mlir
    %x = lathe.gather %table[%tokens] scale 8.0
        : tensor<512x64xbf16>, tensor<?xi32, #lathe.dims<"tokens">> -> tensor<?x64xf32, #lathe.dims<"tokens">>
    ```
  }];
  let arguments = (ins Lathe_FloatMatrix:$table, Lathe_Indices:$indices,
                       DefaultValuedAttr<F32Attr, "1.0f">:$scale);
  let results = (outs Lathe_FloatMatrix:$result);
  let assemblyFormat = [{
    $table `[` $indices `]` (`scale` $scale^)? attr-dict
      `:` type($table) `,` type($indices) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_RmsNormOp : Lathe_Op<"rms_norm", [Pure,
    AllTypesMatch<["input", "result"]>]> {
  let summary = "root-mean-square normalisation of each row";
  let description = [{
    Divides each row of `input` by its root mean square, then multiplies it by
    `weight`:

        result[..., c] = input[..., c] * (weight[c] + offset)
                         / sqrt(mean over c of input[..., c]^2 + epsilon)

    A row is the last dimension, of size C; a (T, H, D) input is normalised
    head by head. `offset` is 1 for models that store the weight less 1. The
    mean and the quotient are computed in f32 whatever the element type, and
    rounded once at the end. Order of the sum: docs/design.md, 8.3.

    Constraints:
    - (C1) `type(result) = type(input)`, of shape `(..., C)`.
    - (C2) `weight` has the shape `(C)`, and C is static.
    - (C3) `epsilon` is finite and above 0. It has the unit of `input` squared.

    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019).

    Example:

    ```mlir
    %y = lathe.rms_norm %x, %w eps 1.0e-5
        : tensor<128x768xbf16>, tensor<768xbf16>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, Lathe_FloatRow:$weight,
                       F32Attr:$epsilon, DefaultValuedAttr<F32Attr, "0.0f">:$offset);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight `eps` $epsilon (`offset` $offset^)? attr-dict
      `:` type($input) `,` type($weight)
  }];
  let hasVerifier = 1;
}

def Lathe_LayerNormOp : Lathe_Op<"layer_norm", [Pure,
    AllTypesMatch<["input", "result"]>, AllTypesMatch<["weight", "bias"]>]> {
  let summary = "layer normalisation of each row";
  let description = [{
    Moves each row of `input` to mean 0 and variance 1, then scales and shifts
    it:

        result[..., c] = (input[..., c] - mean) * weight[c]
                         / sqrt(mean over c of (input[..., c] - mean)^2 + epsilon)
                         + bias[c]

    Computed in f32 whatever the element type, rounded once at the end.

    Constraints:
    - (C1) `type(result) = type(input)`, of shape `(..., C)`.
    - (C2) `weight` and `bias` have the shape `(C)`, and C is static.
    - (C3) `epsilon` is finite and above 0. It has the unit of `input` squared.

    Source: Ba, Kiros and Hinton, "Layer Normalization" (2016).

    Example:

    ```mlir
    %y = lathe.layer_norm %x, %w, %b eps 1.0e-12 : tensor<128x384xf32>, tensor<384xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, Lathe_FloatRow:$weight,
                       Lathe_FloatRow:$bias, F32Attr:$epsilon);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight `,` $bias `eps` $epsilon attr-dict
      `:` type($input) `,` type($weight)
  }];
  let hasVerifier = 1;
}

def Lathe_AddRmsNormOp : Lathe_Op<"add_rms_norm", [Pure,
    AllTypesMatch<["lhs", "rhs", "sum", "result"]>]> {
  let summary = "sum of two tensors, and its root-mean-square normalisation";
  let description = [{
    `sum = lhs + rhs`, rounded to its type, and
    `result = lathe.rms_norm(sum, weight)`: the residual sum of a pre-norm block
    and the norm that reads it, in one pass over memory.

    Constraints:
    - (C1) `lhs`, `rhs`, `sum` and `result` have one type, of shape `(..., C)`.
    - (C2) `weight` has the shape `(C)`, and C is static.
    - (C3) `epsilon` is finite and above 0.

    Example:

    ```mlir
    %s, %y = lathe.add_rms_norm %x, %f, %w eps 1.0e-5 : tensor<128x768xf32>, tensor<768xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$lhs, Lathe_FloatTensor:$rhs,
                       Lathe_FloatRow:$weight, F32Attr:$epsilon,
                       DefaultValuedAttr<F32Attr, "0.0f">:$offset);
  let results = (outs Lathe_FloatTensor:$sum, Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs `,` $weight `eps` $epsilon (`offset` $offset^)? attr-dict
      `:` type($lhs) `,` type($weight)
  }];
  let hasVerifier = 1;
}

def Lathe_AddLayerNormOp : Lathe_Op<"add_layer_norm", [Pure,
    AllTypesMatch<["lhs", "rhs", "sum", "result"]>,
    AllTypesMatch<["weight", "bias"]>]> {
  let summary = "sum of two tensors, and its layer normalisation";
  let description = [{
    `sum = lhs + rhs`, rounded to its type, and
    `result = lathe.layer_norm(sum, weight, bias)`.

    Constraints:
    - (C1) `lhs`, `rhs`, `sum` and `result` have one type, of shape `(..., C)`.
    - (C2) `weight` and `bias` have the shape `(C)`, and C is static.
    - (C3) `epsilon` is finite and above 0.

    Example:

    ```mlir
    %s, %y = lathe.add_layer_norm %x, %f, %w, %b eps 1.0e-5 : tensor<128x768xf32>, tensor<768xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$lhs, Lathe_FloatTensor:$rhs,
                       Lathe_FloatRow:$weight, Lathe_FloatRow:$bias, F32Attr:$epsilon);
  let results = (outs Lathe_FloatTensor:$sum, Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs `,` $weight `,` $bias `eps` $epsilon attr-dict
      `:` type($lhs) `,` type($weight)
  }];
  let hasVerifier = 1;
}

def Lathe_ActivationOp : Lathe_Op<"activation", [Pure,
    AllTypesMatch<["input", "result"]>]> {
  let summary = "an activation function of each element";
  let description = [{
    `result[...] = kind(input[...])`, with

        gelu        x/2 (1 + erf(x / sqrt 2))
        gelu_tanh   x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
        silu        x / (1 + exp(-x))
        relu        max(x, 0)
        tanh        tanh(x)
        quick_gelu  x / (1 + exp(-1.702 x))

    computed in f32 and rounded once.

    Constraints:
    - (C1) `type(result) = type(input)`.

    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016).

    Example:

    ```mlir
    %y = lathe.activation gelu_tanh %x : tensor<128x3072xf32>
    ```
  }];
  let arguments = (ins Lathe_ActivationKindAttr:$kind, Lathe_FloatTensor:$input);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$kind $input attr-dict `:` type($input)";
  let hasFolder = 1;
}

def Lathe_GatedActivationOp : Lathe_Op<"gated_activation", [Pure]> {
  let summary = "a gate's activation times the value beside it";
  let description = [{
    `result[t, f] = kind(input[t, f]) * input[t, F + f]` for an input of 2F
    columns: gate, then up projection. Computed in f32 and rounded once.

    Constraints:
    - (C1) `result` has the rows of `input` and half its columns, a static size.
    - (C2) `result` has the element type of `input`.

    Source: Shazeer, "GLU Variants Improve Transformer" (2020).

    Example:

    ```mlir
    %y = lathe.gated_activation silu %x : tensor<128x256xf32> -> tensor<128x128xf32>
    ```
  }];
  let arguments = (ins Lathe_ActivationKindAttr:$kind, Lathe_FloatMatrix:$input);
  let results = (outs Lathe_FloatMatrix:$result);
  let assemblyFormat = "$kind $input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Lathe_SoftcapOp : Lathe_Op<"softcap", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "cap * tanh(input / cap)";
  let description = [{
    Bounds each element by `cap`, softly. Computed in f32 and rounded once.

    Constraints:
    - (C1) `type(result) = type(input)`.
    - (C2) `cap` is finite and above 0.

    Source: Gemma Team, "Gemma 2" (2024).

    Example:

    ```mlir
    %y = lathe.softcap %x cap 30.0 : tensor<7x512xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, F32Attr:$cap);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$input `cap` $cap attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Lathe_L2NormalizeOp : Lathe_Op<"l2_normalize", [Pure,
    AllTypesMatch<["input", "result"]>]> {
  let summary = "each row divided by its length";
  let description = [{
    `result[..., c] = input[..., c] / max(sqrt(sum of squares), epsilon)`. The
    sum and the quotient are computed in f32. Order of the sum:
    docs/design.md, 8.3.

    Constraints:
    - (C1) `type(result) = type(input)`.
    - (C2) The last dimension is static.
    - (C3) `epsilon` is finite and above 0. It has the unit of `input`.

    Example:

    ```mlir
    %y = lathe.l2_normalize %x eps 1.0e-12 : tensor<4x384xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, F32Attr:$epsilon);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$input `eps` $epsilon attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Lathe_PoolOp : Lathe_Op<"pool", [Pure]> {
  let summary = "one row for each sequence";
  let description = [{
    `result[s, :]` is the mean (first, last, maximum) of the rows t of `input`
    with `sequences[t] = s`; zero where there is none. Sequences are contiguous
    and ascending. The mean sums in the order of t, in f32.

    Constraints:
    - (C1) `sequences` has one element for each row of `input`.
    - (C2) The rows of `result` have the type of those of `input`.

    Example:

    ```mlir
    %y = lathe.pool mean %x by %s
        : tensor<?x384xf32, #lathe.dims<"tokens">>, tensor<?xi32, #lathe.dims<"tokens">>
          -> tensor<?x384xf32, #lathe.dims<"sequences">>
    ```
  }];
  let arguments = (ins Lathe_PoolKindAttr:$kind, Lathe_FloatMatrix:$input,
                       Lathe_Indices:$sequences);
  let results = (outs Lathe_FloatMatrix:$result);
  let assemblyFormat = [{
    $kind $input `by` $sequences attr-dict
      `:` type($input) `,` type($sequences) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_ArgmaxOp : Lathe_Op<"argmax", [Pure]> {
  let summary = "index of the largest element of each row, the first of equals";
  let description = [{
    `result[t]` is the least c with `input[t, c]` = maximum of the row. A NaN is
    never larger than a number; a row of NaNs gives 0.

    Constraints:
    - (C1) `result` has one element for each row of `input`.
    - (C2) A row has a static size of 1 or more.

    Example:

    ```mlir
    %next = lathe.argmax %logits : tensor<7x512xf32> -> tensor<7xi32>
    ```
  }];
  let arguments = (ins Lathe_FloatMatrix:$input);
  let results = (outs Lathe_Indices:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

def Lathe_LinearOp : Lathe_Op<"linear", [Pure]> {
  let summary = "input times weight transposed, plus bias";
  let description = [{
    `result[t, n] = bias[n] + sum over k of input[t, k] * weight[n, k]`.
    The sum is accumulated in f32 in the order that `reduce` says; the bias is
    added to the finished sum, then it is rounded once. `weight` may have a
    narrower float type, which widens exactly, and may carry `#lathe.packed`.

    Constraints:
    - (C1) `weight` is static, with as many columns K as `input`.
    - (C2) `result` has the rows of `input`, and a column for each row of
      `weight`.
    - (C3) `bias` has an element for each row of `weight`.
    - (C4) An element of `weight` is no wider than one of `input`.
    - (C5) `input` and `result` are not packed.

    Example:

    ```mlir
    %y = lathe.linear %x, %w bias %b : tensor<8xf32> reduce <chunk = 256>
        : tensor<7x4xf32>, tensor<8x4xbf16> -> tensor<7x8xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatMatrix:$input, Lathe_FloatMatrix:$weight,
                       Optional<Lathe_FloatRow>:$bias,
                       OptionalAttr<Lathe_ReduceAttr>:$reduce);
  let results = (outs Lathe_FloatMatrix:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^ `:` type($bias))? (`reduce` $reduce^)? attr-dict
      `:` type($input) `,` type($weight) `->` type($result)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

def Lathe_RopeOp : Lathe_Op<"rope", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "rotary position embedding";
  let description = [{
    Rotates the pairs (i, D'/2 + i) of the first D' elements of each head by
    the angle of the token's position; the rest passes through. D' is the width
    of `table`, a `lathe.rope_table`:

        result[t, h, i]        = x[i] * cos - x[D'/2 + i] * sin
        result[t, h, D'/2 + i] = x[D'/2 + i] * cos + x[i] * sin

    Computed in f32, each product and the sum rounded, then to the element type.

    Constraints:
    - (C1) `type(result) = type(input)`.
    - (C2) `positions` has one element a token.
    - (C3) `table` is static, of an even width D' from 2 to D.

    Source: Su et al., "RoFormer: Enhanced Transformer with Rotary Position
    Embedding" (2021), with the pairs of Hugging Face's implementations.

    Example:

    ```mlir
    %y = lathe.rope %q at %p, %t : tensor<7x4x8xf32>, tensor<7xi32>, tensor<512x8xf32>
    ```
  }];
  let arguments = (ins Lathe_Heads:$input, Lathe_Indices:$positions,
                       Lathe_FloatMatrix:$table);
  let results = (outs Lathe_Heads:$result);
  let assemblyFormat = [{
    $input `at` $positions `,` $table attr-dict
      `:` type($input) `,` type($positions) `,` type($table)
  }];
  let hasVerifier = 1;
}

def Lathe_AttentionOp : Lathe_Op<"attention", [Pure,
    AllTypesMatch<["query", "result"]>, AllTypesMatch<["key", "value"]>]> {
  let summary = "attention among the tokens of each sequence";
  let description = [{
    For each token t and head h, over the tokens u of the same sequence (and
    u <= t if `causal`, u > t - window if `window` > 0), with g = h * Hkv / H:

        s[u] = cap(scale * sum over d of query[t, h, d] * key[u, g, d])
        result[t, h, :] = sum over u of softmax(s)[u] * value[u, g, :]

    cap(x) is softcap * tanh(x / softcap), x itself where `softcap` is 0. Scores
    and sums are f32, the result is rounded once. Order of the sums:
    docs/design.md, 8.3. Tokens of a sequence are contiguous.

    Constraints:
    - (C1) `type(result) = type(query)`, (T, H, D); `key` and `value` have one
      type, (T, Hkv, D).
    - (C2) `key` has the tokens and the head size of `query`, which is static.
    - (C3) H is a multiple of Hkv.
    - (C4) `sequences` has one element a token.
    - (C5) `scale` is finite and above 0, `window` >= 0, `softcap` finite
      and >= 0.

    Source: Vaswani et al., "Attention Is All You Need" (2017); Ainslie et al.,
    "GQA" (2023); Milakov and Gimelshein, "Online normalizer calculation for
    softmax" (2018).

    Example:

    ```mlir
    %y = lathe.attention %q, %k, %v by %s scale 0.125 causal window 4096
        : tensor<7x4x64xf32>, tensor<7x2x64xf32>, tensor<7xi32>
    ```
  }];
  let arguments = (ins Lathe_Heads:$query, Lathe_Heads:$key, Lathe_Heads:$value,
                       Lathe_Indices:$sequences, F32Attr:$scale, UnitAttr:$causal,
                       DefaultValuedAttr<I64Attr, "0">:$window,
                       DefaultValuedAttr<F32Attr, "0.0f">:$softcap);
  let results = (outs Lathe_Heads:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value `by` $sequences `scale` $scale
      (`causal` $causal^)? (`window` $window^)? (`softcap` $softcap^)? attr-dict
      `:` type($query) `,` type($key) `,` type($sequences)
  }];
  let hasVerifier = 1;
}

def Lathe_AppendOp : Lathe_Op<"append", [Pure,
    AllTypesMatch<["keys", "new_keys"]>, AllTypesMatch<["values", "new_values"]>]> {
  let summary = "keys and values written into the pages of a cache";
  let description = [{
    For token t with p = positions[t] and page
    q = page_table[sequences[t], p / 32]:

        new_keys[q, g, d, p mod 32] = key[t, g, d]
        new_values[q, g, p mod 32, d] = value[t, g, d]

    All other elements are those of `keys` and `values`. Keys are transposed, so
    that scores vectorise over positions. The element types may differ: then
    each element is rounded once. No two tokens have one place.

    Constraints:
    - (C1) `type(new_keys) = type(keys)` and `type(new_values) = type(values)`.
    - (C2) `key` and `value` have one type, (T, Hkv, D).
    - (C3) `keys` is (pages, Hkv, D, 32) and `values` (pages, Hkv, 32, D).
    - (C4) Both have as many heads as `key`.
    - (C5) `positions` and `sequences` have one element a token.

    Source: Kwon et al., "Efficient Memory Management for Large Language Model
    Serving with PagedAttention" (2023).

    Example:

    ```mlir
    %nk, %nv = lathe.append %k, %v to %kp, %vp at %p, %s, %pt
        : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>,
          tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
    ```
  }];
  let arguments = (ins Lathe_Heads:$key, Lathe_Heads:$value,
                       Lathe_Pages:$keys, Lathe_Pages:$values,
                       Lathe_Indices:$positions, Lathe_Indices:$sequences,
                       Lathe_PageTable:$page_table);
  let results = (outs Lathe_Pages:$new_keys, Lathe_Pages:$new_values);
  let assemblyFormat = [{
    $key `,` $value `to` $keys `,` $values `at` $positions `,` $sequences `,` $page_table
      attr-dict `:` type($key) `,` type($value) `,` type($keys) `,` type($values) `,`
      type($positions) `,` type($sequences) `,` type($page_table)
  }];
  let hasVerifier = 1;
}

def Lathe_CachedAttentionOp : Lathe_Op<"cached_attention", [Pure,
    AllTypesMatch<["query", "result"]>]> {
  let summary = "causal attention over the pages of a cache";
  let description = [{
    As `lathe.attention` with `causal`, where the keys of token t are the
    positions 0 to positions[t] of the slot sequences[t]: position u of slot s
    lies in page page_table[s, u / 32], row u mod 32.

    Constraints:
    - (C1) `type(result) = type(query)`, (T, H, D).
    - (C2) `keys` is (pages, Hkv, D, 32) and `values` (pages, Hkv, 32, D).
    - (C3) H is a multiple of Hkv.
    - (C4) `positions` and `sequences` have one element a token.
    - (C5) `scale` is finite and above 0, `window` >= 0, `softcap` finite
      and >= 0.

    Example:

    ```mlir
    %y = lathe.cached_attention %q, %kp, %vp at %p, %s, %pt scale 0.125 softcap 50.0
        : tensor<7x4x8xf32>, tensor<9x2x8x32xf32>, tensor<9x2x32x8xf32>,
          tensor<7xi32>, tensor<7xi32>, tensor<3x4xi32>
    ```
  }];
  let arguments = (ins Lathe_Heads:$query, Lathe_Pages:$keys, Lathe_Pages:$values,
                       Lathe_Indices:$positions, Lathe_Indices:$sequences,
                       Lathe_PageTable:$page_table, F32Attr:$scale,
                       DefaultValuedAttr<I64Attr, "0">:$window,
                       DefaultValuedAttr<F32Attr, "0.0f">:$softcap);
  let results = (outs Lathe_Heads:$result);
  let assemblyFormat = [{
    $query `,` $keys `,` $values `at` $positions `,` $sequences `,` $page_table `scale` $scale
      (`window` $window^)? (`softcap` $softcap^)? attr-dict
      `:` type($query) `,` type($keys) `,` type($values) `,` type($positions) `,`
      type($sequences) `,` type($page_table)
  }];
  let hasVerifier = 1;
}

#endif // LATHE_DIALECTS_LATHE_LATHEOPS_TD
