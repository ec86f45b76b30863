//===- KernelGroups.h - Which ops of an entry form a kernel -----*- C++ -*-===//
#ifndef LATHE_PASSES_PLAN_KERNELGROUPS_H
#define LATHE_PASSES_PLAN_KERNELGROUPS_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Operation.h"

namespace lathe {

/// Ops of one kernel, in the order of the block. The kernel takes the place of
/// the last one.
using KernelGroup = llvm::SmallVector<mlir::Operation *, 4>;

/// Whether \p op only renames elements: such an op belongs to each kernel that
/// reads it.
bool isView(mlir::Operation *op);

/// Whether \p op only compares: what it gives has no place in memory, and each
/// kernel that reads it compares for itself.
bool isCondition(mlir::Operation *op);

/// Puts each computing op of \p block into one group, in the order of their
/// kernels; with \p fuse as docs/design.md, 8.2, says, without each op alone.
/// Moving every op of a group to its last one is legal. Fails, with an error,
/// on an op that no kernel can hold.
mlir::FailureOr<llvm::SmallVector<KernelGroup>> groupOps(mlir::Block &block,
                                                         bool fuse);

} // namespace lathe

#endif // LATHE_PASSES_PLAN_KERNELGROUPS_H
