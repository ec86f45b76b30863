//===- LatheContractionOps.td - Linear layers and attention -*- tablegen -*-===//
#ifndef LATHE_DIALECTS_LATHE_LATHECONTRACTIONOPS_TD
#define LATHE_DIALECTS_LATHE_LATHECONTRACTIONOPS_TD

include "dialects/lathe/LatheTensors.td"

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
    Where rows of `input` are quantised and so is `weight`, integers are
    multiplied: the sum is over groups, in the order of docs/design.md, 8.3.

    Constraints:
    - (C1) `weight` is static, with as many columns K as `input`.
    - (C2) `result` has the rows of `input`, and a column for each row of
      `weight`.
    - (C3) `bias` has an element for each row of `weight`.
    - (C4) An element of `weight` is no wider than one of `input`.
    - (C5) `input` and `result` are not packed, and `result` is not quantised.

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
    each element is rounded once. Where pages are quantised, the D elements of
    key[t, g] are rounded as a row by `lathe.quantize`, and so are those of the
    value. No two tokens have one place.

    Constraints:
    - (C1) `type(new_keys) = type(keys)` and `type(new_values) = type(values)`.
    - (C2) `key` and `value` have one type, (T, Hkv, D).
    - (C3) `keys` is (pages, Hkv, D, 32) and `values` (pages, Hkv, 32, D), of one
      element type and quant.
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
                       Lathe_IndexMatrix:$page_table);
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
    - (C2) `keys` is (pages, Hkv, D, 32) and `values` (pages, Hkv, 32, D), of one
      element type and quant.
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
                       Lathe_IndexMatrix:$page_table, F32Attr:$scale,
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

#endif // LATHE_DIALECTS_LATHE_LATHECONTRACTIONOPS_TD
