//===- LoopRows.cpp - Elements that depend on a whole row -----------------===//
//
// What LoopElements computes of norms, pooling, argmax and linear layers: sums
// over a row, in the order of its columns.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/LoopElements.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;
using namespace lathe;

/// What a norm normalises: its input, or the sum of its first two operands.
Value LoopElements::normInput(Operation *op, Indices indices) {
  Value x = element(op->getOperand(0), indices);
  if (!isa<AddRmsNormOp, AddLayerNormOp>(op))
    return x;
  Value sum = add(x, element(op->getOperand(1), indices));
  return round(sum, getElementTypeOrSelf(op->getResult(0).getType()));
}

/// {mean, factor}: the norm of a row is (x - mean) * factor, then the weights.
SmallVector<Value> LoopElements::computeRow(Operation *op, Indices row) {
  if (auto attention = dyn_cast<AttentionOp>(op))
    return attend(attention, row);
  if (auto attention = dyn_cast<CachedAttentionOp>(op))
    return attend(attention, row);
  if (auto quantize = dyn_cast<QuantizeOp>(op))
    return quantizeGroup(quantize, row, integer(0));
  if (auto pool = dyn_cast<PoolOp>(op))
    return sequenceRange(pool.getSequences(),
                         frame.size(pool.getInput().getType(), 0), row[0]);

  RankedTensorType type = cast<RankedTensorType>(op->getOperand(0).getType());
  int64_t channels = type.getShape().back();
  Value size = number(channels);
  Value end = integer(channels);
  auto sumOf = [&](function_ref<Value(Value)> term) {
    return loop(integer(0), end, {number(0.0)},
                [&](Value c, ValueRange sum) -> Values {
                  Values indices(row);
                  indices.push_back(c);
                  return {add(sum[0], term(normInput(op, indices)))};
                })[0];
  };
  Value mean = number(0.0);
  if (isa<LayerNormOp, AddLayerNormOp>(op))
    mean = div(sumOf([](Value x) { return x; }), size);
  Value squares = sumOf([&](Value x) {
    Value centred = sub(x, mean);
    return mul(centred, centred);
  });
  Value epsilon = number(
      op->getAttrOfType<FloatAttr>("epsilon").getValue().convertToFloat());
  if (isa<L2NormalizeOp>(op)) {
    Value length = sqrt(squares);
    length = select(isBelow(length, epsilon), epsilon, length);
    return {mean, div(number(1.0), length)};
  }
  Value deviation = sqrt(add(div(squares, size), epsilon));
  return {mean, div(number(1.0), deviation)};
}

Value LoopElements::computeNorm(Operation *op, Indices indices) {
  Values shared = rowValues(op, indices.drop_back());
  Value normed = mul(sub(normInput(op, indices), shared[0]), shared[1]);
  Indices channel = indices.take_back();
  auto scaled = [&](Value weight, APFloat offset) {
    return mul(normed,
               add(element(weight, channel), number(offset.convertToFloat())));
  };
  auto affine = [&](auto norm) {
    return add(scaled(norm.getWeight(), APFloat(0.0f)),
               element(norm.getBias(), channel));
  };
  return TypeSwitch<Operation *, Value>(op)
      .Case<RmsNormOp, AddRmsNormOp>(
          [&](auto norm) { return scaled(norm.getWeight(), norm.getOffset()); })
      .Case<LayerNormOp, AddLayerNormOp>(affine)
      .Default([&](Operation *) { return normed; });
}

/// {first, last + 1} of the tokens t < \p tokens with sequences[t] =
/// \p sequence; {tokens, tokens} where there is none.
SmallVector<Value> LoopElements::sequenceRange(Value sequences, Value tokens,
                                               Value sequence) {
  Values range =
      loop(integer(0), tokens, {tokens, tokens},
           [&](Value t, ValueRange range) -> Values {
             Value isHere = isEqual(element(sequences, {t}), sequence);
             Value isFirst = arith::AndIOp::create(builder, loc, isHere,
                                                   isEqual(range[0], tokens));
             return {select(isFirst, t, range[0]),
                     select(isHere, add(t, integer(1)), range[1])};
           });
  return range;
}

Value LoopElements::computePool(PoolOp op, Indices indices) {
  Values range = rowValues(op, indices.drop_back());
  auto at = [&](Value t) {
    return element(op.getInput(), {t, indices.back()});
  };
  PoolKind kind = op.getKind();
  bool isMax = kind == PoolKind::Max;
  bool isOne = kind == PoolKind::First || kind == PoolKind::Last;
  // First and Last are the sum of one row: an empty range gives no row to read.
  Value zero = number(0.0);
  Value one = integer(1);
  Value isEmpty = isEqual(range[0], range[1]);
  Value from = range[0];
  Value to = range[1];
  if (kind == PoolKind::First)
    to = select(isEmpty, to, add(from, one));
  if (kind == PoolKind::Last)
    from = select(isEmpty, from, sub(to, one));

  double start = isMax ? -std::numeric_limits<double>::infinity() : 0.0;
  Value pooled =
      loop(from, to, {number(start)}, [&](Value t, ValueRange so) -> Values {
        Value x = at(t);
        if (!isMax)
          return {add(so[0], x)};
        return {select(isBelow(x, so[0]), so[0], x)};
      })[0];
  if (isMax)
    return select(isEmpty, zero, pooled);
  if (isOne)
    return pooled;
  Value count = sub(select(isEmpty, add(to, one), to), from);
  return div(pooled, arith::SIToFPOp::create(builder, loc, builder.getF64Type(),
                                             count));
}

/// {number, column} of the first of the largest elements of the columns
/// [\p from, \p to) of \p row of \p input; {-infinity, from} where none is
/// larger.
SmallVector<Value> LoopElements::firstMaximum(Value input, Value row,
                                              Value from, Value to) {
  Value least = number(-std::numeric_limits<double>::infinity());
  return loop(from, to, {least, from}, [&](Value c, ValueRange best) -> Values {
    Value x = element(input, {row, c});
    Value isMore = isBelow(best[0], x);
    return {select(isMore, x, best[0]), select(isMore, c, best[1])};
  });
}

Value LoopElements::computeArgmax(ArgmaxOp op, Indices indices) {
  Value columns = frame.size(op.getInput().getType(), 1);
  Value first = firstMaximum(op.getInput(), indices[0], integer(0), columns)[1];
  return op.getPlaces() ? element(op.getPlaces(), {indices[0], first}) : first;
}

Value LoopElements::computePanelArgmax(OpResult result, Indices indices) {
  auto op = cast<PanelArgmaxOp>(result.getOwner());
  Value from = mul(indices[1], integer(kPanelColumns));
  Value end = add(from, integer(kPanelColumns));
  Value columns = frame.size(op.getInput().getType(), 1);
  Value to = select(isBelow(columns, end), columns, end);
  return firstMaximum(op.getInput(), indices[0], from,
                      to)[result.getResultNumber()];
}

Value LoopElements::computeLinear(LinearOp op, Indices indices) {
  Value depth = frame.size(op.getInput().getType(), 1);
  Value sum = loop(integer(0), depth, {number(0.0)},
                   [&](Value k, ValueRange so) -> Values {
                     Value x = element(op.getInput(), {indices[0], k});
                     Value w = element(op.getWeight(), {indices[1], k});
                     return {add(so[0], mul(x, w))};
                   })[0];
  if (!op.getBias())
    return sum;
  return add(sum, element(op.getBias(), {indices[1]}));
}
