//===- RelaxActivations.cpp - Activations of few bits ---------------------===//
//
// gelu to the last bit of f32 takes as long as a layer of a small encoder does
// in bytes. It must run after activations are rounded to what layers multiply.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/Lathe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_RELAXACTIVATIONS
#include "passes/Passes.h.inc"

namespace {

/// Whether \p user reads 8 bits of what it is given.
bool readsRounded(Operation *user) {
  auto round = dyn_cast<arith::TruncFOp>(user);
  return isa<QuantizeOp>(user) ||
         (round && getElementTypeOrSelf(round.getType()).isBF16());
}

struct RelaxActivations : impl::RelaxActivationsBase<RelaxActivations> {
  void runOnOperation() override {
    getOperation().walk([&](ActivationOp activation) {
      if (activation.getKind() == ActivationKind::Gelu &&
          !activation.use_empty() &&
          llvm::all_of(activation->getUsers(), readsRounded))
        activation.setRounded(true);
    });
  }
};

} // namespace
} // namespace lathe
