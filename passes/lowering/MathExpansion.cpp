//===- MathExpansion.cpp - Functions of float64 numbers and vectors -------===//

#include "passes/lowering/MathExpansion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace {

/// Writes float64 arithmetic as expressions, on values of one type: f64 or a
/// vector of it.
struct Expression {
  OpBuilder &builder;
  Location loc;
  Type type;

  Expression(OpBuilder &builder, Location loc, Value x)
      : builder(builder), loc(loc), type(x.getType()) {}

  Type integers() {
    Type i64 = builder.getI64Type();
    auto vector = dyn_cast<VectorType>(type);
    return vector ? Type(vector.clone(i64)) : i64;
  }
  Value number(double value) {
    TypedAttr attribute = builder.getF64FloatAttr(value);
    if (auto vector = dyn_cast<VectorType>(type))
      attribute = DenseElementsAttr::get(vector, cast<Attribute>(attribute));
    return arith::ConstantOp::create(builder, loc, attribute);
  }
  Value integer(int64_t value) {
    TypedAttr attribute = builder.getI64IntegerAttr(value);
    if (auto vector = dyn_cast<VectorType>(integers()))
      attribute = DenseElementsAttr::get(vector, cast<Attribute>(attribute));
    return arith::ConstantOp::create(builder, loc, attribute);
  }
  Value add(Value a, Value b) {
    return arith::AddFOp::create(builder, loc, a, b);
  }
  Value sub(Value a, Value b) {
    return arith::SubFOp::create(builder, loc, a, b);
  }
  Value mul(Value a, Value b) {
    return arith::MulFOp::create(builder, loc, a, b);
  }
  Value div(Value a, Value b) {
    return arith::DivFOp::create(builder, loc, a, b);
  }
  Value isBelow(Value a, Value b) {
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, a, b);
  }
  Value select(Value condition, Value a, Value b) {
    return arith::SelectOp::create(builder, loc, condition, a, b);
  }
  Value isEqual(Value a, Value b) {
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, a, b);
  }
  Value bitsOf(Value a) {
    return arith::BitcastOp::create(builder, loc, integers(), a);
  }
  Value ofBits(Value a) {
    return arith::BitcastOp::create(builder, loc, type, a);
  }
  Value abs(Value a) { return LLVM::FAbsOp::create(builder, loc, a); }
  Value floor(Value a) { return LLVM::FFloorOp::create(builder, loc, a); }
  /// Horner's scheme, the constant term first.
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value sum = number(coefficients.back());
    for (double coefficient : llvm::reverse(coefficients.drop_back()))
      sum = add(mul(sum, x), number(coefficient));
    return sum;
  }

  /// 2^n for an integer \p n in [-1022, 1023]: the exponent's bits.
  Value powerOf2(Value n) {
    Value biased = arith::AddIOp::create(builder, loc, n, integer(1023));
    return ofBits(arith::ShLIOp::create(builder, loc, biased, integer(52)));
  }
};

} // namespace

/// Adding 1.5 * 2^52 rounds to a whole number, which then stands in the low
/// bits.
static constexpr double kRounder = 0x1.8p52;

/// Degree of the Taylor polynomial of exp on |r| <= ln(2) / 2, where the first
/// term left out is below 1e-17.
static constexpr int kExpDegree = 14;

Value lathe::buildExp(OpBuilder &builder, Location loc, Value x) {
  Expression e(builder, loc, x);
  // Beyond these the result is 0 or infinite. NaN passes both tests.
  x = e.select(e.isBelow(x, e.number(-750.0)), e.number(-750.0), x);
  x = e.select(e.isBelow(e.number(710.0), x), e.number(710.0), x);

  // n = x / ln 2, rounded to an integer: adding 1.5 * 2^52 leaves n in the low
  // bits, so that NaN makes no undefined conversion.
  Value magic = e.number(kRounder);
  Value shifted = e.add(e.mul(x, e.number(0x1.71547652b82fep0)), magic);
  Value n = e.sub(shifted, magic);
  Value exponent =
      arith::SubIOp::create(builder, loc, e.bitsOf(shifted), e.bitsOf(magic));

  // r = x - n ln 2 in two steps; n times the high part is exact.
  Value r = e.sub(x, e.mul(n, e.number(0x1.62e42feep-1)));
  r = e.sub(r, e.mul(n, e.number(0x1.a39ef35793c76p-33)));
  double factorial = 1;
  for (int i = 2; i <= kExpDegree; ++i)
    factorial *= i;
  Value sum = e.number(1.0 / factorial);
  for (int i = kExpDegree; i >= 1; --i) {
    factorial /= i;
    sum = e.add(e.mul(sum, r), e.number(1.0 / factorial));
  }

  // 2^n in two factors, since n itself may lie outside the exponents.
  Value half = arith::ShRSIOp::create(builder, loc, exponent, e.integer(1));
  Value rest = arith::SubIOp::create(builder, loc, exponent, half);
  return e.mul(e.mul(sum, e.powerOf2(half)), e.powerOf2(rest));
}

Value lathe::buildTanh(OpBuilder &builder, Location loc, Value x) {
  Expression e(builder, loc, x);
  Value one = e.number(1.0);

  // Near 0 Lambert's continued fraction, x / (1 + x^2 / (3 + x^2 / (5 + ...))),
  // since the formula with exp would cancel.
  Value square = e.mul(x, x);
  Value fraction = e.number(17.0);
  for (int i = 15; i >= 1; i -= 2)
    fraction = e.add(e.number(i), e.div(square, fraction));
  Value near = e.div(x, fraction);

  // Elsewhere 1 - 2 / (exp(2x) + 1), which is exact in both limits.
  Value power = buildExp(builder, loc, e.add(x, x));
  Value far = e.sub(one, e.div(e.number(2.0), e.add(power, one)));
  return e.select(e.isBelow(square, e.number(0.5)), near, far);
}

/// Chebyshev series of (1 + 2y) exp(y^2) erfc(y) over
/// t = (y - 3.75) / (y + 3.75), computed to 50 digits.
static constexpr double kErfcSeries[] = {
    1.1775789345674017,      -0.004590054580646478,   -0.08424913336651792,
    0.05920993999819189,     -0.026658668435305753,   0.009074997670705265,
    -0.002413163540417608,   0.0004907758365258086,   -6.916973302501207e-05,
    4.13902798607301e-06,    7.74038306619849e-07,    -2.1886401049234397e-07,
    1.076499946567091e-08,   4.521959811218287e-09,   -7.754400208831351e-10,
    -6.318088340886684e-11,  2.86879501093067e-11,    1.9455868545777344e-13,
    -9.65469674843344e-13,   3.252548148148739e-14,   3.347811948286805e-14,
    -1.8645628804193146e-15, -1.2507950530688614e-15, 7.418235256624875e-17,
    5.068148904797436e-17,   -2.237056659417891e-18,  -2.1873429442801443e-18};

Value lathe::buildErfc(OpBuilder &builder, Location loc, Value x) {
  Expression e(builder, loc, x);
  Value y = e.abs(x);
  Value t = e.div(e.sub(y, e.number(3.75)), e.add(y, e.number(3.75)));

  // Clenshaw's sum: b[i] = 2 t b[i+1] - b[i+2] + c[i].
  Value twice = e.add(t, t);
  Value b1 = e.number(0.0);
  Value b2 = b1;
  for (double c : llvm::reverse(ArrayRef(kErfcSeries).drop_front())) {
    Value b0 = e.add(e.sub(e.mul(twice, b1), b2), e.number(c));
    b2 = b1;
    b1 = b0;
  }
  Value series = e.add(e.sub(e.mul(t, b1), b2), e.number(kErfcSeries[0]));

  Value gauss = buildExp(builder, loc, e.sub(e.number(0.0), e.mul(y, y)));
  Value scale = e.add(e.number(1.0), e.add(y, y));
  Value positive = e.div(e.mul(series, gauss), scale);
  return e.select(e.isBelow(x, e.number(0.0)), e.sub(e.number(2.0), positive),
                  positive);
}

Value lathe::buildErf(OpBuilder &builder, Location loc, Value x) {
  Expression e(builder, loc, x);
  // Near 0, where 1 - erfc(x) would cancel, the Taylor series: its k-th term is
  // 2 / sqrt(pi) * (-1)^k / (k! (2k + 1)) * x^(2k + 1).
  constexpr int kTerms = 16;
  SmallVector<double> coefficients;
  double factor = M_2_SQRTPI;
  for (int k = 0; k < kTerms; ++k) {
    coefficients.push_back(factor / (2 * k + 1));
    factor /= -(k + 1);
  }
  Value square = e.mul(x, x);
  Value near = e.mul(x, e.polynomial(square, coefficients));
  Value far = e.sub(e.number(1.0), buildErfc(builder, loc, x));
  return e.select(e.isBelow(square, e.number(0.5)), near, far);
}

Value lathe::buildLog(OpBuilder &builder, Location loc, Value x) {
  Expression e(builder, loc, x);
  // Subnormal numbers first become normal ones.
  Value isSmall = e.isBelow(x, e.number(0x1p-1022));
  Value normal = e.select(isSmall, e.mul(x, e.number(0x1p54)), x);

  // x = 2^n * m with m in [sqrt(1/2), sqrt(2)), whose bits begin at kLeast.
  constexpr int64_t kLeast = 0x3fe6a09e667f3bcd;
  Value shifted =
      arith::SubIOp::create(builder, loc, e.bitsOf(normal), e.integer(kLeast));
  Value exponent = arith::ShRSIOp::create(builder, loc, shifted, e.integer(52));
  Value mantissaBits = arith::SubIOp::create(
      builder, loc, e.bitsOf(normal),
      arith::ShLIOp::create(builder, loc, exponent, e.integer(52)));
  Value m = e.ofBits(mantissaBits);
  // Whole numbers are converted by their bits: levels without an instruction
  // for vectors of i64 need none.
  Value n = e.sub(e.ofBits(arith::AddIOp::create(builder, loc, exponent,
                                                 e.bitsOf(e.number(kRounder)))),
                  e.number(kRounder));
  n = e.sub(n, e.select(isSmall, e.number(54.0), e.number(0.0)));

  // log m = 2 artanh(s) = 2 (s + s^3 / 3 + ...), s = (m - 1) / (m + 1), where
  // s^2 < 0.0295 makes the terms past the eleventh less than 1e-18.
  Value one = e.number(1.0);
  Value s = e.div(e.sub(m, one), e.add(m, one));
  SmallVector<double> coefficients;
  for (int k = 1; k <= 11; ++k)
    coefficients.push_back(2.0 / (2 * k + 1));
  Value z = e.mul(s, s);
  Value tail = e.mul(e.mul(s, z), e.polynomial(z, coefficients));
  Value low = e.add(tail, e.mul(n, e.number(0x1.a39ef35793c76p-33)));
  Value sum =
      e.add(e.add(e.add(s, s), low), e.mul(n, e.number(0x1.62e42feep-1)));

  const double infinity = std::numeric_limits<double>::infinity();
  Value isInfinite = e.isEqual(x, e.number(infinity));
  sum = e.select(isInfinite, x, sum);
  sum = e.select(e.isEqual(x, e.number(0.0)), e.number(-infinity), sum);
  Value isNumber = arith::CmpFOp::create(
      builder, loc, arith::CmpFPredicate::OGE, x, e.number(0.0));
  return e.select(isNumber, sum,
                  e.number(std::numeric_limits<double>::quiet_NaN()));
}

/// sin(x + quarters * pi / 2).
static Value buildTurn(OpBuilder &builder, Location loc, Value x,
                       int64_t quarters) {
  Expression e(builder, loc, x);
  // n = x / (pi / 2) rounded; r = x - n pi / 2 in three steps, of which n times
  // the first two parts, of 27 bits each, is exact.
  Value shifted = e.add(e.mul(x, e.number(M_2_PI)), e.number(kRounder));
  Value n = e.sub(shifted, e.number(kRounder));
  Value r = e.sub(x, e.mul(n, e.number(0x1.921fb54p+0)));
  r = e.sub(r, e.mul(n, e.number(0x1.10b4610p-30)));
  r = e.sub(r, e.mul(n, e.number(0x1.a62633145c06ep-58)));

  // Taylor's polynomials: on |r| <= pi / 4 their next terms are below 1e-17.
  Value z = e.mul(r, r);
  auto series = [&](int first) {
    SmallVector<double> coefficients;
    double factor = 1;
    for (int k = 0; k < 9; ++k) {
      coefficients.push_back(factor);
      int next = first + 2 * k;
      factor /= -double(next + 1) * (next + 2);
    }
    return e.polynomial(z, coefficients);
  };
  Value sine = e.mul(r, series(1));
  Value cosine = series(0);

  // The quarter that n ends in: odd ones exchange the two, 2 and 3 negate.
  Value quarter = arith::AddIOp::create(builder, loc, e.bitsOf(shifted),
                                        e.integer(quarters));
  auto bit = [&](int64_t mask) -> Value {
    Value masked =
        arith::AndIOp::create(builder, loc, quarter, e.integer(mask));
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, masked,
                                 e.integer(0));
  };
  Value turned = e.select(bit(1), cosine, sine);
  turned =
      e.select(bit(2), arith::NegFOp::create(builder, loc, turned), turned);
  Value isNear =
      arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLE, e.abs(x),
                            e.number(lathe::kLargestAngle));
  return e.select(isNear, turned,
                  e.number(std::numeric_limits<double>::quiet_NaN()));
}

Value lathe::buildSin(OpBuilder &builder, Location loc, Value x) {
  return buildTurn(builder, loc, x, /*quarters=*/0);
}

Value lathe::buildCos(OpBuilder &builder, Location loc, Value x) {
  return buildTurn(builder, loc, x, /*quarters=*/1);
}

Value lathe::buildPow(OpBuilder &builder, Location loc, Value x, Value y) {
  Expression e(builder, loc, x);
  Value zero = e.number(0.0), one = e.number(1.0);
  Value magnitude = e.abs(x);
  Value power =
      buildExp(builder, loc, e.mul(y, buildLog(builder, loc, magnitude)));
  // Even where y is infinite.
  power = e.select(e.isEqual(magnitude, one), one, power);

  // Below 0 only whole powers are numbers, and odd ones are negative.
  Value halved = e.mul(y, e.number(0.5));
  Value isWhole = e.isEqual(e.floor(y), y);
  Value isEven = e.isEqual(e.floor(halved), halved);
  Value negative =
      e.select(isEven, power, arith::NegFOp::create(builder, loc, power));
  Value isNegative = arith::CmpIOp::create(
      builder, loc, arith::CmpIPredicate::slt, e.bitsOf(x), e.integer(0));
  Value ofWhole = e.select(isNegative, negative, power);
  Value nan = e.number(std::numeric_limits<double>::quiet_NaN());
  Value lowest = e.number(-std::numeric_limits<double>::infinity());
  Value ofBroken = e.select(e.isBelow(x, zero), nan, power);
  ofBroken = e.select(e.isEqual(x, lowest), power, ofBroken);
  Value result = e.select(isWhole, ofWhole, ofBroken);

  Value isOne =
      arith::OrIOp::create(builder, loc, e.isEqual(y, zero), e.isEqual(x, one));
  Value isNan =
      arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNO, x, y);
  return e.select(isOne, one, e.select(isNan, nan, result));
}
