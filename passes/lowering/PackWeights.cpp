//===- PackWeights.cpp - Store weights as their kernels read them ---------===//

#include "passes/Passes.h"

#include "dialects/lathe/PackedQuant.h"
#include "passes/analysis/QuantChains.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "passes/Passes.h.inc"

namespace {

/// Terms that stand beside each other: a word holds one f32 or two 16-bit
/// numbers. 0 where there is no packed layout.
int64_t packedDepth(Type element) {
  if (element.isF32())
    return 1;
  return element.isBF16() || element.isF16() ? 2 : 0;
}

/// Terms of a word of a quantised weight.
constexpr int64_t kQuantDepth = 8;

struct PackWeights : impl::PackWeightsBase<PackWeights> {
  using PackWeightsBase::PackWeightsBase;

  void runOnOperation() override {
    if (columns < 1) {
      getOperation().emitError("expects at least 1 column in a panel, got ")
          << int64_t(columns);
      return signalPassFailure();
    }
    SymbolTable symbols(getOperation());
    SmallVector<LinearOp> linears;
    SmallVector<GatherOp> gathers;
    getOperation().walk([&](LinearOp linear) { linears.push_back(linear); });
    getOperation().walk([&](GatherOp gather) { gathers.push_back(gather); });
    for (LinearOp linear : linears) {
      auto get = linear.getWeight().getDefiningOp<GetOp>();
      RankedTensorType type = linear.getWeight().getType();
      if (get && !type.getEncoding() && packedDepth(type.getElementType()) != 0)
        replaceGet(linear.getWeightMutable(), packedOf(get, type, symbols));
    }
    // A table that a linear layer reads too is stored once, and a quantised one
    // stays so.
    for (GatherOp gather : gathers) {
      auto get = gather.getTable().getDefiningOp<GetOp>();
      DerivedOp packed =
          get ? packedWeights.lookup(get.getSymbolAttr().getAttr()) : nullptr;
      if (get && !packed && packableQuant(symbols, get))
        packed = packedOf(get, gather.getTable().getType(), symbols);
      if (packed)
        replaceGet(gather.getTableMutable(), packed);
    }
  }

  /// Lets \p operand, a lathe.get, read \p packed instead.
  static void replaceGet(OpOperand &operand, DerivedOp packed) {
    auto get = operand.get().getDefiningOp<GetOp>();
    OpBuilder builder(operand.getOwner());
    operand.assign(GetOp::create(builder, get.getLoc(),
                                 cast<RankedTensorType>(packed.getType()),
                                 packed.getSymName()));
    if (get->use_empty())
      get.erase();
  }

  /// How what \p get reads is quantised, if it has a packed layout like that.
  static QuantAttr packableQuant(const SymbolTable &symbols, GetOp get) {
    auto type = cast<RankedTensorType>(get.getType());
    QuantAttr quant = quantOf(symbols, get.getSymbol());
    return quant && hasPackedLayout(quant, type.getDimSize(1)) ? quant
                                                               : QuantAttr();
  }

  /// The packed form of what \p get reads, made at its first use.
  DerivedOp packedOf(GetOp get, RankedTensorType type, SymbolTable &symbols) {
    DerivedOp &packed = packedWeights[get.getSymbolAttr().getAttr()];
    if (packed)
      return packed;
    Operation *weight = symbols.lookup(get.getSymbol());
    OpBuilder builder(weight);
    builder.setInsertionPointAfter(weight);
    Location loc = weight->getLoc();
    QuantAttr quant = packableQuant(symbols, get);
    auto layout = PackedAttr::get(
        &getContext(), columns,
        quant ? kQuantDepth : packedDepth(type.getElementType()), quant);
    auto packedType =
        RankedTensorType::get(type.getShape(), type.getElementType(), layout);
    packed = DerivedOp::create(builder, loc,
                               (get.getSymbol() + ".packed").str(), packedType);
    builder.createBlock(&packed.getBody());
    Value stored = quant ? buildQuantised(builder, symbols, get.getSymbol())
                         : GetOp::create(builder, loc, type, get.getSymbol());
    Value value = PackOp::create(builder, loc, packedType, stored);
    YieldOp::create(builder, loc, value);
    // Renamed if there is one of that name already.
    symbols.insert(packed);
    return packed;
  }

  DenseMap<StringAttr, DerivedOp> packedWeights;
};

} // namespace
} // namespace lathe
