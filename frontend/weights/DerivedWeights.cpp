//===- DerivedWeights.cpp - Parameters that are computed ------------------===//

#include "frontend/weights/DerivedWeights.h"

#include "dialects/lathe/Lathe.h"
#include "frontend/models/Rope.h"

using namespace mlir;
using namespace lathe;
using runtime::Result;

Weight lathe::declareDerived(OpBuilder &builder, const std::string &name,
                             RankedTensorType type,
                             llvm::function_ref<Value(OpBuilder &)> build) {
  Location loc = builder.getUnknownLoc();
  auto op = DerivedOp::create(builder, loc, name, type);
  OpBuilder body = OpBuilder::atBlockEnd(&op.getBody().emplaceBlock());
  Value value = build(body);
  YieldOp::create(body, loc, ValueRange(value));
  return {FlatSymbolRefAttr::get(builder.getContext(), name), type};
}

Result<Weight> lathe::declareRopeTable(OpBuilder &builder,
                                       const TransformerConfig &config,
                                       int64_t context) {
  Result<RopeFrequencies> rope = ropeFrequencies(config, context);
  if (!rope.isOk())
    return rope.takeStatus();
  auto type = RankedTensorType::get(
      {context, int64_t(2 * rope->frequencies.size())}, builder.getF32Type());
  return declareDerived(builder, "rope", type, [&](OpBuilder &body) -> Value {
    return RopeTableOp::create(body, body.getUnknownLoc(), type,
                               body.getF64ArrayAttr(rope->frequencies),
                               body.getF64FloatAttr(rope->scale));
  });
}
