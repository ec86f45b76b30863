//===- QuantChains.cpp - Parameters that are quantised weights ------------===//
//
// The frontend casts what a file stores quantised to plain f32, and transforms
// that. Transforms that only move whole rows give the same on blocks, so the
// cast can be left out.
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
                         unsigned depth) {
  Operation *symbol = table.lookup(name);
  if (auto parameter = dyn_cast_or_null<ParameterOp>(symbol))
    return encodingOf(parameter.getType());
  auto derived = dyn_cast_or_null<DerivedOp>(symbol);
  if (!derived || depth > kMaxDepth)
    return {};
  QuantAttr found;
  for (Operation &op : derived.getBody().front()) {
    QuantAttr quant = found;
    if (auto get = dyn_cast<GetOp>(op))
      quant = quantAt(table, get.getSymbol(), depth + 1);
    else if (!isa<YieldOp>(op) && !isPlainCast(&op) && !movesRows(&op))
      return {};
    if (!quant || (found && found != quant))
      return {};
    found = quant;
  }
  return found;
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
  QuantAttr quant = quantOf(table, name);
  IRMapping mapping;
  Block &body = cast<DerivedOp>(symbol).getBody().front();
  for (Operation &op : body.without_terminator()) {
    Value result = op.getResult(0);
    if (auto get = dyn_cast<GetOp>(op)) {
      mapping.map(result, buildQuantised(builder, table, get.getSymbol()));
      continue;
    }
    if (isPlainCast(&op)) {
      mapping.map(result, mapping.lookup(op.getOperand(0)));
      continue;
    }
    Operation *clone = builder.clone(op, mapping);
    auto type = cast<RankedTensorType>(result.getType());
    clone->getResult(0).setType(
        RankedTensorType::get(type.getShape(), type.getElementType(), quant));
  }
  return mapping.lookup(body.getTerminator()->getOperand(0));
}

} // namespace lathe
