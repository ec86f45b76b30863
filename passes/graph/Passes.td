//===- Passes.td - The passes of passes/graph -------*- tablegen -*-===//
#ifndef LATHE_PASSES_GRAPH_PASSES_TD
#define LATHE_PASSES_GRAPH_PASSES_TD

include "mlir/Pass/PassBase.td"

def NameValues : Pass<"lathe-name-values", "::mlir::ModuleOp"> {
  let summary = "Give each value of an entry a name of its own";
  let description = [{
    Names tell which value of the slow twin a value of the optimised program is.
    So they are given before any other pass: after this one the location of each
    computing op of an entry is a `NameLoc` that no other op of the entry has.
    An op without a name gets its mnemonic and a number; a name that is taken,
    a number at its end.

    ```mlir
    %y = lathe.activation silu %x : tensor<4x8xf32>
    ```
    becomes
    ```mlir
    %y = lathe.activation silu %x : tensor<4x8xf32> loc("activation.1")
    ```

    It leaves names that are unique alone, and ops that compute nothing:
    parameters, states, constants and views.
  }];
}

def MergeProjections : Pass<"lathe-merge-projections", "::mlir::ModuleOp"> {
  let summary = "Merge linear layers that read the same input";
  let description = [{
    Query, key and value read the same rows, as do gate and up. One contraction
    over their joined weights reads them once and is one launch.

    ```mlir
    %wq = lathe.get @q : tensor<8x8xf32>
    %wk = lathe.get @k : tensor<4x8xf32>
    %q = lathe.linear %x, %wq : tensor<2x8xf32>, tensor<8x8xf32> -> tensor<2x8xf32>
    %k = lathe.linear %x, %wk : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
    ```
    becomes
    ```mlir
    lathe.derived @q.merged : tensor<12x8xf32> { … lathe.concat … }
    %w = lathe.get @q.merged : tensor<12x8xf32>
    %m = lathe.linear %x, %w : tensor<2x8xf32>, tensor<12x8xf32> -> tensor<2x12xf32>
    %q = tensor.extract_slice %m[0, 0] [2, 8] [1, 1] : …
    %k = tensor.extract_slice %m[0, 8] [2, 4] [1, 1] : …
    ```

    Of two layers of equal width whose results meet as `activation(gate) * up`,
    the product becomes one `lathe.gated_activation`.

    It leaves layers alone whose weights are no parameters, differ in element
    type, encoding or order of the sum, and those of which only some have a
    bias.
  }];
  let dependentDialects = ["::lathe::LatheDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def FuseResidualNorm : Pass<"lathe-fuse-residual-norm"> {
  let summary = "Fuse a residual sum into the norm that reads it";
  let description = [{
    A block reads the residual sum twice: once in the norm, once in the next
    residual sum. After this pass one op writes both.

    ```mlir
    %s = arith.addf %x, %f : tensor<4x768xf32>
    %y = lathe.rms_norm %s, %w eps 1.0e-5 : tensor<4x768xf32>, tensor<768xf32>
    ```
    becomes
    ```mlir
    %s, %y = lathe.add_rms_norm %x, %f, %w eps 1.0e-5
        : tensor<4x768xf32>, tensor<768xf32>
    ```

    The same for `lathe.layer_norm`. It leaves the pair alone when the sum is
    used before the norm, and when a side of the sum is a linear layer that
    nothing else reads: the contraction adds the other side as it writes its
    result, which saves one more pass over the stream.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def SplitArgmax : Pass<"lathe-split-argmax"> {
  let summary = "Find the maxima of panels where a linear layer computes them";
  let description = [{
    Greedy decoding wants one index of each row of logits. After this pass the
    layer that computes the row keeps the largest number of each panel, and the
    argmax looks among these, which are 1 of 32.

    ```mlir
    %logits = lathe.linear %x, %w : tensor<7x64xf32>, tensor<500x64xf32> -> tensor<7x500xf32>
    %next = lathe.argmax %logits : tensor<7x500xf32> -> tensor<7xi32>
    ```
    becomes
    ```mlir
    %logits = lathe.linear %x, %w : tensor<7x64xf32>, tensor<500x64xf32> -> tensor<7x500xf32>
    %values, %places = lathe.panel_argmax %logits
        : tensor<7x500xf32> -> tensor<7x16xf32>, tensor<7x16xi32>
    %next = lathe.argmax %values of %places : tensor<7x16xf32>, tensor<7x16xi32> -> tensor<7xi32>
    ```

    The same where ops on each element stand between the two. It leaves alone
    rows that something else reads too, that no linear layer computes, that one
    panel holds, or that are not f32.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def ConvertWeights : Pass<"lathe-convert-weights", "::mlir::ModuleOp"> {
  let summary = "Store matrices in another float type";
  let description = [{
    The weights of linear layers and the tables of gathers become parameters of
    the wanted element type, rounded once at compile time, ties to even. What is
    computed stays in f32: the kernels widen in registers.

    ```mlir
    %w = lathe.get @w : tensor<8x4xf32>
    %y = lathe.linear %x, %w : tensor<2x4xf32>, tensor<8x4xf32> -> tensor<2x8xf32>
    ```
    becomes
    ```mlir
    lathe.derived @w.bf16 : tensor<8x4xbf16> { … lathe.cast … }
    %w = lathe.get @w.bf16 : tensor<8x4xbf16>
    %y = lathe.linear %x, %w : tensor<2x4xf32>, tensor<8x4xbf16> -> tensor<2x8xf32>
    ```

    It leaves norms, biases and rope tables alone, and matrices that have the
    type already, are no parameters, or are packed. With `tables=false` gathers
    keep the tables that they have: nothing is multiplied there, and a rounded
    embedding costs about as much exactness as all layers. With `pooled=false`
    so do layers on rows of `sequences`, poolers and classifiers: they are read
    once a sequence, and what they lose is lost of the result itself.
  }];
  let options = [
    Option<"element", "element", "std::string", [{"bf16"}],
           "Element type of the stored matrices: f32, bf16 or f16">,
    Option<"tables", "tables", "bool", [{true}],
           "Also convert tables that gathers read">,
    Option<"pooled", "pooled", "bool", [{true}],
           "Also convert layers whose rows are sequences">
  ];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def NarrowActivations : Pass<"lathe-narrow-activations", "::mlir::ModuleOp"> {
  let summary = "Round the inputs of linear layers to the type of their weights";
  let description = [{
    Where a weight is bf16, the f32 input is rounded to bf16, ties to even, right
    where it is computed, so that the level's dot product of bf16 pairs applies.
    The sum stays f32, and so does everything between two linear layers.

    ```mlir
    %y = lathe.linear %x, %w : tensor<2x4xf32>, tensor<8x4xbf16> -> tensor<2x8xf32>
    ```
    becomes
    ```mlir
    %n = arith.truncf %x : tensor<2x4xf32> to tensor<2x4xbf16>
    %y = lathe.linear %n, %w : tensor<2x4xbf16>, tensor<8x4xbf16> -> tensor<2x8xf32>
    ```

    It leaves alone inputs that are narrow already, and weights of other types.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def NarrowAttention : Pass<"lathe-narrow-attention", "::mlir::func::FuncOp"> {
  let summary = "Round what bidirectional attention multiplies to bf16";
  let description = [{
    Queries, keys and values become bf16, rounded right where they are computed,
    and so does the result, which is what a narrow layer behind it reads.

    ```mlir
    %a = lathe.attention %q, %k, %v by %s scale 0.5
        : tensor<2x2x4xf32>, tensor<2x2x4xf32>, tensor<2xi32>
    ```
    becomes
    ```mlir
    %qn = arith.truncf %q : tensor<2x2x4xf32> to tensor<2x2x4xbf16>
    %kn = arith.truncf %k : tensor<2x2x4xf32> to tensor<2x2x4xbf16>
    %vn = arith.truncf %v : tensor<2x2x4xf32> to tensor<2x2x4xbf16>
    %n = lathe.attention %qn, %kn, %vn by %s scale 0.5
        : tensor<2x2x4xbf16>, tensor<2x2x4xbf16>, tensor<2xi32>
    %a = arith.extf %n : tensor<2x2x4xbf16> to tensor<2x2x4xf32>
    ```

    It leaves causal attention alone: a decoder's cache is not bf16, and its
    prompts give the bits of its steps. And attention of other types.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def RelaxActivations : Pass<"lathe-relax-activations", "::mlir::func::FuncOp"> {
  let summary = "Mark activations that are only read rounded";
  let description = [{
    A gelu that only roundings to bf16 and quantisations read becomes
    `rounded`: a formula of a third of the length serves them as well.

    ```mlir
    %y = lathe.activation gelu %x : tensor<2x4xf32>
    %n = arith.truncf %y : tensor<2x4xf32> to tensor<2x4xbf16>
    ```
    becomes
    ```mlir
    %y = lathe.activation gelu %x rounded : tensor<2x4xf32>
    %n = arith.truncf %y : tensor<2x4xf32> to tensor<2x4xbf16>
    ```

    It leaves alone other kinds, and what is read in f32 too.
  }];
}

def QuantizeWeights : Pass<"lathe-quantize-weights", "::mlir::ModuleOp"> {
  let summary = "Store matrices in 8 or 4 bits";
  let description = [{
    The weights of linear layers become parameters quantised at compile time: in
    8 bits with an f32 scale for each row, or in 4 bits with an f16 scale for
    each 32 elements. Tables that only gathers read have 8 bits in both cases;
    one that a linear layer reads too is stored once, as that layer has it.

    ```mlir
    %w = lathe.get @w : tensor<8x64xbf16>
    %y = lathe.linear %x, %w : tensor<2x64xf32>, tensor<8x64xbf16> -> tensor<2x8xf32>
    ```
    becomes
    ```mlir
    lathe.derived @w.q8 : tensor<8x64xf32> { … lathe.quantize … lathe.cast … }
    %w = lathe.get @w.q8 : tensor<8x64xf32>
    %y = lathe.linear %x, %w : tensor<2x64xf32>, tensor<8x64xf32> -> tensor<2x8xf32>
    ```

    The cast back to f32 is what the slow twin reads; lathe-pack-weights keeps
    the integers behind it. With 4 bits, rows that are no whole groups of 32 get 8, with a
    warning. It leaves alone norms, biases and rope tables, matrices that are no
    parameters or packed already, and rows of more than 65,536 elements.
  }];
  let options = [Option<"bits", "bits", "int64_t", "8",
                        "Bits of a weight of a linear layer: 8 or 4">];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def QuantizeActivations : Pass<"lathe-quantize-activations", "::mlir::ModuleOp"> {
  let summary = "Round the inputs of linear layers with quantised weights to bytes";
  let description = [{
    Where a weight is quantised, the f32 input is rounded to signed bytes with a
    scale for each 32 elements, or for the whole row where the weight has one for
    its, so that the level's dot product of bytes applies. The sum over groups is
    f32, and so is everything between two linear layers.

    ```mlir
    %y = lathe.linear %x, %w : tensor<2x64xf32>, tensor<8x64xf32> -> tensor<2x8xf32>
    ```
    becomes
    ```mlir
    %q = lathe.quantize %x to <quantum = si8, group = 64, scale = f32>
        : tensor<2x64xf32> -> tensor<2x64xf32, #lathe.quant<…>>
    %y = lathe.linear %q, %w : tensor<2x64xf32, #lathe.quant<…>>, tensor<8x64xf32> -> tensor<2x8xf32>
    ```

    With `stored=false` the result of the rounding is numbers of f32, as the slow
    twin computes with. It leaves alone inputs that are narrow already and
    weights that are not quantised, or in a way without a packed layout; a module in which it finds nothing is
    an error.
  }];
  let options = [Option<"stored", "stored", "bool", [{true}],
                        "Keep the integers, instead of the numbers that they stand for">];
  let dependentDialects = ["::lathe::LatheDialect"];
}

#endif // LATHE_PASSES_GRAPH_PASSES_TD
