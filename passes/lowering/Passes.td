//===- Passes.td - The passes of passes/lowering -------*- tablegen -*-===//
#ifndef LATHE_PASSES_LOWERING_PASSES_TD
#define LATHE_PASSES_LOWERING_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerToLoops : Pass<"lathe-lower-to-loops"> {
  let summary = "Lower each kernel to scalar loops with float64 arithmetic";
  let description = [{
    The lowering of -O0, whose results are what every other lowering is held
    against. A kernel function on tensors (docs/design.md, 8.2) becomes a
    function of the kernel ABI: loops that store one element after the other,
    each computed in float64 from the elements of the operands and rounded once.
    A tile is a row of the first dimension; a kernel whose results differ in
    shape, or that appends to a cache, is one tile.

    ```mlir
    func.func private @k(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {lathe.kernel} {
      %y = lathe.activation relu %x : tensor<4x8xf32>
      return %y : tensor<4x8xf32>
    }
    ```
    becomes
    ```mlir
    func.func private @k(%args: !llvm.ptr, %scratch: !llvm.ptr, %begin: i64, %end: i64) -> i32
        attributes {lathe.kernel, lathe.scratch_bytes = 0 : i64, lathe.tiles = affine_map<() -> (4)>}
    ```

    Ops that share nothing with their neighbours in a row may be combined
    freely; a value that is used twice is computed twice. An op that it does not
    know, or a dynamic size without a symbol, is an error. Functions without
    `lathe.kernel` are left alone; so are calls, which makes this a pass for
    modules that hold kernels only.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::scf::SCFDialect"];
}

def AssignSchedules : Pass<"lathe-assign-schedules", "::mlir::ModuleOp"> {
  let summary = "Give each kernel the schedule of its level";
  let description = [{
    Sets `lathe.schedule` on kernel functions from one table, by instruction-set
    level and by the op that a kernel is rooted in. For the shape of a linear
    layer a model of costs (ScheduleCosts.h) may choose another tile: it counts
    instructions, latency, bytes and tiles for each worker, and must be sure.
    Which instruction adds products is the table's alone. A kernel that has a
    schedule keeps it: that is how a user, or a tuner, overrides both.

    ```mlir
    func.func private @k(…) attributes {lathe.kernel} { … lathe.linear … }
    ```
    becomes
    ```mlir
    func.func private @k(…) attributes {lathe.kernel,
        lathe.schedule = #lathe.schedule<rows = 8, columns = 32, …>} { … }
    ```

    An unknown level is an error.
  }];
  let options = [Option<"level", "level", "std::string", "\"x86-64-v4\"",
                        "instruction-set level, as compiler/targets/cpu names it">];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def LowerContraction : Pass<"lathe-lower-contraction", "::mlir::func::FuncOp"> {
  let summary = "Lower kernels rooted in a linear layer to register tiles";
  let description = [{
    Takes a kernel with one `lathe.linear` on a packed weight, elementwise ops
    before it and behind it, and a `lathe.schedule`. Builds a function of the
    kernel ABI that computes it in register tiles: accumulators stay in vectors
    of the level's width over the whole sum, one fma a term, in the order that
    `#lathe.reduce` says (docs/design.md, 8.3); a row comes out in the same bits
    whatever the number of rows.

    ```mlir
    func.func @k(%x: tensor<?x768xf32, #lathe.dims<"tokens">>,
                 %w: tensor<3072x768xf32, #lathe.packed<columns = 32, depth = 1>>,
                 %b: tensor<3072xf32>) -> tensor<?x3072xf32, #lathe.dims<"tokens">>
        attributes {lathe.kernel, lathe.schedule = #lathe.schedule<rows = 8>} {
      %y = lathe.linear %x, %w bias %b : …
      %z = lathe.activation gelu %y : …
      return %z : …
    }
    ```
    becomes
    ```mlir
    func.func @k(%args: !llvm.ptr, %scratch: !llvm.ptr, %begin: i64, %end: i64) -> i32
        attributes {lathe.kernel, lathe.scratch_bytes = 2048 : i64,
                    lathe.tiles = affine_map<()[s0] -> ((s0 ceildiv 64) * 48)>}
    ```

    Where `lathe.panel_argmax` alone reads the rows, each tile keeps the largest
    number of its panels, and no row is stored.

    It leaves alone kernels of another kind, weights that are not packed, and
    ops that have no vector form; lathe-verify-lowered names them.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def PackWeights : Pass<"lathe-pack-weights", "::mlir::ModuleOp"> {
  let summary = "Store the weights of linear layers as their kernels read them";
  let description = [{
    Each `lathe.linear` whose weight is a `lathe.get` of a parameter reads a
    derived parameter in the layout of docs/design.md, 8.4, instead. Linear
    layers of all entries that read the same weight share it.

    ```mlir
    %w = lathe.get @up : tensor<3072x768xbf16>
    %y = lathe.linear %x, %w : …
    ```
    becomes
    ```mlir
    lathe.derived @up.packed : tensor<3072x768xbf16, #lathe.packed<columns = 32, depth = 2>> {
      %0 = lathe.get @up : tensor<3072x768xbf16>
      %1 = lathe.pack %0 : …
      lathe.yield %1 : …
    }
    %w = lathe.get @up.packed : tensor<3072x768xbf16, #lathe.packed<columns = 32, depth = 2>>
    %y = lathe.linear %x, %w : …
    ```

    A `lathe.gather` whose table is such a weight, as that of a tied embedding,
    reads the packed one too: the weight is stored once.

    A parameter that is quantised rows behind a `lathe.cast` to f32 is packed as
    those, without the cast; so is a quantised table that only gathers read.

    It leaves alone weights that are packed already, computed in the entry, or
    of an element type without a packed layout.
  }];
  let options = [Option<"columns", "columns", "int64_t", "32",
                        "columns of a panel, the same for every level">];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def VerifyLowered : Pass<"lathe-verify-lowered", "::mlir::func::FuncOp"> {
  let summary = "Fail on a kernel that no lowering took";
  let description = [{
    Stands at the end of the lowerings, each of which leaves kernels alone that
    are not its own. Changes nothing.
  }];
}

def LowerRows : Pass<"lathe-lower-rows", "::mlir::ModuleOp"> {
  let summary = "Lower kernels that treat each token by itself";
  let description = [{
    Takes the kernels without a linear layer or attention: norms, activations,
    embeddings, rotation, pooling, argmax, the writing of a cache, in any mix,
    with views and elementwise ops between them. A tile is a block of tokens; a
    token is computed 16 columns at a time. Sums over a row are those of 16
    lanes (docs/design.md, 8.3), at every level.

    ```mlir
    func.func private @k(%x: tensor<4x8xf32>, %w: tensor<8xf32>) -> tensor<4x8xf32>
        attributes {lathe.kernel} {
      %y = lathe.rms_norm %x, %w eps 1.0e-5 : tensor<4x8xf32>, tensor<8xf32>
      return %y : tensor<4x8xf32>
    }
    ```
    becomes
    ```mlir
    func.func private @k(%args: !llvm.ptr, %scratch: !llvm.ptr, %begin: i64, %end: i64) -> i32
        attributes {lathe.kernel, lathe.scratch_bytes = 0 : i64, lathe.tiles = affine_map<() -> (1)>}
    ```

    A mix that cannot be done row by row is an error that names the op.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def LowerAttention : Pass<"lathe-lower-attention", "::mlir::ModuleOp"> {
  let summary = "Lower kernels of attention";
  let description = [{
    Takes the kernels that hold a `lathe.attention` or `lathe.cached_attention`,
    views of their operands and of the result, and nothing else. A tile is a
    block of tokens and one key head; keys are looked at in chunks of 128 by an
    online softmax, in the order of docs/design.md, 8.3, so that a score matrix
    is never stored and a prompt gives the bits of its tokens one by one.

    ```mlir
    func.func private @k(%q: tensor<4x2x8xf32>, %k: tensor<4x1x8xf32>, %s: tensor<4xi32>)
        -> tensor<4x2x8xf32> attributes {lathe.kernel} {
      %y = lathe.attention %q, %k, %k by %s scale 0.25 causal
          : tensor<4x2x8xf32>, tensor<4x1x8xf32>, tensor<4xi32>
      return %y : tensor<4x2x8xf32>
    }
    ```
    becomes
    ```mlir
    func.func private @k(%args: !llvm.ptr, %scratch: !llvm.ptr, %begin: i64, %end: i64) -> i32
        attributes {lathe.kernel, lathe.scratch_bytes = …, lathe.tiles = affine_map<() -> (1)>}
    ```

    `rows` and `columns` of the schedule are its register tile, `row_block` is
    the number of query rows of a tile.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

#endif // LATHE_PASSES_LOWERING_PASSES_TD
