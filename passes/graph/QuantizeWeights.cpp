//===- QuantizeWeights.cpp - Store matrices in few bits -------------------===//
//
// What decoding reads shrinks to a quarter or an eighth. The numbers are
// rounded at compile time; kernels decode them in registers, or multiply them
// as integers where the input is quantised too (QuantizeActivations). It must
// run before weights are merged and packed, which keep rows whole.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/PackedQuant.h"
#include "passes/graph/DerivedParameters.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_QUANTIZEWEIGHTS
#include "passes/Passes.h.inc"

namespace {

/// Signed bytes and a scale for each row of \p depth elements.
QuantAttr byteRows(MLIRContext *context, int64_t depth) {
  return QuantAttr::get(context,
                        IntegerType::get(context, 8, IntegerType::Signed),
                        depth, Float32Type::get(context), Type(), 0, 0);
}

/// Four bits and a scale for each 32 elements: the numbers of Q4_0.
QuantAttr nibbleGroups(MLIRContext *context) {
  return QuantAttr::get(context,
                        IntegerType::get(context, 4, IntegerType::Unsigned), 32,
                        Float16Type::get(context), Type(), 8, 0);
}

class Quantizer {
public:
  Quantizer(ModuleOp module, int64_t bits) : parameters(module), bits(bits) {}

  void quantizeLayer(OpOperand &weight);
  void quantizeTable(OpOperand &table);

  /// Layers whose rows are no whole groups.
  int64_t unevenLayers = 0;

private:
  DerivedParameters parameters;
  int64_t bits;
  /// Of the matrices that linear layers read: their quants.
  DenseMap<Attribute, QuantAttr> ofLayers;
};

/// The matrix of f32, f16 or bf16 that \p operand reads, a plain parameter;
/// null for anything else.
RankedTensorType matrixOf(OpOperand &operand) {
  auto get = operand.get().getDefiningOp<GetOp>();
  auto type = get ? cast<RankedTensorType>(get.getType()) : RankedTensorType();
  return type && type.getRank() == 2 && !type.getEncoding()
             ? type
             : RankedTensorType();
}

/// Lets \p operand read numbers of \p quant, in f32: packing finds the integers
/// behind the cast.
void quantizeTo(OpOperand &operand, QuantAttr quant,
                DerivedParameters &parameters) {
  RankedTensorType from = matrixOf(operand);
  RankedTensorType type = from.clone(Float32Type::get(from.getContext()));
  std::string suffix = "q" + std::to_string(quant.bits());
  parameters.replace(operand, suffix, type,
                     [&](OpBuilder &builder, Location loc, Value value) {
                       Value stored = QuantizeOp::create(
                           builder, loc, withRowQuant(type, quant), value,
                           quant);
                       return CastOp::create(builder, loc, type, stored);
                     });
}

void Quantizer::quantizeLayer(OpOperand &weight) {
  RankedTensorType type = matrixOf(weight);
  if (!type)
    return;
  int64_t depth = type.getDimSize(1);
  bool isEven = depth % 32 == 0;
  QuantAttr quant = bits == 4 && isEven ? nibbleGroups(type.getContext())
                                        : byteRows(type.getContext(), depth);
  if (!hasPackedLayout(quant, depth))
    return;
  auto get = weight.get().getDefiningOp<GetOp>();
  bool isNew = ofLayers.try_emplace(get.getSymbolAttr(), quant).second;
  unevenLayers += isNew && bits == 4 && !isEven;
  quantizeTo(weight, quant, parameters);
}

/// A table that a linear layer reads too is stored once, as that has it. Others
/// have bytes, row by row: what is looked up is read a row at a time, and is
/// worth more than half its bits.
void Quantizer::quantizeTable(OpOperand &table) {
  RankedTensorType type = matrixOf(table);
  if (!type)
    return;
  auto get = table.get().getDefiningOp<GetOp>();
  if (QuantAttr quant = ofLayers.lookup(get.getSymbolAttr()))
    return quantizeTo(table, quant, parameters);
  QuantAttr quant = byteRows(type.getContext(), type.getDimSize(1));
  if (!hasPackedLayout(quant, type.getDimSize(1)))
    return;
  RankedTensorType plain = type.clone(Float32Type::get(type.getContext()));
  RankedTensorType stored = withRowQuant(plain, quant);
  parameters.replace(table, "q8.rows", stored,
                     [&](OpBuilder &builder, Location loc, Value value) {
                       return QuantizeOp::create(builder, loc, stored, value,
                                                 quant);
                     });
}

struct QuantizeWeights : impl::QuantizeWeightsBase<QuantizeWeights> {
  using Base::Base;

  void runOnOperation() override {
    if (bits != 8 && bits != 4) {
      getOperation().emitError("expects 8 or 4 bits, got ") << int64_t(bits);
      return signalPassFailure();
    }
    Quantizer quantizer(getOperation(), bits);
    SmallVector<OpOperand *> weights, tables;
    for (auto function : getOperation().getOps<func::FuncOp>())
      function.walk([&](Operation *op) {
        if (auto linear = dyn_cast<LinearOp>(op))
          weights.push_back(&linear.getWeightMutable());
        else if (auto gather = dyn_cast<GatherOp>(op))
          tables.push_back(&gather.getTableMutable());
      });
    for (OpOperand *weight : weights)
      quantizer.quantizeLayer(*weight);
    for (OpOperand *table : tables)
      quantizer.quantizeTable(*table);
    if (quantizer.unevenLayers > 0)
      getOperation().emitWarning()
          << quantizer.unevenLayers
          << " linear layers have rows that are no whole groups of 32 and are "
             "stored in 8 bits instead of 4";
  }
};

} // namespace
} // namespace lathe
