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
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$minimum, I64Attr:$maximum,
                       UnitAttr:$fixed_at_load);
  let assemblyFormat = [{
    $sym_name `in` `[` $minimum `,` $maximum `]` (`fixed_at_load` $fixed_at_load^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Lathe_ParameterOp : Lathe_Op<"parameter", [Symbol]> {
  let summary = "a tensor of a weights file";
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
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyRankedTensor>:$type);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `:` $type attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def Lathe_StateOp : Lathe_Op<"state", [Symbol]> {
  let summary = "a buffer that lives from call to call, zero at first";
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyRankedTensor>:$type);
  let assemblyFormat = "$sym_name `:` $type attr-dict";
  let hasVerifier = 1;
}

def Lathe_GetOp : Lathe_Op<"get", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a parameter or derived parameter";
  let arguments = (ins FlatSymbolRefAttr:$symbol);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$symbol attr-dict `:` type($result)";
}

def Lathe_GetStateOp : Lathe_Op<"get_state", [MemoryEffects<[MemRead]>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the present value of a state";
  let arguments = (ins FlatSymbolRefAttr:$symbol);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$symbol attr-dict `:` type($result)";
}

def Lathe_SetStateOp : Lathe_Op<"set_state", [MemoryEffects<[MemWrite]>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "replaces the value of a state";
  let arguments = (ins AnyRankedTensor:$value, FlatSymbolRefAttr:$symbol);
  let assemblyFormat = "$value `,` $symbol attr-dict `:` type($value)";
}

def Lathe_YieldOp : Lathe_Op<"yield", [Pure, ReturnLike, Terminator]> {
  let summary = "the value of a derived parameter";
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
  let builders = [OpBuilder<(ins), [{ (void)$_state; }]>];
}

//===----------------------------------------------------------------------===//
// Weight transforms: only on parameters, evaluated at compile time
//===----------------------------------------------------------------------===//

def Lathe_ConcatOp : Lathe_Op<"concat", [Pure]> {
  let summary = "tensors joined along one dimension";
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, I64Attr:$dimension);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $inputs `along` $dimension attr-dict `:` functional-type($inputs, $result)
  }];
  let hasVerifier = 1;
}

def Lathe_SliceOp : Lathe_Op<"slice", [Pure]> {
  let summary = "a range of one dimension";
  let arguments = (ins AnyRankedTensor:$input, I64Attr:$dimension, I64Attr:$begin,
                       I64Attr:$end);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $input `along` $dimension `[` $begin `,` $end `]` attr-dict
      `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_PermuteOp : Lathe_Op<"permute", [Pure]> {
  let summary = "a tensor with its dimensions in another order";
  let arguments = (ins AnyRankedTensor:$input, DenseI64ArrayAttr:$order);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $input `order` $order attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_ReshapeOp : Lathe_Op<"reshape", [Pure]> {
  let summary = "the same elements, in order, under another shape";
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Lathe_CastOp : Lathe_Op<"cast", [Pure]> {
  let summary = "elements rounded to another float type, ties to even";
  let arguments = (ins Lathe_FloatTensor:$input);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Lathe_PackOp : Lathe_Op<"pack", [Pure]> {
  let summary = "a weight in the layout of the contraction kernels";
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
    `frequencies` f. The product is rounded to f32, as the reference
    implementations do, the functions are then exact to f32.
  }];
  let arguments = (ins DenseF64ArrayAttr:$frequencies, F64Attr:$scale);
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
    embeddings, and the rows that a step wants logits of.
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
    AllTypesMatch<["input", "result"]>]> {                                // C1
  let summary = "root-mean-square normalisation of each row";
  let description = [{
    Divides each row of `input` by its root mean square, then multiplies it by
    `weight`:

        result[..., c] = input[..., c] * (weight[c] + offset)
                         / sqrt(mean over c of input[..., c]^2 + epsilon)

    A row is the last dimension, of size C; a (T, H, D) input is normalised
    head by head. `offset` is 1 for models that store the weight less 1. The
    mean and the quotient are computed in f32 whatever the element type, and
    rounded once at the end.

    Constraints:
    - (C1) `type(result) = type(input)`, of shape `(..., C)`.
    - (C2) `weight` has the shape `(C)`.
    - (C3) `epsilon` is finite and above 0. It has the unit of `input` squared.

    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019).
  }];
  let arguments = (ins Lathe_FloatTensor:$input, Lathe_FloatRow:$weight,
                       F32Attr:$epsilon, DefaultValuedAttr<F32Attr, "0.0f">:$offset);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight `eps` $epsilon (`offset` $offset^)? attr-dict
      `:` type($input) `,` type($weight)
  }];
  let hasVerifier = 1;                                                // C2, C3
}

def Lathe_LayerNormOp : Lathe_Op<"layer_norm", [Pure,
    AllTypesMatch<["input", "result"]>, AllTypesMatch<["weight", "bias"]>]> {
  let summary = "layer normalisation of each row";
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
  let arguments = (ins Lathe_ActivationKindAttr:$kind, Lathe_FloatTensor:$input);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$kind $input attr-dict `:` type($input)";
}

def Lathe_GatedActivationOp : Lathe_Op<"gated_activation", [Pure]> {
  let summary = "a gate's activation times the value beside it";
  let description = [{
    `result[t, f] = kind(input[t, f]) * input[t, F + f]` for an input of 2F
    columns: gate, then up projection.
  }];
  let arguments = (ins Lathe_ActivationKindAttr:$kind, Lathe_FloatMatrix:$input);
  let results = (outs Lathe_FloatMatrix:$result);
  let assemblyFormat = "$kind $input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Lathe_SoftcapOp : Lathe_Op<"softcap", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "cap * tanh(input / cap)";
  let arguments = (ins Lathe_FloatTensor:$input, F32Attr:$cap);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$input `cap` $cap attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Lathe_L2NormalizeOp : Lathe_Op<"l2_normalize", [Pure,
    AllTypesMatch<["input", "result"]>]> {
  let summary = "each row divided by its length";
  let description = [{
    `result[..., c] = input[..., c] / max(sqrt(sum of squares), epsilon)`.
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
    and ascending. The mean sums in the order of t.
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
    added to the finished sum. `weight` may have a narrower float type, and may
    carry `#lathe.packed`.
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

    cap(x) is softcap * tanh(x / softcap), x itself where `softcap` is 0.
    Order of the sums: docs/design.md, 8.3. Tokens of a sequence are contiguous.
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
    positions 0 to positions[t] of the slot sequences[t].
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
