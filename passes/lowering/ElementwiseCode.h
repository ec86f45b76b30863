//===- ElementwiseCode.h - Elementwise ops on vectors of a row --*- C++ -*-===//
#ifndef LATHE_PASSES_LOWERING_ELEMENTWISECODE_H
#define LATHE_PASSES_LOWERING_ELEMENTWISECODE_H

#include "passes/lowering/KernelAbi.h"

namespace lathe {

/// What isElementwise may take for granted.
struct ElementwiseShape {
  /// The value that somebody else computes; null for none.
  mlir::Value root;
  /// Elements of a row of what is asked for.
  int64_t columns;
};

/// True for a reshape that leaves dimension 0, the rows, as it is.
bool isRowReshape(mlir::Operation *op);

/// True if \p op is elementwise, or a gate, of a kind and a result type that
/// ElementwiseCode computes.
bool isVectorElementwise(mlir::Operation *op);

/// True if each element of \p value depends on elements of arguments, and of
/// the root, in the same row and at the same column (for a gate: and half a
/// row further), by ops that ElementwiseCode knows.
bool isElementwise(mlir::Value value, const ElementwiseShape &shape);

/// Computes values of a kernel a vector at a time.
class ElementwiseCode {
public:
  /// Where a vector stands. Columns are counted in the value asked for.
  struct Place {
    mlir::Value row;    ///< i64
    mlir::Value column; ///< i64, of the first lane
    int64_t lanes;
    mlir::Value mask; ///< Lanes that exist; null for all.
  };
  /// Gives a vector of the root. \p shift is 0, or the number of columns from
  /// the place to the other half of a gate.
  using RootFunction =
      llvm::function_ref<mlir::Value(const Place &place, int64_t shift)>;

  ElementwiseCode(KernelFrame &frame, mlir::Location loc, mlir::Value rootValue,
                  RootFunction root)
      : frame(frame), loc(loc), rootValue(rootValue), root(root) {}

  /// The f32 vector of \p value at \p place. Values that several results share
  /// are computed once for each object of this class.
  mlir::Value evaluate(mlir::Value value, const Place &place,
                       int64_t shift = 0);

private:
  mlir::Value compute(mlir::Operation *op, const Place &place, int64_t shift);
  mlir::Value load(mlir::Value view, const Place &place, int64_t shift);

  KernelFrame &frame;
  mlir::Location loc;
  mlir::Value rootValue;
  RootFunction root;
  llvm::DenseMap<std::pair<mlir::Value, int64_t>, mlir::Value> known;
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_ELEMENTWISECODE_H
