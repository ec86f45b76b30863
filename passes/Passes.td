//===- Passes.td - Every pass of the compiler --------------*- tablegen -*-===//
#ifndef LATHE_PASSES_PASSES_TD
#define LATHE_PASSES_PASSES_TD

include "mlir/Pass/PassBase.td"

include "passes/analysis/Passes.td"
include "passes/graph/Passes.td"
include "passes/lowering/Passes.td"
include "passes/plan/Passes.td"

#endif // LATHE_PASSES_PASSES_TD
