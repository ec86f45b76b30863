//===- NarrowActivations.cpp - Round what narrow weights multiply ---------===//
//
// A dot product of bf16 pairs does twice the work of an fma and reads half the
// bytes, but takes both factors in bf16. Sums, residuals, norms and attention
// stay in f32: only the input of a linear layer is rounded, once, by the kernel
// that computes it. It must run after weights have their types and before ops
// are grouped into kernels.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/Lathe.h"
#include "passes/graph/Narrower.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_NARROWACTIVATIONS
#include "passes/Passes.h.inc"

namespace {

struct NarrowActivations : impl::NarrowActivationsBase<NarrowActivations> {
  void runOnOperation() override {
    Type bf16 = BFloat16Type::get(&getContext());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      Narrower narrower(bf16, isReshape);
      function.walk([&](LinearOp linear) {
        bool isF32 = linear.getInput().getType().getElementType().isF32();
        if (isF32 && linear.getWeight().getType().getElementType() == bf16)
          linear.getInputMutable().assign(narrower.narrow(linear.getInput()));
      });
    }
  }
};

} // namespace
} // namespace lathe
