//===- LatheRowOps.td - Ops that work row by row -----------*- tablegen -*-===//
#ifndef LATHE_DIALECTS_LATHE_LATHEROWOPS_TD
#define LATHE_DIALECTS_LATHE_LATHEROWOPS_TD

include "dialects/lathe/LatheTensors.td"

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

def Lathe_QuantizeOp : Lathe_Op<"quantize", [Pure]> {
  let summary = "elements rounded to a grid that has a scale a group";
  let description = [{
    Each row is cut into groups of consecutive elements as `quant` says, and each
    group is rounded to integers times one scale. With m the largest magnitude of
    a group and L = 2^(bits - 1) - 1, where `quant` has a sign

        scale = m / L,  quantum = round(x * (L / m)),  result = scale * quantum

    in f32, each operation rounded, `round` to the nearest integer with ties to
    even, `scale` rounded to its type last. A group with m < 2^-100 becomes zeros;
    one with a NaN or an infinity becomes NaNs. Without a sign, and a `zero` of
    z = 2^(bits - 1), result = scale * (quantum - z): `scale` is that of the 17
    candidates s / -(z - 1 + i / 8), i = 0 … 16, s the element of magnitude m, rounded
    to the scale's type, which leaves the least sum of squared errors in f64, the
    first of equals.

    On parameters a weight transform; in an entry the rounding of a linear
    layer's input, which the level's dot product of bytes takes. The result is
    stored as its encoding says: quantised, or, without a quant there, as numbers.

    Constraints:
    - (C1) `result` is of f32 and has the shape of `input`.
    - (C2) `quant` has neither `minimum` nor `block`, and no `zero` but 2^(bits - 1).
    - (C3) A row is static and whole groups.
    - (C4) The encoding of `result` is that of `input`, with `quant` or without one.

    Source: Dettmers et al., "LLM.int8()" (2022), section 2, for a scale from the
    largest magnitude; Frantar et al., "GPTQ" (2022), section 4, for groups.

    Example:

    ```mlir
    %q = lathe.quantize %x to <quantum = si8, group = 32, scale = f32>
        : tensor<?x64xf32, #lathe.dims<"tokens">>
          -> tensor<?x64xf32, #lathe.dims<"tokens" quant <quantum = si8, group = 32, scale = f32>>>
    ```
  }];
  let arguments = (ins Lathe_FloatMatrix:$input, Lathe_QuantAttr:$quant);
  let results = (outs Lathe_FloatMatrix:$result);
  let assemblyFormat = [{
    $input `to` $quant attr-dict `:` type($input) `->` type($result)
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

    computed in f32 and rounded once. With `rounded` the result is only read
    with 8 bits, as bf16 or bytes: an error of 2^-14, and near 0 of 2^-11 of the
    result, is as good.

    Constraints:
    - (C1) `type(result) = type(input)`.
    - (C2) `rounded` stands only with gelu.

    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016).

    Example:

    ```mlir
    %y = lathe.activation gelu_tanh %x : tensor<128x3072xf32>
    ```
  }];
  let arguments = (ins Lathe_ActivationKindAttr:$kind, Lathe_FloatTensor:$input,
                       UnitAttr:$rounded);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $kind $input (`rounded` $rounded^)? attr-dict `:` type($input)
  }];
  let hasFolder = 1;
  let hasVerifier = 1;
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
    never larger than a number; a row with no number above minus infinity gives
    0. With `places` the result is `places[t, c]`: where each element of `input`
    stood in a longer row, of which `lathe.panel_argmax` has kept them.

    Constraints:
    - (C1) `result` has one element for each row of `input`.
    - (C2) A row has a static size of 1 or more.
    - (C3) `places` has the shape of `input`.

    Example:

    ```mlir
    %next = lathe.argmax %logits : tensor<7x512xf32> -> tensor<7xi32>
    %same = lathe.argmax %values of %places : tensor<7x16xf32>, tensor<7x16xi32> -> tensor<7xi32>
    ```
  }];
  let arguments = (ins Lathe_FloatMatrix:$input, Optional<Lathe_IndexMatrix>:$places);
  let results = (outs Lathe_Indices:$result);
  let assemblyFormat = [{
    $input (`of` $places^)? attr-dict
      `:` type($input) (`,` type($places)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_PanelArgmaxOp : Lathe_Op<"panel_argmax", [Pure]> {
  let summary = "largest element of each panel of a row, and the first place of it";
  let description = [{
    A row is cut into panels of 32 columns, the last one of what is left.
    `values[t, p]` is the largest element of panel p of row t, `places[t, p]` the
    least c of the panel with `input[t, c] = values[t, p]`. A NaN is never larger
    than a number; a panel with no number above minus infinity gives minus
    infinity and its first column. So

        argmax(input) = argmax(values) of places

    for every row, and the row itself need not be stored.

    Constraints:
    - (C1) `values` and `places` have a row for each of `input`.
    - (C2) A row has a static size of 1 or more.
    - (C3) Theirs have a column for each panel.

    Example:

    ```mlir
    %values, %places = lathe.panel_argmax %logits
        : tensor<7x500xf32> -> tensor<7x16xf32>, tensor<7x16xi32>
    ```
  }];
  let arguments = (ins Lathe_FloatMatrix:$input);
  let results = (outs RankedTensorOf<[F32], [HasAnyRankOfPred<[2]>]>:$values,
                      Lathe_IndexMatrix:$places);
  let assemblyFormat = [{
    $input attr-dict `:` type($input) `->` type($values) `,` type($places)
  }];
  let hasVerifier = 1;
}

#endif // LATHE_DIALECTS_LATHE_LATHEROWOPS_TD
