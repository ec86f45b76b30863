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

#endif // LATHE_PASSES_ANALYSIS_PASSES_TD
