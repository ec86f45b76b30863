//===- KernelRoots.h - What a kernel is built around -----------*- C++ -*-===//
#ifndef LATHE_PASSES_ANALYSIS_KERNELROOTS_H
#define LATHE_PASSES_ANALYSIS_KERNELROOTS_H

#include "dialects/lathe/Lathe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe {

/// The one linear layer of \p kernel; null if it has none, or several.
LinearOp linearOf(mlir::func::FuncOp kernel);

bool isAttention(mlir::Operation *op);

/// The attention of \p kernel, over its own tokens or a cache; null if it has
/// none.
mlir::Operation *attentionOf(mlir::func::FuncOp kernel);

} // namespace lathe

#endif // LATHE_PASSES_ANALYSIS_KERNELROOTS_H
