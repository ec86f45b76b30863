//===- Passes.td - The passes of passes/plan -------*- tablegen -*-===//
#ifndef LATHE_PASSES_PLAN_PASSES_TD
#define LATHE_PASSES_PLAN_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // LATHE_PASSES_PLAN_PASSES_TD
