//===- MathExpansion.cpp - Functions of one float64 number ----------------===//

#include "passes/lowering/MathExpansion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace {

/// Writes float64 arithmetic as expressions.
struct Expression {
  OpBuilder &builder;
  Location loc;

  Value number(double value) {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getF64FloatAttr(value));
  }
  Value integer(int64_t value) {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getI64IntegerAttr(value));
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
  Value bitsOf(Value a) {
    return arith::BitcastOp::create(builder, loc, builder.getI64Type(), a);
  }
  Value ofBits(Value a) {
    return arith::BitcastOp::create(builder, loc, builder.getF64Type(), a);
  }
  Value abs(Value a) {
    return select(isBelow(a, number(0.0)), sub(number(0.0), a), a);
  }

  /// 2^n for an integer \p n in [-1022, 1023]: the exponent's bits.
  Value powerOf2(Value n) {
    Value biased = arith::AddIOp::create(builder, loc, n, integer(1023));
    return ofBits(arith::ShLIOp::create(builder, loc, biased, integer(52)));
  }
};

} // namespace

/// Degree of the Taylor polynomial of exp on |r| <= ln(2) / 2, where the first
/// term left out is below 1e-17.
static constexpr int kExpDegree = 14;

Value lathe::buildExp(OpBuilder &builder, Location loc, Value x) {
  Expression e{builder, loc};
  // Beyond these the result is 0 or infinite. NaN passes both tests.
  x = e.select(e.isBelow(x, e.number(-750.0)), e.number(-750.0), x);
  x = e.select(e.isBelow(e.number(710.0), x), e.number(710.0), x);

  // n = x / ln 2, rounded to an integer: adding 1.5 * 2^52 leaves n in the low
  // bits, so that NaN makes no undefined conversion.
  Value magic = e.number(0x1.8p52);
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
  Expression e{builder, loc};
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
  Expression e{builder, loc};
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
