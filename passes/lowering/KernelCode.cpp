//===- KernelCode.cpp - Shorthand for writing kernel bodies ---------------===//

#include "passes/lowering/KernelCode.h"

#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace lathe {

Value KernelCode::index(int64_t value) const {
  return buildIndex(builder, loc, value);
}

Value KernelCode::add(Value a, Value b) const {
  if (matchPattern(b, m_Zero()))
    return a;
  if (matchPattern(a, m_Zero()))
    return b;
  return arith::AddIOp::create(builder, loc, a, b);
}

Value KernelCode::add(Value a, int64_t b) const {
  return b == 0 ? a : add(a, index(b));
}

Value KernelCode::sub(Value a, Value b) const {
  return arith::SubIOp::create(builder, loc, a, b);
}

Value KernelCode::mul(Value a, Value b) const {
  return arith::MulIOp::create(builder, loc, a, b);
}

Value KernelCode::mul(Value a, int64_t b) const {
  return b == 1 ? a : mul(a, index(b));
}

// Unsigned, which needs no correction for negative numbers.
Value KernelCode::div(Value a, int64_t b) const {
  return b == 1 ? a : arith::DivUIOp::create(builder, loc, a, index(b));
}

Value KernelCode::rem(Value a, int64_t b) const {
  if (b == 1)
    return index(0);
  return arith::RemUIOp::create(builder, loc, a, index(b));
}

Value KernelCode::min(Value a, Value b) const {
  return arith::MinSIOp::create(builder, loc, a, b);
}

Value KernelCode::max(Value a, Value b) const {
  return arith::MaxSIOp::create(builder, loc, a, b);
}

Value KernelCode::less(Value a, Value b) const {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, a, b);
}

Value KernelCode::both(Value a, Value b) const {
  return arith::AndIOp::create(builder, loc, a, b);
}

Value KernelCode::select(Value condition, Value a, Value b) const {
  return arith::SelectOp::create(builder, loc, condition, a, b);
}

Value KernelCode::splat(float value) const {
  return buildFloat(builder, loc, lanes(f32()), value);
}

Value KernelCode::broadcast(Value scalar) const {
  return vector::BroadcastOp::create(builder, loc, lanes(scalar.getType()),
                                     scalar);
}

Value KernelCode::addf(Value a, Value b) const {
  return arith::AddFOp::create(builder, loc, a, b);
}

Value KernelCode::subf(Value a, Value b) const {
  return arith::SubFOp::create(builder, loc, a, b);
}

Value KernelCode::mulf(Value a, Value b) const {
  return arith::MulFOp::create(builder, loc, a, b);
}

Value KernelCode::divf(Value a, Value b) const {
  return arith::DivFOp::create(builder, loc, a, b);
}

Value KernelCode::fma(Value a, Value b, Value c) const {
  return buildFma(builder, loc, a, b, c);
}

Value KernelCode::maxf(Value a, Value b) const {
  Value less =
      arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, a, b);
  return select(less, b, a);
}

/// A constant vector of i1 whose first \p count lanes are set.
static Value prefixMask(const KernelCode &code, int64_t count) {
  SmallVector<bool> bits(kLanes);
  for (int64_t lane = 0; lane < kLanes; ++lane)
    bits[lane] = lane < count;
  auto type = code.lanes(code.builder.getI1Type());
  return arith::ConstantOp::create(code.builder, code.loc,
                                   DenseElementsAttr::get(type, bits));
}

Value KernelCode::keepLanes(Value vector, int64_t count, float other) const {
  if (count == kLanes)
    return vector;
  return select(prefixMask(*this, count), vector, splat(other));
}

Value KernelCode::loadIndex(Value base, Value index) const {
  Type i32 = builder.getI32Type();
  Value pointer = buildElementPtr(builder, loc, base, i32, index);
  Value number = buildLoad(builder, loc, i32, pointer);
  return arith::ExtSIOp::create(builder, loc, i64(), number);
}

Value KernelCode::loadNumber(Value base, Type element, Value index) const {
  Value pointer = buildElementPtr(builder, loc, base, element, index);
  return buildWiden(builder, loc, buildLoad(builder, loc, element, pointer));
}

Value KernelCode::loadLanes(Value base, Type element, Value index) const {
  Value pointer = buildElementPtr(builder, loc, base, element, index);
  Value numbers = buildLoad(builder, loc, lanes(element), pointer);
  return isa<IntegerType>(element) ? numbers
                                   : buildWiden(builder, loc, numbers);
}

void KernelCode::prefetch(Value pointer, bool isForWriting) const {
  // Into the nearest cache, as data.
  LLVM::Prefetch::create(builder, loc, pointer, isForWriting ? 1 : 0,
                         /*hint=*/isForWriting ? 3 : 2, /*cache=*/1);
}

void KernelCode::storeLanes(Value vector, Value base, Type element, Value index,
                            int64_t count) const {
  Value pointer = buildElementPtr(builder, loc, base, element, index);
  Value rounded = narrow(vector, element);
  if (count == kLanes)
    return buildStore(builder, loc, rounded, pointer);
  buildMaskedStore(builder, loc, rounded, pointer, prefixMask(*this, count));
}

Value KernelCode::narrow(Value value, Type element) const {
  auto like = [&](Type other) -> Type {
    auto vector = dyn_cast<VectorType>(value.getType());
    return vector ? Type(vector.clone(other)) : other;
  };
  if (element.isF32())
    return value;
  if (element.isF16())
    return arith::TruncFOp::create(builder, loc, like(element), value);

  // bf16 by integers: the instruction for it flushes subnormals.
  Type i32 = like(builder.getI32Type());
  auto integer = [&](int32_t number) -> Value {
    Attribute attribute = builder.getI32IntegerAttr(number);
    if (auto vector = dyn_cast<VectorType>(i32))
      attribute = DenseElementsAttr::get(vector, attribute);
    return arith::ConstantOp::create(builder, loc, cast<TypedAttr>(attribute));
  };
  Value bits = arith::BitcastOp::create(builder, loc, i32, value);
  Value high = arith::ShRUIOp::create(builder, loc, bits, integer(16));
  Value odd = arith::AndIOp::create(builder, loc, high, integer(1));
  Value rounding = arith::AddIOp::create(builder, loc, odd, integer(0x7fff));
  Value sum = arith::AddIOp::create(builder, loc, bits, rounding);
  Value result = arith::ShRUIOp::create(builder, loc, sum, integer(16));
  // Rounding could carry a NaN into inf: a NaN is made quiet instead.
  Value quiet = arith::OrIOp::create(builder, loc, high, integer(0x40));
  Value isNan = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNO,
                                      value, value);
  result = select(isNan, quiet, result);
  Value halves =
      arith::TruncIOp::create(builder, loc, like(builder.getI16Type()), result);
  return arith::BitcastOp::create(builder, loc, like(element), halves);
}

void KernelCode::loop(Value begin, Value end, int64_t step,
                      function_ref<void(Value)> body) const {
  loop(begin, end, step, {}, [&](Value i, ValueRange) -> Values {
    body(i);
    return {};
  });
}

KernelCode::Values
KernelCode::loop(Value begin, Value end, int64_t step, ValueRange carried,
                 function_ref<Values(Value, ValueRange)> body) const {
  auto loop = scf::ForOp::create(
      builder, loc, begin, end, index(step), carried,
      [&](OpBuilder &, Location, Value i, ValueRange values) {
        Values next = body(i, values);
        scf::YieldOp::create(builder, loc, next);
      });
  return Values(loop.getResults());
}

void KernelCode::when(Value condition, function_ref<void()> body) const {
  scf::IfOp::create(builder, loc, condition, [&](OpBuilder &, Location) {
    body();
    scf::YieldOp::create(builder, loc);
  });
}

Value KernelCode::lowerBound(Value array, Value count, Value target) const {
  // The answer lies in [first, first + size].
  auto search = scf::WhileOp::create(
      builder, loc, TypeRange{i64(), i64()}, ValueRange{index(0), count},
      [&](OpBuilder &, Location, ValueRange state) {
        Value more = less(index(0), state[1]);
        scf::ConditionOp::create(builder, loc, more, state);
      },
      [&](OpBuilder &, Location, ValueRange state) {
        Value half = div(state[1], 2);
        Value middle = add(state[0], half);
        Value below = less(loadIndex(array, middle), target);
        Value first = select(below, add(middle, 1), state[0]);
        Value upper = add(sub(state[1], half), -1);
        scf::YieldOp::create(builder, loc,
                             ValueRange{first, select(below, upper, half)});
      });
  return search.getResult(0);
}

} // namespace lathe
