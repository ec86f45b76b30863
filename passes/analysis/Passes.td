//===- Passes.td - The passes of passes/analysis -------*- tablegen -*-===//
#ifndef LATHE_PASSES_ANALYSIS_PASSES_TD
#define LATHE_PASSES_ANALYSIS_PASSES_TD

include "mlir/Pass/PassBase.td"

def VerifyStage : Pass<"lathe-verify-stage", "::mlir::ModuleOp"> {
  let summary = "Check which dialects a phase has left";
  let description = [{
    A phase that leaves an op behind shows far from its cause: in a kernel that
    cannot be compiled, or in an artifact that cannot be written. This pass
    changes nothing and fails at the first op that the phase may not leave:

    - `import`, `graph`: `func`, `lathe`, `arith`, `math`, `tensor`;
    - `kernels`: the same, where entries hold calls, symbols' values, states and
      `return` only;
    - `lowering`: upstream dialects only;
    - `plan`: `rt` on top, the nested module `@kernels` as in `kernels`, and
      `@weights` of lathe weight transforms;
    - `rt`: the same without `@kernels`.
  }];
  let options = [
    Option<"stage", "stage", "std::string", /*default=*/"\"import\"",
           "The phase that has ended: import, graph, kernels, lowering, plan or rt">
  ];
}

def VerifyEntries : Pass<"lathe-verify-entries", "::mlir::ModuleOp"> {
  let summary = "Check that indices stay within what they index";
  let description = [{
    Kernels do not look whether a row, position or page exists; the runtime has
    held each element of an input against its limit before. This pass changes
    nothing and fails where a limit is missing, of the wrong kind or too large:

    - each integer input has `lathe.limit`, `lathe.limit_symbol` or
      `lathe.limit_pages = "p"` (below 32 times the symbol p), the last also
      beside a `lathe.limit`: then both hold;
    - what indexes a table is an input whose limit is at most its rows, or an
      argmax of at most as many columns;
    - positions of a cache are below 32 times the columns of its page table;
    - every `lathe.` attribute of the module and its entries is a known one of
      the right kind, and every public function is an entry.
  }];
}

#endif // LATHE_PASSES_ANALYSIS_PASSES_TD
