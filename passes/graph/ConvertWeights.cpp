//===- ConvertWeights.cpp - Store matrices in another float type ----------===//
//
// Halves what decoding reads. Contractions and gathers widen a narrow weight in
// registers, so nothing but the parameter's type changes. It must run before
// weights are merged and packed, which keep the element type they find.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/Lathe.h"
#include "passes/graph/DerivedParameters.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_CONVERTWEIGHTS
#include "passes/Passes.h.inc"

namespace {

/// The float type called \p name; null for another name.
Type parseElement(MLIRContext *context, StringRef name) {
  if (name == "f32")
    return Float32Type::get(context);
  if (name == "bf16")
    return BFloat16Type::get(context);
  if (name == "f16")
    return Float16Type::get(context);
  return {};
}

/// Replaces \p operand, a matrix, by one of \p element if it is a plain
/// parameter of another type.
void convert(OpOperand &operand, Type element, DerivedParameters &parameters) {
  auto get = operand.get().getDefiningOp<GetOp>();
  if (!get)
    return;
  auto from = cast<RankedTensorType>(get.getType());
  if (from.getElementType() == element || from.getEncoding())
    return;
  std::string suffix;
  llvm::raw_string_ostream(suffix) << element;
  RankedTensorType type = from.clone(element);
  parameters.replace(operand, suffix, type,
                     [&](OpBuilder &builder, Location loc, Value value) {
                       return CastOp::create(builder, loc, type, value);
                     });
}

struct ConvertWeights : impl::ConvertWeightsBase<ConvertWeights> {
  using Base::Base;

  void runOnOperation() override {
    Type wanted = parseElement(&getContext(), element);
    if (!wanted) {
      getOperation().emitError(
          "expects the element type f32, bf16 or f16, got '")
          << element << "'";
      return signalPassFailure();
    }
    DerivedParameters parameters(getOperation());
    SmallVector<OpOperand *> matrices;
    for (auto function : getOperation().getOps<func::FuncOp>())
      function.walk([&](Operation *op) {
        if (auto linear = dyn_cast<LinearOp>(op); linear && converts(linear))
          matrices.push_back(&linear.getWeightMutable());
        else if (auto gather = dyn_cast<GatherOp>(op); gather && tables)
          matrices.push_back(&gather.getTableMutable());
      });
    for (OpOperand *matrix : matrices)
      convert(*matrix, wanted, parameters);
  }

  bool converts(LinearOp linear) const {
    return pooled || symbolOfDim(linear.getInput().getType(), 0) != "sequences";
  }
};

} // namespace
} // namespace lathe
