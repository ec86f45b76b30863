//===- RowShapes.h - What the ops of a row kernel look like -----*- C++ -*-===//
#ifndef LATHE_PASSES_LOWERING_ROWSHAPES_H
#define LATHE_PASSES_LOWERING_ROWSHAPES_H

#include "dialects/lathe/Lathe.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SetVector.h"

namespace lathe {

/// Elements of one token of \p type: the product of all but the first size.
int64_t elementsPerToken(mlir::RankedTensorType type);

/// The tensor whose first dimension counts the tokens of the kernel, given one
/// of its results. For the cache pages of an append, that is the new key.
mlir::RankedTensorType countedTypeOf(mlir::Value result);

/// \p value before the tensor.expand_shape and collapse_shape that made it.
mlir::Value stripReshapes(mlir::Value value);

/// True for the ops that only say where a value's elements are.
bool isRowView(mlir::Operation *op);

/// True if \p value is an argument of the kernel, or a view of one.
bool isPlain(mlir::Value value);

/// A row of numbers that stands in memory: `offset` elements behind the start
/// of an argument of the kernel.
struct StoredRow {
  mlir::BlockArgument argument;
  int64_t offset;
};

/// Where \p row is stored: a vector that is an argument or a view of
/// neighbouring elements of one. Nothing if it is computed, or its elements do
/// not lie side by side at a place that is known.
std::optional<StoredRow> storedRowOf(mlir::Value row);

/// True if \p slice takes the same columns (or whole heads) of all tokens.
bool isColumnSlice(mlir::tensor::ExtractSliceOp slice);

/// True if \p reshape leaves the first dimension alone.
bool keepsTokens(mlir::Operation *reshape);

/// First column of \p slice in its source, counted from the start of a token.
int64_t sliceOffset(mlir::tensor::ExtractSliceOp slice);

/// The first column of the linear layer's result that \p value is computed from
/// head by head; 0 in a kernel without one.
int64_t firstColumnOf(mlir::Value value);

/// True for ops that need a whole row before they give their first number.
bool isWholeRowOp(mlir::Operation *op);

/// True if the rows of \p op are heads: its first operand has rank 3.
bool isByHead(mlir::Operation *op);

/// True if \p value is returned in f32 and read by a norm or a rounding to
/// bytes of the same kernel: that stores it as it goes, and nobody else does.
bool isStoredByNorm(mlir::Value value);

/// All ops that \p value is computed from, a linear layer among them but not
/// what that comes of.
llvm::SetVector<mlir::Operation *> opsBehind(mlir::Value value);

/// What norms have in common: the value that is normalised (for add_* its
/// sum), and the rest where there is one (else null, or 0).
mlir::Value normInput(mlir::Operation *norm);
mlir::Value normWeight(mlir::Operation *norm);
mlir::Value normBias(mlir::Operation *norm);
float normEpsilon(mlir::Operation *norm);
float normOffset(mlir::Operation *norm);

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_ROWSHAPES_H
