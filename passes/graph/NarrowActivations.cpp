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
#include "passes/analysis/ValueNames.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_NARROWACTIVATIONS
#include "passes/Passes.h.inc"

namespace {

class Narrower {
public:
  explicit Narrower(Type element) : element(element) {}

  /// \p value, a tensor of f32, rounded to the element; made once, right behind
  /// what computes it.
  Value narrow(Value value);

private:
  Value round(Value value, OpBuilder &builder);

  Type element;
  llvm::DenseMap<Value, Value> narrowed;
};

/// Only the shape differs: the numbers may be rounded on either side.
bool isReshape(Operation *op) {
  return isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op);
}

Value Narrower::round(Value value, OpBuilder &builder) {
  auto type = cast<RankedTensorType>(value.getType()).clone(element);
  Location loc = value.getLoc();
  if (auto result = dyn_cast<OpResult>(value)) {
    std::string name = nameOfValue(result);
    if (!name.empty())
      loc = NameLoc::get(builder.getStringAttr(name + ".narrow"), loc);
  }
  return arith::TruncFOp::create(builder, loc, type, value);
}

Value Narrower::narrow(Value value) {
  Value &known = narrowed[value];
  if (known)
    return known;
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(value);
  Operation *op = value.getDefiningOp();
  if (!isReshape(op))
    return known = round(value, builder);
  // Behind the reshape its kernel would be another one.
  Value source = narrow(op->getOperand(0));
  Operation *view = builder.clone(*op);
  view->setOperand(0, source);
  auto type = cast<RankedTensorType>(value.getType()).clone(element);
  view->getResult(0).setType(type);
  return narrowed[value] = view->getResult(0);
}

struct NarrowActivations : impl::NarrowActivationsBase<NarrowActivations> {
  void runOnOperation() override {
    Type bf16 = BFloat16Type::get(&getContext());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      Narrower narrower(bf16);
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
