//===- UpstreamOps.cpp - Elementwise ops of other dialects ----------------===//

#include "passes/lowering/UpstreamOps.h"

#include "passes/lowering/MathExpansion.h"
#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe {

/// Ops that are one instruction on numbers and vectors of any width.
static bool isSimple(Operation *op) {
  return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
             arith::NegFOp, arith::MaximumFOp, arith::MinimumFOp, arith::CmpFOp,
             arith::SelectOp>(op);
}

/// Ops that only change the type: rounding does it.
static bool isConversion(Operation *op) {
  return isa<arith::ExtFOp, arith::TruncFOp>(op);
}

/// Ops that are written out.
static bool isFunction(Operation *op) {
  return isa<arith::MaxNumFOp, arith::MinNumFOp, math::AbsFOp, math::CeilOp,
             math::CosOp, math::ErfOp, math::ExpOp, math::FloorOp, math::FmaOp,
             math::LogOp, math::PowFOp, math::RoundEvenOp, math::RsqrtOp,
             math::SinOp, math::SqrtOp, math::TanhOp, math::TruncOp>(op);
}

static bool isFloatTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<FloatType>(tensor.getElementType());
}

bool isUpstreamElementwise(Operation *op) {
  if (auto select = dyn_cast<arith::SelectOp>(op))
    return select.getCondition().getDefiningOp<arith::CmpFOp>() &&
           isFloatTensor(select.getType());
  if (auto convert = dyn_cast<arith::SIToFPOp>(op)) {
    auto from = dyn_cast<RankedTensorType>(convert.getIn().getType());
    return from && from.getElementType().isInteger(32);
  }
  if (!isSimple(op) && !isConversion(op) && !isFunction(op))
    return false;
  return llvm::all_of(op->getOperandTypes(), isFloatTensor);
}

/// \p op, a simple one, on \p operands.
static Value buildSimple(OpBuilder &builder, Location loc, Operation *op,
                         ArrayRef<Value> operands) {
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    return arith::CmpFOp::create(builder, loc, compare.getPredicate(),
                                 operands[0], operands[1]);
  // No flags: fast-math of the user's op would change bits between widths.
  Operation *built = builder.create(loc, op->getName().getIdentifier(),
                                    operands, {operands.back().getType()});
  return built->getResult(0);
}

/// The greater (or the less) of \p a and \p b; of a NaN and a number the
/// number. The instruction for it is missing somewhere, and would become a
/// call.
static Value buildMaxNum(OpBuilder &builder, Location loc, Value a, Value b,
                         bool isMin) {
  auto compare = [&](arith::CmpFPredicate predicate, Value x,
                     Value y) -> Value {
    return arith::CmpFOp::create(builder, loc, predicate, x, y);
  };
  Value takesA = compare(
      isMin ? arith::CmpFPredicate::OLT : arith::CmpFPredicate::OGT, a, b);
  Value taken = arith::SelectOp::create(builder, loc, takesA, a, b);
  Value isNan = compare(arith::CmpFPredicate::UNO, b, b);
  return arith::SelectOp::create(builder, loc, isNan, a, taken);
}

/// Functions of a few operations, the same for every type; null for others.
static Value buildShort(OpBuilder &builder, Location loc, Operation *op,
                        ArrayRef<Value> operands) {
  Value x = operands[0];
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](math::AbsFOp) -> Value {
        return LLVM::FAbsOp::create(builder, loc, x);
      })
      .Case([&](math::CeilOp) -> Value {
        return LLVM::FCeilOp::create(builder, loc, x);
      })
      .Case([&](math::FloorOp) -> Value {
        return LLVM::FFloorOp::create(builder, loc, x);
      })
      .Case([&](math::TruncOp) -> Value {
        return LLVM::FTruncOp::create(builder, loc, x);
      })
      .Case([&](math::RoundEvenOp) -> Value {
        return LLVM::RoundEvenOp::create(builder, loc, x);
      })
      .Case([&](math::SqrtOp) -> Value {
        return LLVM::SqrtOp::create(builder, loc, x);
      })
      .Case<arith::MaxNumFOp, arith::MinNumFOp>([&](Operation *) {
        return buildMaxNum(builder, loc, x, operands[1],
                           /*isMin=*/isa<arith::MinNumFOp>(op));
      })
      .Case([&](math::FmaOp) -> Value {
        return LLVM::FMAOp::create(builder, loc, x.getType(), x, operands[1],
                                   operands[2]);
      })
      .Default([](Operation *) { return Value(); });
}

/// What is written alike in either precision, \p number: all but functions that
/// have an expansion of their own. Null for those.
static Value buildShared(OpBuilder &builder, Location loc, Operation *op,
                         ArrayRef<Value> operands, FloatType number) {
  Value x = operands[0];
  if (isConversion(op))
    return x;
  if (isSimple(op))
    return buildSimple(builder, loc, op, operands);
  if (isa<math::RsqrtOp>(op)) {
    TypedAttr one = builder.getFloatAttr(number, 1.0);
    if (auto vector = dyn_cast<VectorType>(x.getType()))
      one = DenseElementsAttr::get(vector, Attribute(one));
    Value root = LLVM::SqrtOp::create(builder, loc, x);
    return arith::DivFOp::create(
        builder, loc, arith::ConstantOp::create(builder, loc, one), root);
  }
  if (isa<arith::SIToFPOp>(op)) {
    auto vector = dyn_cast<VectorType>(x.getType());
    return arith::SIToFPOp::create(
        builder, loc, vector ? Type(vector.clone(number)) : number, x);
  }
  return buildShort(builder, loc, op, operands);
}

Value buildUpstreamF32(OpBuilder &builder, Location loc, Operation *op,
                       ArrayRef<Value> operands) {
  if (Value built =
          buildShared(builder, loc, op, operands, builder.getF32Type()))
    return built;
  Value x = operands[0];
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](math::CosOp) { return buildCosF32(builder, loc, x); })
      .Case([&](math::ErfOp) { return buildErfF32(builder, loc, x); })
      .Case([&](math::ExpOp) { return buildExpF32(builder, loc, x); })
      .Case([&](math::LogOp) { return buildLogF32(builder, loc, x); })
      .Case([&](math::PowFOp) {
        return buildPowF32(builder, loc, x, operands[1]);
      })
      .Case([&](math::SinOp) { return buildSinF32(builder, loc, x); })
      .Case([&](math::TanhOp) { return buildTanhF32(builder, loc, x); });
}

Value buildUpstreamF64(OpBuilder &builder, Location loc, Operation *op,
                       ArrayRef<Value> operands) {
  if (Value built =
          buildShared(builder, loc, op, operands, builder.getF64Type()))
    return built;
  Value x = operands[0];
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](math::CosOp) { return buildCos(builder, loc, x); })
      .Case([&](math::ErfOp) { return buildErf(builder, loc, x); })
      .Case([&](math::ExpOp) { return buildExp(builder, loc, x); })
      .Case([&](math::LogOp) { return buildLog(builder, loc, x); })
      .Case(
          [&](math::PowFOp) { return buildPow(builder, loc, x, operands[1]); })
      .Case([&](math::SinOp) { return buildSin(builder, loc, x); })
      .Case([&](math::TanhOp) { return buildTanh(builder, loc, x); });
}

} // namespace lathe
