//===- LaneMaxima.cpp - The first of the largest numbers ------------------===//

#include "passes/lowering/LaneMaxima.h"

#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace lathe {

/// \p column and those behind it, as i32.
static Value columnsFrom(const KernelCode &code, int64_t lanes, Value column) {
  OpBuilder &builder = code.builder;
  Type i32 = builder.getI32Type();
  SmallVector<int32_t> distances(lanes);
  for (int64_t lane = 0; lane < lanes; ++lane)
    distances[lane] = lane;
  auto type = VectorType::get(lanes, i32);
  Value behind = arith::ConstantOp::create(
      builder, code.loc, DenseIntElementsAttr::get(type, distances));
  Value first = arith::TruncIOp::create(builder, code.loc, i32, column);
  first = vector::BroadcastOp::create(builder, code.loc, type, first);
  return arith::AddIOp::create(builder, code.loc, first, behind);
}

LaneMaxima LaneMaxima::start(const KernelCode &code, int64_t lanes,
                             Value column) {
  auto type = VectorType::get(lanes, code.f32());
  return {buildFloat(code.builder, code.loc, type,
                     -std::numeric_limits<float>::infinity()),
          columnsFrom(code, lanes, column)};
}

LaneMaxima LaneMaxima::with(const KernelCode &code, Value vector,
                            Value column) const {
  int64_t lanes = cast<VectorType>(vector.getType()).getDimSize(0);
  // Strictly greater: a lane keeps the first of equals.
  Value isGreater = arith::CmpFOp::create(
      code.builder, code.loc, arith::CmpFPredicate::OGT, vector, numbers);
  return {code.select(isGreater, vector, numbers),
          code.select(isGreater, columnsFrom(code, lanes, column), places)};
}

LaneMaxima::First LaneMaxima::first(const KernelCode &code) const {
  OpBuilder &builder = code.builder;
  Value largest = buildLaneMax(builder, code.loc, numbers);
  Value spread = vector::BroadcastOp::create(builder, code.loc,
                                             numbers.getType(), largest);
  Value holds = arith::CmpFOp::create(
      builder, code.loc, arith::CmpFPredicate::OEQ, numbers, spread);
  Value none = arith::ConstantOp::create(
      builder, code.loc,
      DenseElementsAttr::get(
          cast<VectorType>(places.getType()),
          builder.getI32IntegerAttr(std::numeric_limits<int32_t>::max())));
  Value candidates = code.select(holds, places, none);
  return {largest, vector::ReductionOp::create(builder, code.loc,
                                               vector::CombiningKind::MINSI,
                                               candidates)};
}

} // namespace lathe
