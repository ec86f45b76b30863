//===- RowSums.cpp - Row kernels' ops that need a whole row first ---------===//
//
// Norms and argmax: what RowBuilder finds out about a row before it stores the
// first number of it.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/RowBuilder.h"

#include "passes/lowering/RowShapes.h"
#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace lathe {

using Values = KernelCode::Values;

void RowBuilder::emitWholeRow(Operation *op, Value token, Value head) {
  if (isa<ArgmaxOp>(op))
    return emitArgmax(op, token);
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

/// The least of \p places (i32) among the lanes that hold the maximum of
/// \p numbers.
static Value firstOfMaxima(const KernelCode &code, Value numbers,
                           Value places) {
  Value maximum = buildLaneMax(code.builder, code.loc, numbers);
  Value holds =
      arith::CmpFOp::create(code.builder, code.loc, arith::CmpFPredicate::OEQ,
                            numbers, code.broadcast(maximum));
  Value none = arith::ConstantOp::create(
      code.builder, code.loc,
      DenseElementsAttr::get(
          cast<VectorType>(places.getType()),
          code.builder.getI32IntegerAttr(std::numeric_limits<int32_t>::max())));
  Value candidates = code.select(holds, places, none);
  return vector::ReductionOp::create(code.builder, code.loc,
                                     vector::CombiningKind::MINSI, candidates);
}

void RowBuilder::emitArgmax(Operation *op, Value token) {
  auto argmax = cast<ArgmaxOp>(op);
  RankedTensorType shape = argmax.getInput().getType();
  OpBuilder &builder = code.builder;
  VectorType integers = code.lanes(builder.getI32Type());
  SmallVector<int32_t> numbers(kLanes);
  for (int64_t lane = 0; lane < kLanes; ++lane)
    numbers[lane] = lane;
  Value lane = arith::ConstantOp::create(
      builder, code.loc, DenseIntElementsAttr::get(integers, numbers));
  const float lowest = -std::numeric_limits<float>::infinity();

  // Strictly greater: a lane keeps the first of equals. A NaN is no number.
  Values best = overColumns(
      shape, token, nullptr, 0, shape.getDimSize(1),
      ValueRange{code.splat(lowest), lane},
      [&](const Place &place, ValueRange carried) -> Values {
        Value x = evaluate(argmax.getInput(), place);
        x = code.keepLanes(x, place.lanes, lowest);
        Value column = arith::TruncIOp::create(
            builder, code.loc, builder.getI32Type(), place.inRow);
        Value index = arith::AddIOp::create(builder, code.loc,
                                            code.broadcast(column), lane);
        Value greater = arith::CmpFOp::create(
            builder, code.loc, arith::CmpFPredicate::OGT, x, carried[0]);
        return {code.select(greater, x, carried[0]),
                code.select(greater, index, carried[1])};
      });

  Value first = firstOfMaxima(code, best[0], best[1]);
  buildStore(builder, code.loc, first,
             buildElementPtr(builder, code.loc, baseOf(argmax.getResult()),
                             builder.getI32Type(), token));
}

} // namespace lathe
