//===- VerifyStage.cpp - Check which dialects a phase has left ------------===//

#include "passes/Passes.h"

#include "dialects/lathe/Lathe.h"
#include "dialects/rt/Rt.h"
#include "passes/lowering/KernelAbi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_VERIFYSTAGE
#include "passes/Passes.h.inc"

namespace {

using Rule = bool (*)(Operation *op);

bool isBlockLevel(Operation *op) {
  static constexpr StringRef kDialects[] = {"func", "lathe", "arith", "math",
                                            "tensor"};
  return llvm::is_contained(kDialects, op->getName().getDialectNamespace());
}

/// Entries hold launches, kernels what is launched.
bool isKernelLevel(Operation *op) {
  auto function = op->getParentOfType<func::FuncOp>();
  if (!function || function->hasAttr(kKernelAttr))
    return isBlockLevel(op);
  return isa<func::CallOp, func::ReturnOp, GetOp, GetStateOp, SetStateOp>(op);
}

bool isUpstream(Operation *op) {
  return !isa<LatheDialect, rt::RtDialect>(op->getDialect());
}

/// The nested module of the outermost one that holds \p op, if any.
ModuleOp nestedModule(Operation *op) {
  auto module = op->getParentOfType<ModuleOp>();
  return module && module->getParentOp() ? module : ModuleOp();
}

bool isRtLevel(Operation *op) {
  if (isa<rt::RtDialect>(op->getDialect()))
    return true;
  ModuleOp module = isa<ModuleOp>(op) ? cast<ModuleOp>(op) : nestedModule(op);
  return module && module.getSymName() == rt::kWeightsModule &&
         (op == module || isa<LatheDialect>(op->getDialect()));
}

bool isPlanLevel(Operation *op) {
  if (isRtLevel(op))
    return true;
  ModuleOp module = isa<ModuleOp>(op) ? cast<ModuleOp>(op) : nestedModule(op);
  return module && module.getSymName() == rt::kKernelsModule &&
         (op == module || isBlockLevel(op));
}

struct VerifyStage : impl::VerifyStageBase<VerifyStage> {
  using VerifyStageBase::VerifyStageBase;

  void runOnOperation() override {
    Rule rule = llvm::StringSwitch<Rule>(stage)
                    .Cases({"import", "graph"}, isBlockLevel)
                    .Case("kernels", isKernelLevel)
                    .Case("lowering", isUpstream)
                    .Case("plan", isPlanLevel)
                    .Case("rt", isRtLevel)
                    .Default(nullptr);
    if (!rule) {
      emitError(getOperation().getLoc(), "no stage is called '")
          << stage << "' (import, graph, kernels, lowering, plan, rt)";
      return signalPassFailure();
    }

    ModuleOp root = getOperation();
    WalkResult result = root.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (op == root || (op->getDialect() && rule(op)))
        return WalkResult::advance();
      op->emitError("expects no '")
          << op->getName() << "' at this place after stage " << stage;
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
} // namespace lathe
