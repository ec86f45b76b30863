//===- QuantizeActivations.cpp - Round what few bits multiply -------------===//
//
// A dot product of bytes does four times the work of an fma, but takes both
// factors as integers. Sums, residuals, norms and attention stay in f32: only
// the input of a linear layer is rounded, once, by a row kernel. Its groups
// follow the weight's: 32 elements, or the whole row where the weight has one
// scale a row. It must run after weights have their types and before ops are
// grouped into kernels.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/PackedQuant.h"
#include "dialects/lathe/QuantRows.h"
#include "passes/analysis/QuantChains.h"
#include "passes/analysis/ValueNames.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_QUANTIZEACTIVATIONS
#include "passes/Passes.h.inc"

namespace {

/// How the weight of \p linear is quantised; null where it is not, or in a way
/// that kernels have no integers of.
QuantAttr weightQuant(LinearOp linear, const SymbolTable &symbols) {
  RankedTensorType type = linear.getWeight().getType();
  QuantAttr quant;
  if (auto packed = dyn_cast_or_null<PackedAttr>(type.getEncoding()))
    quant = packed.getQuant();
  else if (auto get = linear.getWeight().getDefiningOp<GetOp>())
    quant = quantOf(symbols, get.getSymbol());
  return quant && hasPackedLayout(quant, type.getDimSize(1)) ? quant
                                                             : QuantAttr();
}

class Quantizer {
public:
  explicit Quantizer(bool isStored) : isStored(isStored) {}

  /// \p value, rows of f32, quantised by groups of \p group; made once, right
  /// behind what computes it.
  Value quantize(Value value, int64_t group);

private:
  bool isStored;
  llvm::DenseMap<std::pair<Value, int64_t>, Value> quantized;
};

Value Quantizer::quantize(Value value, int64_t group) {
  Value &known = quantized[{value, group}];
  if (known)
    return known;
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(value);
  Location loc = value.getLoc();
  if (auto result = dyn_cast<OpResult>(value)) {
    std::string name = nameOfValue(result);
    if (!name.empty())
      loc = NameLoc::get(builder.getStringAttr(name + ".quantized"), loc);
  }
  auto quant = QuantAttr::get(
      builder.getContext(), builder.getIntegerType(8, /*isSigned=*/true), group,
      builder.getF32Type(), Type(), /*zero=*/0, /*block=*/0);
  auto type = cast<RankedTensorType>(value.getType());
  return known = QuantizeOp::create(builder, loc,
                                    isStored ? withRowQuant(type, quant) : type,
                                    value, quant);
}

struct QuantizeActivations
    : impl::QuantizeActivationsBase<QuantizeActivations> {
  using Base::Base;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    bool isAny = false;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      Quantizer quantizer(stored);
      function.walk([&](LinearOp linear) {
        RankedTensorType input = linear.getInput().getType();
        QuantAttr quant = weightQuant(linear, symbols);
        if (!quant || !input.getElementType().isF32() || rowQuantOf(input))
          return;
        int64_t depth = input.getDimSize(1);
        bool isWholeRow = quant.getScale().isF32();
        linear.getInputMutable().assign(
            quantizer.quantize(linear.getInput(), isWholeRow ? depth : 32));
        isAny = true;
      });
    }
    if (!isAny) {
      getOperation().emitError("--activations q8 expects linear layers with "
                               "quantised weights, whose "
                               "inputs are quantised too (give --weights q8 or "
                               "q4, or a quantised GGUF file)");
      signalPassFailure();
    }
  }
};

} // namespace
} // namespace lathe
