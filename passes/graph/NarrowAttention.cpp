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

/// Erases what computes \p value from pieces of another, if nothing reads it.
void erasePieces(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isPiece(op) || !op->use_empty())
      break;
    value = op->getOperand(0);
    op->erase();
  }
}

void narrow(AttentionOp attention, Narrower &narrower) {
  Value wide[] = {attention.getQuery(), attention.getKey(),
                  attention.getValue()};
  OpBuilder builder(attention);
  auto narrowed = cast<AttentionOp>(builder.clone(*attention));
  narrowed.getQueryMutable().assign(narrower.narrow(wide[0]));
  narrowed.getKeyMutable().assign(narrower.narrow(wide[1]));
  narrowed.getValueMutable().assign(narrower.narrow(wide[2]));
  narrowed.getResult().setType(narrowed.getQuery().getType());
  replaceUses(attention.getResult(), narrowed.getResult());
  attention.erase();
  for (Value value : llvm::SmallPtrSet<Value, 3>(wide, wide + 3))
    erasePieces(value);
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
  }
};

} // namespace
} // namespace lathe
