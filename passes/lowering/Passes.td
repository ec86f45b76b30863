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
    `lathe.kernel` are left alone.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect", "::mlir::scf::SCFDialect"];
}

def AssignSchedules : Pass<"lathe-assign-schedules", "::mlir::ModuleOp"> {
  let summary = "Give each kernel the schedule of its level";
  let description = [{
    Sets `lathe.schedule` on kernel functions from one table, by instruction-set
    level and by the op that a kernel is rooted in. A kernel that has one
    already keeps it: that is how a user, or a tuner, overrides the table.

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

#endif // LATHE_PASSES_LOWERING_PASSES_TD
