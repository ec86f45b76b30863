//===- RowSums.cpp - Row kernels' ops that need a whole row first ---------===//
//
// Norms and maxima: what RowBuilder finds out about a row before it stores the
// first number of it.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/RowBuilder.h"

#include "passes/lowering/LaneMaxima.h"
#include "passes/lowering/RowShapes.h"
#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;

namespace lathe {

using Values = KernelCode::Values;

void RowBuilder::emitWholeRow(Operation *op, Value token, Value head) {
  if (auto argmax = dyn_cast<ArgmaxOp>(op))
    return emitArgmax(argmax, token);
  if (auto argmax = dyn_cast<PanelArgmaxOp>(op))
    return emitPanelArgmax(argmax, token);
  if (isa<QuantizeOp>(op))
    return emitQuantize(op, token);
  emitNorm(op, token, head);
}

Value RowBuilder::park(Value value, int64_t size) {
  auto [it, isNew] = scratchPlaces.try_emplace(value, usedScratch);
  if (isNew)
    usedScratch += llvm::alignTo(size, kLanes) * sizeof(float);
  return buildElementPtr(code.builder, code.loc, scratch,
                         code.builder.getI8Type(), it->second);
}

void RowBuilder::parkAt(Value value, Value numbers, const Place &place) {
  if (isStoredByNorm(value))
    return storeTarget(value, numbers, place);
  auto type = cast<RankedTensorType>(value.getType());
  Value row = park(value, type.getShape().back());
  code.storeLanes(numbers, row, code.f32(), place.inRow, kLanes);
}

void RowBuilder::notePark(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (isStoredByNorm(value))
    parked[value] = {baseOf(value), type.getElementType(),
                     /*isRowOnly=*/false};
  else
    parked[value] = {park(value, type.getShape().back()), code.f32(),
                     /*isRowOnly=*/true};
}

Value RowBuilder::meanOf(Value sum, int64_t size) {
  Value count = buildFloat(code.builder, code.loc, code.f32(), float(size));
  return code.divf(buildLaneSum(code.builder, code.loc, sum), count);
}

Value RowBuilder::sumRow(Operation *op, Value token, Value head) {
  Value input = normInput(op);
  auto shape = cast<RankedTensorType>(input.getType());
  int64_t size = shape.getShape().back();
  bool sumsPlainly = isa<LayerNormOp, AddLayerNormOp>(op);
  bool parks = !isPlain(input) && !parked.contains(input);

  Values sum =
      overColumns(shape, token, head, 0, size, code.splat(0.0f),
                  [&](const Place &place, ValueRange carried) -> Values {
                    Value x = evaluate(input, place);
                    if (parks)
                      parkAt(input, x, place);
                    x = code.keepLanes(x, place.lanes, 0.0f);
                    return {sumsPlainly ? code.addf(carried[0], x)
                                        : code.fma(x, x, carried[0])};
                  });
  if (parks)
    notePark(input);
  return sum[0];
}

void RowBuilder::emitNorm(Operation *op, Value token, Value head) {
  Value input = normInput(op);
  auto shape = cast<RankedTensorType>(input.getType());
  int64_t size = shape.getShape().back();
  Value sum = sumRow(op, token, head);
  OpBuilder &builder = code.builder;
  auto number = [&](float value) {
    return buildFloat(builder, code.loc, code.f32(), value);
  };
  if (isa<L2NormalizeOp>(op)) {
    Value length =
        buildSqrtF32(builder, code.loc, buildLaneSum(builder, code.loc, sum));
    Value least = number(normEpsilon(op));
    rowFacts[op] = {nullptr, code.broadcast(code.maxf(length, least))};
    return;
  }
  Value mean;
  if (isa<LayerNormOp, AddLayerNormOp>(op)) {
    mean = code.broadcast(meanOf(sum, size));
    Values squares =
        overColumns(shape, token, head, 0, size, code.splat(0.0f),
                    [&](const Place &place, ValueRange carried) -> Values {
                      Value x = code.subf(evaluate(input, place), mean);
                      x = code.keepLanes(x, place.lanes, 0.0f);
                      return {code.fma(x, x, carried[0])};
                    });
    sum = squares[0];
  }
  Value square = code.addf(meanOf(sum, size), number(normEpsilon(op)));
  Value deviation = buildSqrtF32(builder, code.loc, square);
  Value scale = code.divf(number(1.0f), deviation);
  rowFacts[op] = {mean, code.broadcast(scale)};
}

void RowBuilder::storeScalar(Value number, Value target, Value index) {
  buildStore(code.builder, code.loc, number,
             buildElementPtr(code.builder, code.loc, baseOf(target),
                             number.getType(), index));
}

void RowBuilder::emitArgmax(ArgmaxOp argmax, Value token) {
  RankedTensorType shape = argmax.getInput().getType();
  int64_t columns = shape.getDimSize(1);
  const float lowest = -std::numeric_limits<float>::infinity();
  LaneMaxima none = LaneMaxima::start(code, kLanes, code.index(0));
  Values best = overColumns(
      shape, token, nullptr, 0, columns, ValueRange{none.numbers, none.places},
      [&](const Place &place, ValueRange carried) -> Values {
        Value x = evaluate(argmax.getInput(), place);
        x = code.keepLanes(x, place.lanes, lowest);
        auto [numbers, places] =
            LaneMaxima{carried[0], carried[1]}.with(code, x, place.inRow);
        return {numbers, places};
      });

  Value first = LaneMaxima{best[0], best[1]}.first(code).place;
  if (Value places = argmax.getPlaces()) {
    Value column =
        arith::ExtSIOp::create(code.builder, code.loc, code.i64(), first);
    Value index = code.add(code.mul(token, columns), column);
    Value base = frame.buffer(cast<BlockArgument>(places));
    Type i32 = first.getType();
    first =
        buildLoad(code.builder, code.loc, i32,
                  buildElementPtr(code.builder, code.loc, base, i32, index));
  }
  storeScalar(first, argmax.getResult(), token);
}

void RowBuilder::emitPanelArgmax(PanelArgmaxOp op, Value token) {
  int64_t size = op.getInput().getType().getDimSize(1);
  int64_t panels = llvm::divideCeil(size, kPanelColumns);
  const float lowest = -std::numeric_limits<float>::infinity();
  auto emitPanel = [&](Value panel, int64_t columns) {
    Value begin = code.mul(panel, kPanelColumns);
    LaneMaxima best = LaneMaxima::start(code, kLanes, begin);
    for (int64_t first = 0; first < columns; first += kLanes) {
      Value column = code.add(begin, first);
      Place place{token, column, column};
      Value x = evaluate(op.getInput(), place);
      x = code.keepLanes(x, std::min(columns - first, kLanes), lowest);
      best = best.with(code, x, column);
    }
    LaneMaxima::First found = best.first(code);
    Value index = code.add(code.mul(token, panels), panel);
    // What nothing reads is no result of the kernel.
    if (!op.getValues().use_empty())
      storeScalar(found.number, op.getValues(), index);
    if (!op.getPlaces().use_empty())
      storeScalar(found.place, op.getPlaces(), index);
  };
  code.loop(code.index(0), code.index(size / kPanelColumns), 1,
            [&](Value panel) { emitPanel(panel, kPanelColumns); });
  if (int64_t rest = size % kPanelColumns)
    emitPanel(code.index(size / kPanelColumns), rest);
}

} // namespace lathe
