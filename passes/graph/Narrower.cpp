//===- Narrower.cpp - Values rounded once ---------------------------------===//

#include "passes/graph/Narrower.h"

#include "passes/analysis/ValueNames.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace lathe {

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
  Value rounded = arith::TruncFOp::create(builder, loc, type, value);
  // Else a size alone would keep the f32 alive.
  value.replaceUsesWithIf(rounded, [](OpOperand &use) {
    return isa<tensor::DimOp>(use.getOwner());
  });
  return rounded;
}

Value Narrower::narrow(Value value) {
  Value &known = narrowed[value];
  if (known)
    return known;
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(value);
  Operation *op = value.getDefiningOp();
  if (!op || !isView(op))
    return known = round(value, builder);
  Value source = narrow(op->getOperand(0));
  Operation *view = builder.clone(*op);
  view->setOperand(0, source);
  auto type = cast<RankedTensorType>(value.getType()).clone(element);
  view->getResult(0).setType(type);
  return narrowed[value] = view->getResult(0);
}

} // namespace lathe
