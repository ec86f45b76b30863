//===- NarrowAttention.cpp - Attention of bf16 ----------------------------===//
//
// The pairs of bf16 that a level multiplies do for attention what they do for
// linear layers. It must run after projections are merged: the merged layer
// then stores its whole result rounded, and the heads are views of that.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/Lathe.h"
#include "passes/graph/Narrower.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_NARROWATTENTION
#include "passes/Passes.h.inc"

namespace {

/// Shapes, and pieces of a merged layer.
bool isPiece(Operation *op) {
  return isReshape(op) || isa<tensor::ExtractSliceOp>(op);
}

/// Gives the readers of \p value, f32, the same as \p narrowed, bf16: as it is
/// where they round it themselves, else widened, behind its reshapes.
void replaceUses(Value value, Value narrowed) {
  Value wide;
  for (OpOperand &use : llvm::make_early_inc_range(value.getUses())) {
    Operation *user = use.getOwner();
    OpBuilder builder(user);
    if (isa<arith::TruncFOp>(user) &&
        user->getResult(0).getType() == narrowed.getType()) {
      user->replaceAllUsesWith(ValueRange{narrowed});
      user->erase();
    } else if (isReshape(user)) {
      Operation *view = builder.clone(*user);
      view->setOperand(0, narrowed);
      auto type = cast<RankedTensorType>(user->getResult(0).getType());
      view->getResult(0).setType(
          type.clone(getElementTypeOrSelf(narrowed.getType())));
      replaceUses(user->getResult(0), view->getResult(0));
      user->erase();
    } else {
      builder.setInsertionPointAfterValue(narrowed);
      if (!wide)
        wide = arith::ExtFOp::create(builder, value.getLoc(), value.getType(),
                                     narrowed);
      use.set(wide);
    }
  }
}

void narrow(AttentionOp attention, Narrower &narrower) {
  OpBuilder builder(attention);
  auto narrowed = cast<AttentionOp>(builder.clone(*attention));
  narrowed.getQueryMutable().assign(narrower.narrow(attention.getQuery()));
  narrowed.getKeyMutable().assign(narrower.narrow(attention.getKey()));
  narrowed.getValueMutable().assign(narrower.narrow(attention.getValue()));
  narrowed.getResult().setType(narrowed.getQuery().getType());
  replaceUses(attention.getResult(), narrowed.getResult());
  attention.erase();
}

struct NarrowAttention : impl::NarrowAttentionBase<NarrowAttention> {
  void runOnOperation() override {
    Narrower narrower(BFloat16Type::get(&getContext()), isPiece);
    SmallVector<AttentionOp> attentions;
    getOperation().walk([&](AttentionOp attention) {
      if (!attention.getCausal() &&
          attention.getType().getElementType().isF32())
        attentions.push_back(attention);
    });
    for (AttentionOp attention : attentions)
      narrow(attention, narrower);

    // Pieces that nothing reads any more would keep the wide layer alive. Only
    // now: the narrower knows values by their addresses.
    SmallVector<Operation *> pieces;
    getOperation().walk([&](Operation *op) {
      if (isPiece(op))
        pieces.push_back(op);
    });
    for (Operation *piece : llvm::reverse(pieces))
      if (piece->use_empty())
        piece->erase();
  }
};

} // namespace
} // namespace lathe
