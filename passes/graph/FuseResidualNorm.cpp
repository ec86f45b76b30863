//===- FuseResidualNorm.cpp - Fuse a residual sum into its norm -----------===//
//
// A decoder block is memory-bound at batch one, so the gain of this pass is one
// read of the residual stream for each norm. It must run while sums and norms
// are still whole ops, that is before lathe-form-kernels.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/Lathe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FUSERESIDUALNORM
#include "passes/Passes.h.inc"

namespace {

/// Whether the contraction that computes \p value can add to it as it writes.
bool isWrittenByLinear(Value value) {
  return value.hasOneUse() && value.getDefiningOp<LinearOp>();
}

/// Returns the sum that \p norm may take in, or null, and says why not.
template <typename NormOp>
arith::AddFOp findSum(NormOp norm, PatternRewriter &rewriter) {
  auto refuse = [&](const char *why) {
    (void)rewriter.notifyMatchFailure(norm, why);
    return arith::AddFOp();
  };
  auto add = norm.getInput().template getDefiningOp<arith::AddFOp>();
  if (!add)
    return refuse("input is not a sum");
  if (isWrittenByLinear(add.getLhs()) || isWrittenByLinear(add.getRhs()))
    return refuse("a contraction can write the sum");

  // The fused op stands where the norm stood. That must not move the sum
  // into a loop, nor below anything that needs it.
  Block *block = norm->getBlock();
  if (add->getBlock() != block)
    return refuse("sum is in another block");
  for (Operation *user : add->getUsers()) {
    Operation *userInBlock = block->findAncestorOpInBlock(*user);
    if (!userInBlock || userInBlock->isBeforeInBlock(norm))
      return refuse("sum is used before the norm");
  }
  return add;
}

/// rms_norm(addf(lhs, rhs), weight) -> add_rms_norm(lhs, rhs, weight).
struct FuseAddIntoRmsNorm : OpRewritePattern<RmsNormOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(RmsNormOp norm,
                                PatternRewriter &rewriter) const override {
    arith::AddFOp add = findSum(norm, rewriter);
    if (!add)
      return failure();
    Type type = norm.getType();
    auto fused = AddRmsNormOp::create(
        rewriter, rewriter.getFusedLoc({add.getLoc(), norm.getLoc()}), type,
        type, add.getLhs(), add.getRhs(), norm.getWeight(),
        norm.getEpsilonAttr(), norm.getOffsetAttr());
    rewriter.replaceOp(norm, fused.getResult());
    rewriter.replaceOp(add, fused.getSum());
    return success();
  }
};

/// layer_norm(addf(lhs, rhs), weight, bias)
///   -> add_layer_norm(lhs, rhs, weight, bias).
struct FuseAddIntoLayerNorm : OpRewritePattern<LayerNormOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LayerNormOp norm,
                                PatternRewriter &rewriter) const override {
    arith::AddFOp add = findSum(norm, rewriter);
    if (!add)
      return failure();
    Type type = norm.getType();
    auto fused = AddLayerNormOp::create(
        rewriter, rewriter.getFusedLoc({add.getLoc(), norm.getLoc()}), type,
        type, add.getLhs(), add.getRhs(), norm.getWeight(), norm.getBias(),
        norm.getEpsilonAttr());
    rewriter.replaceOp(norm, fused.getResult());
    rewriter.replaceOp(add, fused.getSum());
    return success();
  }
};

struct FuseResidualNorm : impl::FuseResidualNormBase<FuseResidualNorm> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseAddIntoRmsNorm, FuseAddIntoLayerNorm>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace lathe
