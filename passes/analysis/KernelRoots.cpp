//===- KernelRoots.cpp - What a kernel is built around --------------------===//

#include "passes/analysis/KernelRoots.h"

using namespace mlir;

namespace lathe {

LinearOp linearOf(func::FuncOp kernel) {
  auto layers = llvm::to_vector(kernel.getOps<LinearOp>());
  return layers.size() == 1 ? layers.front() : LinearOp();
}

bool isAttention(Operation *op) {
  return isa<AttentionOp, CachedAttentionOp>(op);
}

Operation *attentionOf(func::FuncOp kernel) {
  if (kernel.isExternal())
    return nullptr;
  for (Operation &op : kernel.getOps())
    if (isAttention(&op))
      return &op;
  return nullptr;
}

} // namespace lathe
