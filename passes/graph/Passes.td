//===- Passes.td - The passes of passes/graph -------*- tablegen -*-===//
#ifndef LATHE_PASSES_GRAPH_PASSES_TD
#define LATHE_PASSES_GRAPH_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // LATHE_PASSES_GRAPH_PASSES_TD
