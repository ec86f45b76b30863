//===- DerivedParameters.cpp - Parameters that passes make ----------------===//

#include "passes/graph/DerivedParameters.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace lathe {

void DerivedParameters::replace(OpOperand &operand, StringRef suffix,
                                RankedTensorType type, Transform transform) {
  auto get = operand.get().getDefiningOp<GetOp>();
  FlatSymbolRefAttr symbol = get.getSymbolAttr();
  OpBuilder builder(get);
  FlatSymbolRefAttr &result = made[{symbol, builder.getStringAttr(suffix)}];
  if (!result) {
    Operation *source = table.lookup(symbol.getAttr());
    OpBuilder body(source->getContext());
    body.setInsertionPointAfter(source);
    auto derived = DerivedOp::create(
        body, source->getLoc(), (symbol.getValue() + "." + suffix).str(), type);
    table.insert(derived);
    body.createBlock(&derived.getBody());
    Value value = GetOp::create(body, source->getLoc(), get.getType(), symbol);
    value = transform(body, source->getLoc(), value);
    YieldOp::create(body, source->getLoc(), value);
    result = FlatSymbolRefAttr::get(derived.getSymNameAttr());
  }
  operand.set(GetOp::create(builder, get.getLoc(), type, result));
  if (get->use_empty())
    get.erase();
}

} // namespace lathe
