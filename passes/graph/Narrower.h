//===- Narrower.h - Values rounded once ------------------------*- C++ -*-===//
#ifndef LATHE_PASSES_GRAPH_NARROWER_H
#define LATHE_PASSES_GRAPH_NARROWER_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

namespace lathe {

/// Rounds values of a function to another element type, each once, right behind
/// what computes it.
class Narrower {
public:
  /// Whether \p op only shows its first operand in another way, so that this is
  /// rounded instead: behind the op its kernel would be another one.
  using IsView = bool (*)(mlir::Operation *op);

  Narrower(mlir::Type element, IsView isView)
      : element(element), isView(isView) {}

  /// \p value, a tensor of f32, rounded to the element.
  mlir::Value narrow(mlir::Value value);

private:
  mlir::Value round(mlir::Value value, mlir::OpBuilder &builder);

  mlir::Type element;
  IsView isView;
  llvm::DenseMap<mlir::Value, mlir::Value> narrowed;
};

/// Whether \p op changes only the shape; null is none.
bool isReshape(mlir::Operation *op);

} // namespace lathe

#endif // LATHE_PASSES_GRAPH_NARROWER_H
