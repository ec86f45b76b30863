//===- ValueNames.h - The graph's names of values ---------------*- C++ -*-===//
//
// A value is called what the NameLoc of its op says. Passes keep names by
// keeping locations: an op that replaces several has their fused location.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_ANALYSIS_VALUENAMES_H
#define LATHE_PASSES_ANALYSIS_VALUENAMES_H

#include "mlir/IR/Operation.h"

#include <string>

namespace lathe {

/// Whether \p op computes a value that has a name: not a parameter, a state, a
/// constant, a size or a view.
bool hasNamedResults(mlir::Operation *op);

/// The name of \p result, or an empty string if its op has none. An op fused
/// from as many named ops as it has results gives each result its op's name;
/// otherwise the last named location counts, since what is fused into an op
/// comes before it, and later results get their number at the end.
std::string nameOfValue(mlir::OpResult result);

} // namespace lathe

#endif // LATHE_PASSES_ANALYSIS_VALUENAMES_H
