//===- BufferSizes.h - Bytes of a tensor as a function of sizes -*- C++ -*-===//
#ifndef LATHE_PASSES_ANALYSIS_BUFFERSIZES_H
#define LATHE_PASSES_ANALYSIS_BUFFERSIZES_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinTypes.h"

namespace lathe {

/// \p type as its buffer lies in memory: bytes where rows or pages are
/// quantised (dialects/lathe/QuantRows.h, QuantPages.h), otherwise \p type
/// itself.
mlir::RankedTensorType storedType(mlir::RankedTensorType type);

/// Returns the bytes that a buffer of \p type has, as a map from the values of
/// \p symbols, in their order; a packed weight and quantised
/// rows by their layouts. Fails, without a
/// message, if a dynamic size has no name in \p symbols, the element type is no
/// whole number of bytes, or the static part does not fit 63 bits.
mlir::FailureOr<mlir::AffineMap>
sizeInBytes(mlir::RankedTensorType type,
            llvm::ArrayRef<mlir::StringAttr> symbols);

/// The value of \p map, of no dimensions and one result, for these values of
/// its symbols. Fails if it overflows.
mlir::FailureOr<int64_t> evaluateSize(mlir::AffineMap map,
                                      llvm::ArrayRef<int64_t> symbols);

} // namespace lathe

#endif // LATHE_PASSES_ANALYSIS_BUFFERSIZES_H
