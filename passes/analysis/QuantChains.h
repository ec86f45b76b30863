//===- QuantChains.h - Parameters that are quantised weights ----*- C++ -*-===//
#ifndef LATHE_PASSES_ANALYSIS_QUANTCHAINS_H
#define LATHE_PASSES_ANALYSIS_QUANTCHAINS_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

/// The encoding of the quantised tensors whose whole rows make up the value of
/// the parameter \p name of \p table: it is such a tensor, a `lathe.cast` of
/// one to f32, or the result of a `lathe.quantize`; or rows of these joined,
/// cut or reordered, all of one encoding. Null for every other parameter.
QuantAttr quantOf(const mlir::SymbolTable &table, llvm::StringRef name);

/// Builds with \p builder, inside a lathe.derived, the quantised form of the
/// parameter \p name, for which quantOf() is not null: the same transforms, on
/// blocks.
mlir::Value buildQuantised(mlir::OpBuilder &builder,
                           const mlir::SymbolTable &table,
                           llvm::StringRef name);

} // namespace lathe

#endif // LATHE_PASSES_ANALYSIS_QUANTCHAINS_H
