//===- VectorMath.cpp - Functions of f32 numbers and vectors --------------===//
//
// The polynomials are minimax fits, made in float64 by reweighted least squares
// at Chebyshev nodes and rounded to f32. Comparisons are ordered and written so
// that a NaN falls through to the result.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace lathe {

namespace {

/// Writes formulas on values of one type, f32 or a vector of it.
struct Formula {
  OpBuilder &builder;
  Location loc;
  Type type;

  Formula(OpBuilder &builder, Location loc, Value x)
      : builder(builder), loc(loc), type(x.getType()) {}

  Type integers() const {
    Type i32 = builder.getI32Type();
    auto vector = dyn_cast<VectorType>(type);
    return vector ? Type(vector.clone(i32)) : i32;
  }
  Value number(float value) const {
    return buildFloat(builder, loc, type, value);
  }
  Value integer(int32_t value) const {
    Attribute attribute = builder.getI32IntegerAttr(value);
    if (auto vector = dyn_cast<VectorType>(integers()))
      attribute = DenseElementsAttr::get(vector, attribute);
    return arith::ConstantOp::create(builder, loc, cast<TypedAttr>(attribute));
  }
  Value add(Value a, Value b) const {
    return arith::AddFOp::create(builder, loc, a, b);
  }
  Value sub(Value a, Value b) const {
    return arith::SubFOp::create(builder, loc, a, b);
  }
  Value mul(Value a, Value b) const {
    return arith::MulFOp::create(builder, loc, a, b);
  }
  Value div(Value a, Value b) const {
    return arith::DivFOp::create(builder, loc, a, b);
  }
  Value fma(Value a, Value b, Value c) const {
    return buildFma(builder, loc, a, b, c);
  }
  Value less(Value a, Value b) const {
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, a, b);
  }
  Value select(Value condition, Value a, Value b) const {
    return arith::SelectOp::create(builder, loc, condition, a, b);
  }
  Value atLeast(Value x, float bound) const {
    Value limit = number(bound);
    return select(less(x, limit), limit, x);
  }
  Value atMost(Value x, float bound) const {
    Value limit = number(bound);
    return select(less(limit, x), limit, x);
  }
  Value bits(Value x) const {
    return arith::BitcastOp::create(builder, loc, integers(), x);
  }
  Value fromBits(Value x) const {
    return arith::BitcastOp::create(builder, loc, type, x);
  }
  Value magnitude(Value x) const {
    return fromBits(
        arith::AndIOp::create(builder, loc, bits(x), integer(0x7fffffff)));
  }
  Value copySign(Value magnitude, Value x) const {
    Value sign = arith::AndIOp::create(builder, loc, bits(x),
                                       integer(int32_t(0x80000000u)));
    return fromBits(arith::OrIOp::create(builder, loc, bits(magnitude), sign));
  }
  /// Horner's scheme by fma, the constant term first.
  Value polynomial(Value x, ArrayRef<float> coefficients) const {
    Value sum = number(coefficients.back());
    for (float coefficient : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, number(coefficient));
    return sum;
  }
  /// 2^n of whole numbers n in [-126, 127].
  Value powerOfTwo(Value n) const {
    Value biased = arith::AddIOp::create(builder, loc, n, integer(127));
    return fromBits(arith::ShLIOp::create(builder, loc, biased, integer(23)));
  }
};

/// exp(x) = 2^n * mantissa.
struct Exponential {
  Value mantissa; ///< In [0.7, 1.42].
  Value n;        ///< i32: n + bias in its low 9 bits.
};

} // namespace

/// Adding 1.5 * 2^23 to a number rounds it to a whole one, which then stands in
/// the low bits.
static constexpr float kRounder = 12582912.0f;

/// Reduces exp(x + correction) for |x| < 150 and a correction below 2^-20 of
/// x, or null.
static Exponential reduceExp(const Formula &f, Value x, Value correction,
                             int bias) {
  Value rounder = f.number(kRounder + bias);
  Value shifted = f.fma(x, f.number(1.44269504f), rounder);
  Value n = f.sub(shifted, rounder);
  // ln 2 in two parts; n times the first is exact.
  Value rest = f.fma(n, f.number(-0.693145752f), x);
  rest = f.fma(n, f.number(-1.42860677e-6f), rest);
  if (correction)
    rest = f.add(rest, correction);

  // exp(r) = 1 + r + r^2 * q(r) for |r| <= ln(2) / 2.
  Value tail = f.polynomial(rest, {0.49999994f, 0.1666652f, 0.0416684039f,
                                   0.0083688991f, 0.00138142216f});
  Value sum = f.fma(f.mul(rest, rest), tail, rest);
  return {f.add(sum, f.number(1.0f)), f.bits(shifted)};
}

/// exp(x + correction) for x <= 0; 0 below -87.
static Value expNonPositive(const Formula &f, Value x, Value correction) {
  // With the bias of the exponent, n needs only its shift.
  Value clamped = f.atLeast(x, -87.0f);
  Exponential e = reduceExp(f, clamped, correction, /*bias=*/127);
  // A NaN makes `n` arbitrary but stays in the mantissa through the product.
  Value power =
      f.fromBits(arith::ShLIOp::create(f.builder, f.loc, e.n, f.integer(23)));
  Value result = f.mul(e.mantissa, power);
  return f.select(f.less(x, f.number(-87.0f)), f.number(0.0f), result);
}

/// The tail of the normal distribution, P(X > y), for 0 <= y <= 15:
/// exp(-y^2 / 2) * M(y), with M(y) * (y + 4) a polynomial in (y - 4) / (y + 4).
static Value normalTail(const Formula &f, Value y) {
  Value square = f.mul(y, y);
  Value error = f.fma(y, y, f.sub(f.number(0.0f), square));
  Value density = expNonPositive(f, f.mul(square, f.number(-0.5f)),
                                 f.mul(error, f.number(-0.5f)));
  Value inverse = f.div(f.number(1.0f), f.add(y, f.number(4.0f)));
  Value t = f.mul(f.sub(y, f.number(4.0f)), inverse);
  Value ratio =
      f.polynomial(t, {0.755285144f, -0.607896566f, 0.387136906f, -0.186523482f,
                       0.0604037642f, -0.00752500305f, -0.00351207447f,
                       0.00156958959f, 0.000178366186f, -0.000132436456f});
  return f.mul(f.mul(ratio, inverse), density);
}

/// x / (1 + exp(-scaled)).
static Value timesSigmoid(const Formula &f, Value x, Value scaled) {
  Value negative = f.sub(f.number(-0.0f), scaled);
  Value power = buildExpF32(f.builder, f.loc, negative);
  return f.div(x, f.add(power, f.number(1.0f)));
}

Value buildFloat(OpBuilder &builder, Location loc, Type type, float value) {
  TypedAttr attribute = builder.getF32FloatAttr(value);
  if (auto vector = dyn_cast<VectorType>(type))
    attribute = DenseElementsAttr::get(vector, cast<Attribute>(attribute));
  return arith::ConstantOp::create(builder, loc, attribute);
}

Value buildFma(OpBuilder &builder, Location loc, Value a, Value b, Value c) {
  return LLVM::FMAOp::create(builder, loc, a.getType(), a, b, c);
}

Value buildExpF32(OpBuilder &builder, Location loc, Value x) {
  Formula f(builder, loc, x);
  // Past these bounds the result is inf, or rounds to 0.
  Value clamped = f.atMost(f.atLeast(x, -105.0f), 89.0f);
  Exponential e = reduceExp(f, clamped, nullptr, /*bias=*/0);
  Value n =
      arith::SubIOp::create(builder, loc, e.n, f.bits(f.number(kRounder)));
  // Two factors, so that n may be 128 or -152: only the last product rounds.
  Value half = arith::ShRSIOp::create(builder, loc, n, f.integer(1));
  Value rest = arith::SubIOp::create(builder, loc, n, half);
  Value first = f.mul(e.mantissa, f.powerOfTwo(half));
  return f.mul(first, f.powerOfTwo(rest));
}

Value buildExpNonPositive(OpBuilder &builder, Location loc, Value x) {
  return expNonPositive(Formula(builder, loc, x), x, nullptr);
}

Value buildTanhF32(OpBuilder &builder, Location loc, Value x) {
  Formula f(builder, loc, x);
  Value y = f.magnitude(x);

  // Near 0: x + x^3 * p(x^2).
  Value square = f.mul(x, x);
  Value p = f.polynomial(square, {-0.333333164f, 0.13332586f, -0.0538523085f,
                                  0.0210716799f, -0.00627424009f});
  Value near = f.fma(f.mul(square, x), p, x);

  // Else 1 - 2 e / (1 + e), e = exp(-2 |x|).
  Value e = expNonPositive(f, f.mul(y, f.number(-2.0f)), nullptr);
  Value quotient = f.div(f.add(e, e), f.add(e, f.number(1.0f)));
  Value far = f.copySign(f.sub(f.number(1.0f), quotient), x);
  return f.select(f.less(f.number(0.55f), y), far, near);
}

Value buildSqrtF32(OpBuilder &builder, Location loc, Value x) {
  return LLVM::SqrtOp::create(builder, loc, x.getType(), x);
}

Value buildActivation(OpBuilder &builder, Location loc, ActivationKind kind,
                      Value x) {
  // The lower bounds keep -inf from becoming NaN: each function is 0 there.
  Formula f(builder, loc, x);
  switch (kind) {
  case ActivationKind::Gelu: {
    Value z = f.atLeast(x, -15.0f);
    Value tail = normalTail(f, f.atMost(f.magnitude(z), 15.0f));
    Value body = f.sub(f.number(1.0f), tail);
    return f.mul(z, f.select(f.less(z, f.number(0.0f)), tail, body));
  }
  case ActivationKind::GeluTanh: {
    // x/2 (1 + tanh u) = x / (1 + exp(-2 u)).
    Value z = f.atLeast(x, -100.0f);
    Value cubic = f.mul(f.mul(z, z), f.number(0.0713548163f));
    Value scaled = f.fma(cubic, z, f.mul(z, f.number(1.59576912f)));
    return timesSigmoid(f, z, scaled);
  }
  case ActivationKind::Silu: {
    Value z = f.atLeast(x, -200.0f);
    return timesSigmoid(f, z, z);
  }
  case ActivationKind::QuickGelu: {
    Value z = f.atLeast(x, -200.0f);
    return timesSigmoid(f, z, f.mul(z, f.number(1.702f)));
  }
  case ActivationKind::Relu:
    return f.atLeast(x, 0.0f);
  case ActivationKind::Tanh:
    return buildTanhF32(builder, loc, x);
  }
  llvm_unreachable("a kind without a formula");
}

Value buildSoftcap(OpBuilder &builder, Location loc, Value x, float cap) {
  Formula f(builder, loc, x);
  Value limit = f.number(cap);
  return f.mul(buildTanhF32(builder, loc, f.div(x, limit)), limit);
}

/// Joins the lanes of \p lanes pairwise: (l, l + half), then half of that.
static Value reduceLanes(OpBuilder &builder, Location loc, Value lanes,
                         llvm::function_ref<Value(Value, Value)> join) {
  int64_t width = cast<VectorType>(lanes.getType()).getNumElements();
  for (int64_t half = width / 2; half > 0; half /= 2) {
    auto part = [&](int64_t first) -> Value {
      auto numbers = llvm::to_vector(llvm::seq(first, first + half));
      return vector::ShuffleOp::create(builder, loc, lanes, lanes, numbers);
    };
    Value low = part(0);
    lanes = join(low, part(half));
  }
  return vector::ExtractOp::create(builder, loc, lanes, 0);
}

Value buildLaneSum(OpBuilder &builder, Location loc, Value lanes) {
  return reduceLanes(builder, loc, lanes, [&](Value a, Value b) -> Value {
    return arith::AddFOp::create(builder, loc, a, b);
  });
}

Value buildLaneMax(OpBuilder &builder, Location loc, Value lanes) {
  return reduceLanes(builder, loc, lanes, [&](Value a, Value b) -> Value {
    Value less =
        arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, a, b);
    return arith::SelectOp::create(builder, loc, less, b, a);
  });
}

} // namespace lathe
