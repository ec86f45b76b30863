//===- LoopQuantize.cpp - Elements of quantised rows ----------------------===//
//
// The one op whose definition asks for f32 arithmetic in every step, so that
// both builds round to the same integers: here it is done in f32 too.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/LoopElements.h"

#include "dialects/lathe/QuantPages.h"
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

/// Adding it rounds to a whole number, ties to even, which then stands in the
/// low bits.
static constexpr float kRounder = 12582912.0f;

/// {scale, reciprocal} in f32 of the numbers \p at [\p first, \p first + group
/// of \p quant).
SmallVector<Value> LoopElements::quantFactors(QuantAttr quant, Value first,
                                              function_ref<Value(Value)> at) {
  Value end = add(first, integer(quant.getGroup()));
  Value most =
      loop(first, end, {number(0.0)}, [&](Value k, ValueRange so) -> Values {
        Value x = LLVM::FAbsOp::create(builder, loc, at(k));
        // A NaN stays: it is neither below nor equal to anything.
        Value isNan = arith::CmpFOp::create(builder, loc,
                                            arith::CmpFPredicate::UNO, x, x);
        Value isMore =
            arith::OrIOp::create(builder, loc, isBelow(so[0], x), isNan);
        return {select(isMore, x, so[0])};
      })[0];

  Floats f{builder, loc};
  auto steps = float((int64_t(1) << (quant.bits() - 1)) - 1);
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

/// {scale, reciprocal} in f32 of the group of \p row that begins with element
/// \p first.
SmallVector<Value> LoopElements::quantizeGroup(QuantizeOp op, Indices row,
                                               Value first) {
  return quantFactors(op.getQuant(), first, [&](Value k) {
    Values indices(row);
    indices.push_back(k);
    return element(op.getInput(), indices);
  });
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
  Value rounder = f.number(kRounder);
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

//===----------------------------------------------------------------------===//
// Pages of a cache
//===----------------------------------------------------------------------===//

/// Where the quanta of the head of \p place begin.
Value LoopElements::quantHead(RankedTensorType pages, Value buffer,
                              const PagePlace &place) {
  QuantPages layout(rowQuantOf(pages).getGroup());
  Value head = add(mul(place.page, integer(pages.getDimSize(1))), place.head);
  return buildElementPtr(builder, loc, buffer, builder.getI8Type(),
                         mul(head, integer(layout.headBytes())));
}

/// The address of quantum \p d of \p place.
Value LoopElements::quantumAt(RankedTensorType pages, Value head,
                              const PagePlace &place, Value d) {
  Value row = place.isKey ? d : place.inPage;
  Value column = place.isKey ? place.inPage : d;
  Value index = add(mul(row, integer(pages.getDimSize(3))), column);
  return buildElementPtr(builder, loc, head, builder.getI8Type(), index);
}

/// The address of the scale of \p place.
Value LoopElements::pageScaleAt(RankedTensorType pages, Value head,
                                const PagePlace &place) {
  QuantPages layout(rowQuantOf(pages).getGroup());
  Value scales = buildElementPtr(builder, loc, head, builder.getI8Type(),
                                 layout.scalesOffset());
  return buildElementPtr(builder, loc, scales, builder.getF32Type(),
                         place.inPage);
}

Value LoopElements::loadQuantised(RankedTensorType pages, Value buffer,
                                  const PagePlace &place, Value d) {
  Type f32 = builder.getF32Type();
  Value head = quantHead(pages, buffer, place);
  Value quantum = buildLoad(builder, loc, builder.getI8Type(),
                            quantumAt(pages, head, place, d));
  Value scale = buildLoad(builder, loc, f32, pageScaleAt(pages, head, place));
  Floats f{builder, loc};
  Value number = arith::SIToFPOp::create(builder, loc, f32, quantum);
  return f.widen(f.mul(scale, number));
}

void LoopElements::storeQuantised(RankedTensorType pages, Value buffer,
                                  const PagePlace &place,
                                  function_ref<Value(Value)> number) {
  QuantAttr quant = rowQuantOf(pages);
  Value head = quantHead(pages, buffer, place);
  Values factors = quantFactors(quant, integer(0), number);
  Floats f{builder, loc};
  loop(integer(0), integer(quant.getGroup()), {},
       [&](Value d, ValueRange) -> Values {
         Value steps = f.mul(f.narrow(number(d)), factors[1]);
         Value rounded =
             arith::AddFOp::create(builder, loc, steps, f.number(kRounder));
         Value bits = arith::BitcastOp::create(builder, loc,
                                               builder.getI32Type(), rounded);
         Value quantum =
             arith::TruncIOp::create(builder, loc, builder.getI8Type(), bits);
         buildStore(builder, loc, quantum, quantumAt(pages, head, place, d));
         return {};
       });
  buildStore(builder, loc, factors[0], pageScaleAt(pages, head, place));
}
