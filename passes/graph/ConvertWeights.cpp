//===- ConvertWeights.cpp - Store matrices in another float type ----------===//
//
// Halves what decoding reads. Contractions and gathers widen a narrow weight in
// registers, so nothing but the parameter's type changes. It must run before
// weights are merged and packed, which keep the element type they find.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/Lathe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
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

class Converter {
public:
  Converter(ModuleOp module, Type element) : table(module), element(element) {}

  /// Replaces \p operand, a matrix, by one of the wanted type if it is a
  /// parameter of another.
  void convert(OpOperand &operand);

private:
  /// Returns the symbol of \p symbol rounded to \p type; made once.
  FlatSymbolRefAttr cast(FlatSymbolRefAttr symbol, RankedTensorType from,
                         RankedTensorType type);

  SymbolTable table;
  Type element;
  DenseMap<Attribute, FlatSymbolRefAttr> converted;
};

FlatSymbolRefAttr Converter::cast(FlatSymbolRefAttr symbol,
                                  RankedTensorType from,
                                  RankedTensorType type) {
  FlatSymbolRefAttr &result = converted[symbol];
  if (result)
    return result;
  Operation *source = table.lookup(symbol.getAttr());
  OpBuilder builder(source->getContext());
  builder.setInsertionPointAfter(source);
  std::string name;
  llvm::raw_string_ostream(name) << symbol.getValue() << "." << element;
  auto derived = DerivedOp::create(builder, source->getLoc(), name, type);
  table.insert(derived);
  builder.createBlock(&derived.getBody());
  Value value = GetOp::create(builder, source->getLoc(), from, symbol);
  value = CastOp::create(builder, source->getLoc(), type, value);
  YieldOp::create(builder, source->getLoc(), value);
  result = FlatSymbolRefAttr::get(derived.getSymNameAttr());
  return result;
}

void Converter::convert(OpOperand &operand) {
  auto get = operand.get().getDefiningOp<GetOp>();
  if (!get)
    return;
  auto from = llvm::cast<RankedTensorType>(get.getType());
  if (from.getElementType() == element || from.getEncoding())
    return;
  RankedTensorType type = from.clone(element);
  OpBuilder builder(get);
  operand.set(GetOp::create(builder, get.getLoc(), type,
                            cast(get.getSymbolAttr(), from, type)));
  if (get->use_empty())
    get.erase();
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
    Converter converter(getOperation(), wanted);
    SmallVector<OpOperand *> matrices;
    for (auto function : getOperation().getOps<func::FuncOp>())
      function.walk([&](Operation *op) {
        if (auto linear = dyn_cast<LinearOp>(op); linear && converts(linear))
          matrices.push_back(&linear.getWeightMutable());
        else if (auto gather = dyn_cast<GatherOp>(op); gather && tables)
          matrices.push_back(&gather.getTableMutable());
      });
    for (OpOperand *matrix : matrices)
      converter.convert(*matrix);
  }

  bool converts(LinearOp linear) const {
    return pooled || symbolOfDim(linear.getInput().getType(), 0) != "sequences";
  }
};

} // namespace
} // namespace lathe
