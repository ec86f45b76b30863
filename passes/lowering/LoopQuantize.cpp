//===- LoopQuantize.cpp - Elements of quantised rows ----------------------===//
//
// The one op whose definition asks for f32 arithmetic in every step, so that
// both builds round to the same integers: here it is done in f32 too.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/LoopElements.h"

#include "dialects/lathe/QuantRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <limits>

using namespace mlir;
using namespace lathe;

namespace {

/// Arithmetic on f32.
struct Floats {
  OpBuilder &builder;
  Location loc;

  Value number(float value) const {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getF32FloatAttr(value));
  }
  Value narrow(Value x) const {
    return arith::TruncFOp::create(builder, loc, builder.getF32Type(), x);
  }
  Value widen(Value x) const {
    return arith::ExtFOp::create(builder, loc, builder.getF64Type(), x);
  }
  Value mul(Value a, Value b) const {
    return arith::MulFOp::create(builder, loc, a, b);
  }
  Value div(Value a, Value b) const {
    return arith::DivFOp::create(builder, loc, a, b);
  }
  Value compare(arith::CmpFPredicate predicate, Value a, Value b) const {
    return arith::CmpFOp::create(builder, loc, predicate, a, b);
  }
  Value select(Value condition, Value a, Value b) const {
    return arith::SelectOp::create(builder, loc, condition, a, b);
  }
};

} // namespace

/// {scale, reciprocal} in f32 of the group of \p row that begins with element
/// \p first.
SmallVector<Value> LoopElements::quantizeGroup(QuantizeOp op, Indices row,
                                               Value first) {
  Value end = add(first, integer(op.getQuant().getGroup()));
  Value most =
      loop(first, end, {number(0.0)}, [&](Value k, ValueRange so) -> Values {
        Values indices(row);
        indices.push_back(k);
        Value x =
            LLVM::FAbsOp::create(builder, loc, element(op.getInput(), indices));
        // A NaN stays: it is neither below nor equal to anything.
        Value isNan = arith::CmpFOp::create(builder, loc,
                                            arith::CmpFPredicate::UNO, x, x);
        Value isMore =
            arith::OrIOp::create(builder, loc, isBelow(so[0], x), isNan);
        return {select(isMore, x, so[0])};
      })[0];

  Floats f{builder, loc};
  auto steps = float((int64_t(1) << (op.getQuant().bits() - 1)) - 1);
  most = f.narrow(most);
  Value isTiny =
      f.compare(arith::CmpFPredicate::OLT, most, f.number(0x1p-100f));
  Value reciprocal = f.div(f.number(steps), most);
  reciprocal = f.select(isTiny, f.number(0.0f), reciprocal);
  Value isFinite = f.compare(arith::CmpFPredicate::OLT, most,
                             f.number(std::numeric_limits<float>::infinity()));
  Value scale = f.div(most, f.number(steps));
  scale = f.select(isFinite, scale,
                   f.number(std::numeric_limits<float>::quiet_NaN()));
  return {scale, reciprocal};
}

Value LoopElements::computeQuantize(QuantizeOp op, Indices indices) {
  int64_t group = op.getQuant().getGroup();
  Values factors;
  if (group == op.getType().getDimSize(1)) {
    factors = rowValues(op, indices.drop_back());
  } else {
    Value first = mul(div(indices.back(), integer(group)), integer(group));
    factors = quantizeGroup(op, indices.drop_back(), first);
  }
  Floats f{builder, loc};
  Value steps = f.mul(f.narrow(element(op.getInput(), indices)), factors[1]);
  // Adding 1.5 * 2^23 rounds to a whole number, ties to even.
  Value rounder = f.number(12582912.0f);
  Value quantum = arith::AddFOp::create(builder, loc, steps, rounder);
  quantum = arith::SubFOp::create(builder, loc, quantum, rounder);
  return f.widen(f.mul(factors[0], quantum));
}

/// An element of rows that are quantised in memory.
Value LoopElements::loadQuantised(RankedTensorType type, Value buffer,
                                  Indices indices) {
  QuantRows layout(rowQuantOf(type), type.getDimSize(1));
  Type i8 = builder.getI8Type(), f32 = builder.getF32Type();
  Value row = buildElementPtr(builder, loc, buffer, i8,
                              mul(indices[0], integer(layout.rowBytes())));
  Value quantum = buildLoad(builder, loc, i8,
                            buildElementPtr(builder, loc, row, i8, indices[1]));
  Value scales = buildElementPtr(builder, loc, row, i8, layout.scalesOffset());
  Value scale =
      buildLoad(builder, loc, f32,
                buildElementPtr(builder, loc, scales, f32,
                                div(indices[1], integer(layout.group()))));
  Floats f{builder, loc};
  Value number = arith::SIToFPOp::create(builder, loc, f32, quantum);
  return f.widen(f.mul(scale, number));
}
