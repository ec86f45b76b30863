//===- QuantChains.cpp - Parameters that are quantised weights ------------===//
//
// The frontend casts what a file stores quantised to plain f32, and transforms
// that; so does a pass that quantises. Transforms that only move whole rows
// give the same on blocks, so the cast can be left out.
//
//===----------------------------------------------------------------------===//

#include "passes/analysis/QuantChains.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace lathe {

/// How deep parameters may build on each other; the evaluator's limit is 16.
constexpr unsigned kMaxDepth = 16;

/// Whether \p op, a weight transform, moves rows of its operands as they are.
static bool movesRows(Operation *op) {
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  int64_t last = result.getRank() - 1;
  if (auto concat = dyn_cast<ConcatOp>(op))
    return int64_t(concat.getDimension()) != last;
  if (auto slice = dyn_cast<SliceOp>(op))
    return int64_t(slice.getDimension()) != last;
  if (auto permute = dyn_cast<PermuteOp>(op))
    return permute.getOrder().back() == last;
  if (auto reshape = dyn_cast<ReshapeOp>(op)) {
    RankedTensorType input = reshape.getInput().getType();
    return input.getRank() > 0 && last >= 0 &&
           input.getShape().back() == result.getDimSize(last);
  }
  return false;
}

static QuantAttr encodingOf(Type type) {
  return dyn_cast_or_null<QuantAttr>(
      cast<RankedTensorType>(type).getEncoding());
}

/// Whether \p op makes plain f32 of a quantised tensor.
static bool isPlainCast(Operation *op) {
  auto cast = dyn_cast<CastOp>(op);
  return cast && encodingOf(cast.getInput().getType()) &&
         cast.getType().getElementType().isF32();
}

static QuantAttr quantAt(const SymbolTable &table, StringRef name,
                         unsigned depth);

/// How each value of \p body, that of a lathe.derived, is quantised; no entry
/// where it is not.
static DenseMap<Value, QuantAttr>
quantsIn(Block &body, const SymbolTable &table, unsigned depth) {
  DenseMap<Value, QuantAttr> quants;
  for (Operation &op : body.without_terminator()) {
    QuantAttr quant;
    if (auto get = dyn_cast<GetOp>(op)) {
      quant = quantAt(table, get.getSymbol(), depth + 1);
    } else if (auto quantize = dyn_cast<QuantizeOp>(op)) {
      quant = quantize.getQuant();
    } else if (isPlainCast(&op)) {
      quant = encodingOf(op.getOperand(0).getType());
    } else if (movesRows(&op)) {
      quant = quants.lookup(op.getOperand(0));
      for (Value operand : op.getOperands())
        if (quants.lookup(operand) != quant)
          quant = {};
    }
    if (quant)
      quants[op.getResult(0)] = quant;
  }
  return quants;
}

static QuantAttr quantAt(const SymbolTable &table, StringRef name,
                         unsigned depth) {
  Operation *symbol = table.lookup(name);
  if (auto parameter = dyn_cast_or_null<ParameterOp>(symbol))
    return encodingOf(parameter.getType());
  auto derived = dyn_cast_or_null<DerivedOp>(symbol);
  if (!derived || depth > kMaxDepth)
    return {};
  Block &body = derived.getBody().front();
  return quantsIn(body, table, depth)
      .lookup(body.getTerminator()->getOperand(0));
}

QuantAttr quantOf(const SymbolTable &table, StringRef name) {
  return quantAt(table, name, 0);
}

Value buildQuantised(OpBuilder &builder, const SymbolTable &table,
                     StringRef name) {
  Operation *symbol = table.lookup(name);
  if (auto parameter = dyn_cast<ParameterOp>(symbol))
    return GetOp::create(builder, parameter.getLoc(),
                         cast<RankedTensorType>(parameter.getType()), name);
  IRMapping mapping;
  Block &body = cast<DerivedOp>(symbol).getBody().front();
  DenseMap<Value, QuantAttr> quants = quantsIn(body, table, /*depth=*/0);
  for (Operation &op : body.without_terminator()) {
    Value result = op.getResult(0);
    QuantAttr quant = quants.lookup(result);
    auto get = dyn_cast<GetOp>(op);
    if (quant && get) {
      mapping.map(result, buildQuantised(builder, table, get.getSymbol()));
      continue;
    }
    if (quant && isPlainCast(&op)) {
      mapping.map(result, mapping.lookup(op.getOperand(0)));
      continue;
    }
    Operation *clone = builder.clone(op, mapping);
    if (quant)
      clone->getResult(0).setType(
          withRowQuant(cast<RankedTensorType>(result.getType()), quant));
  }
  return mapping.lookup(body.getTerminator()->getOperand(0));
}

} // namespace lathe
