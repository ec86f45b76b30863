//===- SplitArgmax.cpp - Find maxima where rows are computed --------------===//
//
// The last step of greedy decoding reads the whole row of logits of each
// sequence again, by one worker a row, for one number of it. The layer that
// computes the row has each panel of it at hand, in all workers: after this
// pass it keeps the largest of each, and rows are never stored. It must run
// while linear layers are whole ops, that is before lathe-form-kernels.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/Lathe.h"
#include "passes/analysis/ValueNames.h"
#include "passes/lowering/ElementwiseCode.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_SPLITARGMAX
#include "passes/Passes.h.inc"

namespace {

/// Whether a linear layer computes \p value, with what is elementwise behind
/// it, for its one reader.
bool isWrittenByLinear(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !value.hasOneUse() || !isa<RankedTensorType>(value.getType()))
    return false;
  return isa<LinearOp>(op) ||
         (isVectorElementwise(op) &&
          llvm::any_of(op->getOperands(), isWrittenByLinear));
}

/// The location of what is split from \p argmax: names that no graph has.
Location panelsLoc(ArgmaxOp argmax, OpBuilder &builder) {
  std::string name = nameOfValue(argmax->getResult(0));
  if (name.empty())
    return argmax.getLoc();
  auto named = [&](StringRef end) -> Location {
    return NameLoc::get(builder.getStringAttr(name + end), argmax.getLoc());
  };
  return builder.getFusedLoc({named(".maxima"), named(".places")});
}

/// argmax(x) -> argmax(values of places) of panel_argmax(x).
struct SplitArgmaxOfLinear : OpRewritePattern<ArgmaxOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ArgmaxOp argmax,
                                PatternRewriter &rewriter) const override {
    RankedTensorType type = argmax.getInput().getType();
    if (argmax.getPlaces())
      return rewriter.notifyMatchFailure(argmax, "is of parts already");
    if (!type.getElementType().isF32() || type.getDimSize(1) <= kPanelColumns)
      return rewriter.notifyMatchFailure(argmax, "a panel holds a row of f32");
    if (!isWrittenByLinear(argmax.getInput()))
      return rewriter.notifyMatchFailure(
          argmax, "no linear layer computes the rows for it alone");

    int64_t panels = llvm::divideCeil(type.getDimSize(1), kPanelColumns);
    RankedTensorType values = type.clone({type.getDimSize(0), panels});
    auto split = PanelArgmaxOp::create(
        rewriter, panelsLoc(argmax, rewriter), values,
        values.clone(rewriter.getI32Type()), argmax.getInput());
    rewriter.modifyOpInPlace(argmax, [&] {
      argmax.getInputMutable().assign(split.getValues());
      argmax.getPlacesMutable().assign(split.getPlaces());
    });
    return success();
  }
};

struct SplitArgmax : impl::SplitArgmaxBase<SplitArgmax> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SplitArgmaxOfLinear>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace lathe
