//===- VectorMath.cpp - Functions of f32 numbers and vectors --------------===//
//
// The polynomials are minimax fits, made in float64 by reweighted least squares
// at Chebyshev nodes and rounded to f32. Comparisons are ordered and written so
// that a NaN falls through to the result.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/VectorMath.h"

#include "passes/lowering/MathExpansion.h"

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
  /// The sign bit turned around, NaNs too.
  Value negate(Value a) const { return arith::NegFOp::create(builder, loc, a); }
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

/// exp(x) = 2^n * (1 + fraction).
struct Exponential {
  Value fraction; ///< In [-0.3, 0.42].
  Value n;        ///< i32: n + bias in its low 9 bits.
};

/// A number as the sum of two, for what is rounded only once at its end.
struct Pair {
  Value high;
  Value low; ///< Null for 0.
};

} // namespace

/// Adding 1.5 * 2^23 to a number rounds it to a whole one, which then stands in
/// the low bits.
static constexpr float kRounder = 12582912.0f;

/// Reduces exp(x) for |x| < 150 and a low part below 2^-20 of the high one.
static Exponential reduceExp(const Formula &f, const Pair &x, int bias) {
  Value rounder = f.number(kRounder + bias);
  Value shifted = f.fma(x.high, f.number(1.44269504f), rounder);
  Value n = f.sub(shifted, rounder);
  // ln 2 in two parts; n times the first is exact.
  Value rest = f.fma(n, f.number(-0.693145752f), x.high);
  rest = f.fma(n, f.number(-1.42860677e-6f), rest);
  if (x.low)
    rest = f.add(rest, x.low);

  // exp(r) = 1 + r + r^2 * q(r) for |r| <= ln(2) / 2.
  Value tail = f.polynomial(rest, {0.49999994f, 0.1666652f, 0.0416684039f,
                                   0.0083688991f, 0.00138142216f});
  return {f.fma(f.mul(rest, rest), tail, rest), f.bits(shifted)};
}

/// exp(x) = (1 + fraction) * power for x <= 0, the power 0 for x below -87.
struct SmallExponential {
  Value fraction, power;
};
static SmallExponential splitExpNonPositive(const Formula &f, const Pair &x) {
  // With the bias of the exponent, n needs only its shift.
  Value clamped = f.atLeast(x.high, -87.0f);
  Exponential e = reduceExp(f, {clamped, x.low}, /*bias=*/127);
  // A NaN makes `n` arbitrary but stays in the fraction.
  Value power =
      f.fromBits(arith::ShLIOp::create(f.builder, f.loc, e.n, f.integer(23)));
  Value isZero = f.less(x.high, f.number(-87.0f));
  return {e.fraction, f.select(isZero, f.number(0.0f), power)};
}

/// exp(x), with inf, 0 and subnormals as they should be.
static Value expOf(const Formula &f, const Pair &x) {
  // Past these bounds the result is inf, or rounds to 0.
  Value clamped = f.atMost(f.atLeast(x.high, -105.0f), 89.0f);
  Exponential e = reduceExp(f, {clamped, x.low}, /*bias=*/0);
  Value n =
      arith::SubIOp::create(f.builder, f.loc, e.n, f.bits(f.number(kRounder)));
  // Two factors, so that n may be 128 or -152: only the last product rounds.
  Value half = arith::ShRSIOp::create(f.builder, f.loc, n, f.integer(1));
  Value rest = arith::SubIOp::create(f.builder, f.loc, n, half);
  Value mantissa = f.add(e.fraction, f.number(1.0f));
  return f.mul(f.mul(mantissa, f.powerOfTwo(half)), f.powerOfTwo(rest));
}

/// x * P(X < x) of the normal distribution for |x| < 1, where P = 1/2 +
/// x / sqrt(2 pi) + x^3 q(x^2), a sum kept in two parts.
static Value geluNear(const Formula &f, Value x) {
  Value slope = f.number(0.398942292f);
  Value square = f.mul(x, x);
  Value cubic =
      f.polynomial(square, {-0.0664905384f, 0.00997416396f, -0.00118802383f,
                            0.00011502397f, -8.17179534e-6f});
  Value first = f.fma(x, slope, f.number(0.5f));
  Value lost = f.sub(first, f.number(0.5f));
  Value low = f.fma(x, slope, f.negate(lost));
  low = f.fma(f.mul(x, square), cubic, low);
  Value high = f.add(first, low);
  low = f.add(f.sub(first, high), low);
  return f.fma(x, high, f.mul(x, low));
}

/// The same for 1 <= |x|: max(x, 0) - y P(X > y) with y = |x|, where
/// y P(X > y) = exp(-y^2 / 2) g(w) with g a polynomial in w = 1 / (y + 3).
static Value geluFar(const Formula &f, Value x) {
  // Past 15 the exponential is 0.
  Value y = f.atMost(f.magnitude(x), 15.0f);
  Value sum = f.add(y, f.number(3.0f));
  Value w = f.div(f.number(1.0f), sum);
  // What the sum and the quotient lost, as a residue of 1 - w (y + 3).
  Value lost = f.sub(y, f.sub(sum, f.number(3.0f)));
  Value minusW = f.negate(w);
  Value residue = f.fma(minusW, sum, f.number(1.0f));
  residue = f.fma(minusW, lost, residue);
  Value centred = f.fma(w, residue, f.sub(w, f.number(0.125f)));
  Value g = f.polynomial(centred, {0.384596527f, -0.332193792f, -2.95166302f,
                                   -13.5294180f, -35.6151047f, -28.6493893f,
                                   136.696121f, 323.467773f, -938.215576f});

  Value square = f.mul(y, y);
  Value error = f.fma(y, y, f.negate(square));
  Value half = f.number(-0.5f);
  SmallExponential e =
      splitExpNonPositive(f, {f.mul(square, half), f.mul(error, half)});
  Value tail = f.fma(g, e.fraction, g);
  return f.fma(f.negate(tail), e.power, f.atLeast(x, 0.0f));
}

/// The same for all x, with an error of 6.1e-5, near 0 of 3e-4 of the result:
/// P = 1/2 + x q(x^2) is 0 and 1 from 4.25 on.
static Value roundedGelu(const Formula &f, Value x) {
  constexpr float kBound = 4.25f;
  // Also keeps -inf, and the last bit of P, from what is 0 there.
  Value bounded = f.atLeast(x, -kBound);
  Value y = f.atMost(bounded, kBound);
  Value q = f.polynomial(f.mul(y, y),
                         {0.39911145f, -0.0666675046f, 0.00999230612f,
                          -0.00115619844f, 0.000100654659f, -6.27462305e-06f,
                          2.59534573e-07f, -6.29307007e-09f, 6.71140921e-11f});
  return f.mul(bounded, f.fma(q, y, f.number(0.5f)));
}

/// x / (1 + exp(-scaled)).
static Value timesSigmoid(const Formula &f, Value x, const Pair &scaled) {
  Value low = scaled.low ? f.negate(scaled.low) : Value();
  Value power = expOf(f, {f.negate(scaled.high), low});
  return f.div(x, f.add(power, f.number(1.0f)));
}

/// 2 sqrt(2 / pi) (x + 0.044715 x^3) for |x| <= 100.
static Pair geluTanhArgument(const Formula &f, Value x) {
  Value square = f.mul(x, x);
  Value squareLow = f.fma(x, x, f.negate(square));
  Value factor = f.number(0.0713548139f); // 2.39883e-9 too small
  Value cubic = f.mul(square, factor);
  Value cubicLow = f.fma(square, factor, f.negate(cubic));
  cubicLow = f.fma(squareLow, factor, cubicLow);
  cubicLow = f.fma(square, f.number(2.3988325e-9f), cubicLow);

  // The sum of slope and cubic, and exactly what it loses.
  Value slope = f.number(1.59576917f); // 4.53407e-8 too large
  Value sum = f.add(slope, cubic);
  Value part = f.sub(sum, slope);
  Value lost = f.add(f.sub(slope, f.sub(sum, part)), f.sub(cubic, part));
  lost = f.add(lost, f.add(cubicLow, f.number(-4.534068e-8f)));

  Value high = f.mul(x, sum);
  Value low = f.fma(x, lost, f.fma(x, sum, f.negate(high)));
  return {high, low};
}

/// 1.702 x for |x| <= 200.
static Pair quickGeluArgument(const Formula &f, Value x) {
  Value factor = f.number(1.702f); // 2.19345e-8 too large
  Value high = f.mul(x, factor);
  Value low = f.fma(x, factor, f.negate(high));
  return {high, f.fma(x, f.number(-2.193451e-8f), low)};
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
  return expOf(Formula(builder, loc, x), {x, nullptr});
}

Value buildExpNonPositive(OpBuilder &builder, Location loc, Value x) {
  Formula f(builder, loc, x);
  SmallExponential e = splitExpNonPositive(f, {x, nullptr});
  return f.mul(f.add(e.fraction, f.number(1.0f)), e.power);
}

Value buildPairDot(OpBuilder &builder, Location loc, Value a, Value b,
                   Value sum) {
  auto pairs = VectorType::get(32, builder.getBF16Type());
  auto halves = [&](Value words) -> Value {
    return vector::BitCastOp::create(builder, loc, pairs, words);
  };
  Value left = halves(a), right = halves(b);
  auto intrinsic = builder.getStringAttr("llvm.x86.avx512bf16.dpbf16ps.512");
  return LLVM::CallIntrinsicOp::create(builder, loc, sum.getType(), intrinsic,
                                       ValueRange{sum, left, right})
      .getResult(0);
}

Value buildExp2F32(OpBuilder &builder, Location loc, Value x) {
  Formula f(builder, loc, x);
  // With the bias of the exponent, n needs only its shift.
  Value rounder = f.number(kRounder + 127);
  Value shifted = f.add(x, rounder);
  Value rest = f.sub(x, f.sub(shifted, rounder));
  // 2^r for |r| <= 1/2. A NaN makes `n` arbitrary but stays in here.
  Value fraction =
      f.polynomial(rest, {1.0f, 0.693147182f, 0.240226477f, 0.0555033237f,
                          0.00961843785f, 0.00133988878f, 0.000153533518f});
  Value power = f.fromBits(
      arith::ShLIOp::create(builder, loc, f.bits(shifted), f.integer(23)));
  return f.select(f.less(x, f.number(-125.0f)), f.number(0.0f),
                  f.mul(fraction, power));
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
  Value e = buildExpNonPositive(builder, loc, f.mul(y, f.number(-2.0f)));
  Value quotient = f.div(f.add(e, e), f.add(e, f.number(1.0f)));
  Value far = f.copySign(f.sub(f.number(1.0f), quotient), x);
  return f.select(f.less(f.number(0.55f), y), far, near);
}

Value buildSqrtF32(OpBuilder &builder, Location loc, Value x) {
  return LLVM::SqrtOp::create(builder, loc, x.getType(), x);
}

/// \p x, f32, as f64.
static Value widen(OpBuilder &builder, Location loc, Value x) {
  Type f64 = builder.getF64Type();
  auto vector = dyn_cast<VectorType>(x.getType());
  return arith::ExtFOp::create(builder, loc,
                               vector ? Type(vector.clone(f64)) : f64, x);
}

/// \p wide, f64, rounded to \p type, f32.
static Value rounded(OpBuilder &builder, Location loc, Type type, Value wide) {
  return arith::TruncFOp::create(builder, loc, type, wide);
}

Value buildErfF32(OpBuilder &builder, Location loc, Value x) {
  return rounded(builder, loc, x.getType(),
                 buildErf(builder, loc, widen(builder, loc, x)));
}

Value buildLogF32(OpBuilder &builder, Location loc, Value x) {
  return rounded(builder, loc, x.getType(),
                 buildLog(builder, loc, widen(builder, loc, x)));
}

Value buildSinF32(OpBuilder &builder, Location loc, Value x) {
  return rounded(builder, loc, x.getType(),
                 buildSin(builder, loc, widen(builder, loc, x)));
}

Value buildCosF32(OpBuilder &builder, Location loc, Value x) {
  return rounded(builder, loc, x.getType(),
                 buildCos(builder, loc, widen(builder, loc, x)));
}

Value buildPowF32(OpBuilder &builder, Location loc, Value x, Value y) {
  return rounded(
      builder, loc, x.getType(),
      buildPow(builder, loc, widen(builder, loc, x), widen(builder, loc, y)));
}

Value buildActivation(OpBuilder &builder, Location loc, ActivationKind kind,
                      Value x, bool isRounded) {
  // The lower bounds keep -inf from becoming NaN: each function is 0 there.
  Formula f(builder, loc, x);
  auto within = [&](float bound) {
    return f.atMost(f.atLeast(x, -bound), bound);
  };
  switch (kind) {
  case ActivationKind::Gelu: {
    if (isRounded)
      return roundedGelu(f, x);
    Value isNear = f.less(f.magnitude(x), f.number(1.0f));
    return f.select(isNear, geluNear(f, x), geluFar(f, x));
  }
  case ActivationKind::GeluTanh:
    // x/2 (1 + tanh u) = x / (1 + exp(-2 u)).
    return timesSigmoid(f, f.atLeast(x, -100.0f),
                        geluTanhArgument(f, within(100.0f)));
  case ActivationKind::Silu: {
    Value z = f.atLeast(x, -200.0f);
    return timesSigmoid(f, z, {z, nullptr});
  }
  case ActivationKind::QuickGelu:
    return timesSigmoid(f, f.atLeast(x, -200.0f),
                        quickGeluArgument(f, within(200.0f)));
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
