//===- Passes.td - The passes of passes/lowering -------*- tablegen -*-===//
#ifndef LATHE_PASSES_LOWERING_PASSES_TD
#define LATHE_PASSES_LOWERING_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // LATHE_PASSES_LOWERING_PASSES_TD
