//===- Passes.td - The passes of passes/plan -------*- tablegen -*-===//
#ifndef LATHE_PASSES_PLAN_PASSES_TD
#define LATHE_PASSES_PLAN_PASSES_TD

include "mlir/Pass/PassBase.td"

def FormKernels : Pass<"lathe-form-kernels", "::mlir::ModuleOp"> {
  let summary = "Outline each entry's ops into kernels and launches";
  let description = [{
    A kernel is what one launch runs: a contraction, attention or row reduction
    with the elementwise ops around it. Each becomes a private function with the
    attributes of docs/design.md, 8.2, and a call in its place; kernels that
    compute the same share one function, called by a hash of its text, so that
    layers cost nothing and names do not depend on the model.

    ```mlir
    %f = lathe.linear %x, %w : …
    %y = lathe.activation gelu %f : …
    ```
    becomes
    ```mlir
    %y = call @linear_activation_0123456789abcdef(%x, %w)
        {lathe.name = "layers.0.mlp", lathe.results = ["layers.0.mlp"]} : …
    ```

    Fused are, each over values that nothing else reads: a linear layer with the
    activations, caps, sums and products that follow, and with the maxima of its
    panels; embedding gathers with their sum and norm, where others may read
    what is normalised; a pool with its length; the rotations of query and key
    of one projection with the append to the cache; elementwise ops with each
    other. Views are part of the kernel that reads them. With `fuse=false` each
    op is a kernel.

    It leaves parameters, states and calls alone, and fails on ops of other
    dialects.
  }];
  let options = [Option<"fuse", "fuse", "bool", /*default=*/"true",
                        "Put several ops into one kernel">];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def FormVariants : Pass<"lathe-form-variants", "::mlir::ModuleOp"> {
  let summary = "Give launches of linear layers kernels of their own for few rows";
  let description = [{
    Each launch of a linear layer whose rows vary by call gets a second kernel, for
    at most 16 rows, which also computes the layer's input where that is rows
    computed by a launch of their own (a norm, a rounding), and, of a projection
    to query, key and value, the rotation and the append to the cache. Launches
    whose results all their readers compute themselves are skipped for few rows.

    ```mlir
    %n = call @norm(%x, %g) {lathe.name = "n", …} : …
    %y = call @linear(%n, %w) {lathe.name = "y", …} : …
    ```
    becomes
    ```mlir
    %n = call @norm(%x, %g) {lathe.name = "n", …, lathe.skipped_symbol = "tokens",
                             lathe.skipped_to = 16 : i64} : …
    %y = call @linear_(%n, %w, %x, %g) {lathe.name = "y", …,
        lathe.variants = [#rt.variant<@norm_linear_few for @tokens to 16>]} : …
    ```

    Both kernels of a launch take the same operands, and read what they need.
    Where there are never more than 16 rows, the layer's kernel itself becomes one
    for few. It leaves alone layers whose rows are a constant, inputs that depend
    on other rows (pooling), and launches with several results.
  }];
  let dependentDialects = ["::lathe::rt::RtDialect", "::mlir::func::FuncDialect"];
}

def ConvertToRt : Pass<"lathe-convert-to-rt", "::mlir::ModuleOp"> {
  let summary = "Turn entries of launches into the rt dialect";
  let description = [{
    Before, values are tensors; after, each is a buffer with a size in bytes, and
    an entry is a list of commands. A tied result takes the place of its operand
    if nothing reads the operand any more, and of a copy of it otherwise; a
    returned value is an output buffer. Parameters, and the transforms that they
    come from, move to the nested module `@weights`, kernels to `@kernels`.

    ```mlir
    %y = call @norm(%x, %w) {lathe.name = "y", lathe.results = ["y"]} : …
    ```
    becomes
    ```mlir
    rt.buffer temporary @y : tensor<4x8xf32> bytes affine_map<()[s0] -> (128)>
    rt.launch "y" [#rt.variant<@norm for @tokens to 512>] ([@x, @w, @y])
    ```

    Each kernel gets an `rt.cost` where its ops say what they do. Parameters
    that no entry reads are dropped. It fails on entries that hold anything but
    calls, parameters, states and `return`.
  }];
  let dependentDialects = ["::lathe::rt::RtDialect"];
}

def PlanMemory : Pass<"lathe-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Place the buffers of each entry in one arena";
  let description = [{
    Temporaries whose lifetimes do not overlap share memory; all other buffers
    have their own, which the runtime knows. For each of the bounds 16, 128 and the symbols' maximum, of all symbols that vary by
    call, an `rt.plan` gives each buffer an offset; symbols that are fixed at load
    stand at their maximum. The offsets are the best of greedy placements by
    size, by begin and by length of life: each buffer goes to the smallest gap
    that holds it. `peak` becomes the largest sum of the bytes that live at one
    time, as a formula of the symbols.

    It replaces plans that are there, and leaves entries alone that need no
    arena but for a plan of 0 bytes.
  }];
  let dependentDialects = ["::lathe::rt::RtDialect"];
}

#endif // LATHE_PASSES_PLAN_PASSES_TD
