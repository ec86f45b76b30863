//===- RowQuantize.cpp - Row kernels' rounding to bytes -------------------===//
//
// What a row has as scales is known once its numbers are: they are parked where
// they are computed, then rounded. A group of 32 is at hand as two vectors.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/RowBuilder.h"

#include "dialects/lathe/QuantPages.h"
#include "dialects/lathe/QuantRows.h"
#include "passes/lowering/RowShapes.h"
#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace lathe {

using Values = KernelCode::Values;

/// Adding it rounds to a whole number, which then stands in the low bits.
static constexpr float kRounder = 12582912.0f;
/// The largest quantum of a signed byte.
static constexpr float kSteps = 127.0f;

/// The magnitudes of \p numbers as integers, which are in the same order, NaNs
/// last.
static Value magnitudeBits(const KernelCode &code, Value numbers) {
  VectorType integers = code.lanes(code.builder.getI32Type());
  Value bits =
      arith::BitcastOp::create(code.builder, code.loc, integers, numbers);
  Value mask = arith::ConstantOp::create(
      code.builder, code.loc,
      DenseElementsAttr::get(integers,
                             code.builder.getI32IntegerAttr(0x7fffffff)));
  return arith::AndIOp::create(code.builder, code.loc, bits, mask);
}

static Value maxInteger(const KernelCode &code, Value a, Value b) {
  return arith::MaxSIOp::create(code.builder, code.loc, a, b);
}

static Value addIntegers(const KernelCode &code, Value a, Value b) {
  return arith::AddIOp::create(code.builder, code.loc, a, b);
}

static Value reduce(const KernelCode &code, vector::CombiningKind kind,
                    Value vector) {
  return vector::ReductionOp::create(code.builder, code.loc, kind, vector);
}

static Value zeroIntegers(const KernelCode &code) {
  VectorType integers = code.lanes(code.builder.getI32Type());
  return arith::ConstantOp::create(code.builder, code.loc,
                                   code.builder.getZeroAttr(integers));
}

/// The quanta of \p numbers as i32.
static Value quantaOf(const KernelCode &code, Value numbers, Value reciprocal) {
  Value steps = code.mulf(numbers, code.broadcast(reciprocal));
  Value rounded = code.addf(steps, code.splat(kRounder));
  VectorType integers = code.lanes(code.builder.getI32Type());
  Value bits =
      arith::BitcastOp::create(code.builder, code.loc, integers, rounded);
  // The low byte is the quantum; the bits above are those of the rounder.
  Value bytes = arith::TruncIOp::create(
      code.builder, code.loc, code.lanes(code.builder.getI8Type()), bits);
  return arith::ExtSIOp::create(code.builder, code.loc, integers, bytes);
}

/// Scale and reciprocal (f32) of a group whose largest magnitude has the bits
/// \p most (vector<16xi32>, one of its lanes).
static std::pair<Value, Value> factorsOf(const KernelCode &code, Value most) {
  OpBuilder &builder = code.builder;
  auto number = [&](float value) {
    return buildFloat(builder, code.loc, code.f32(), value);
  };
  Value bits = reduce(code, vector::CombiningKind::MAXSI, most);
  Value magnitude =
      arith::BitcastOp::create(builder, code.loc, code.f32(), bits);
  auto isBelow = [&](float bound) -> Value {
    return arith::CmpFOp::create(builder, code.loc, arith::CmpFPredicate::OLT,
                                 magnitude, number(bound));
  };
  Value scale = code.divf(magnitude, number(kSteps));
  scale = code.select(isBelow(std::numeric_limits<float>::infinity()), scale,
                      number(std::numeric_limits<float>::quiet_NaN()));
  Value reciprocal = code.divf(number(kSteps), magnitude);
  reciprocal = code.select(isBelow(0x1p-100f), number(0.0f), reciprocal);
  return {scale, reciprocal};
}

/// Where the parts of one row of a stored result begin.
struct RowBuilder::QuantTarget {
  QuantRows layout;
  Value row;    ///< !llvm.ptr to its quanta; null where numbers are stored.
  Value result; ///< !llvm.ptr to the buffer of numbers.
};

void RowBuilder::emitQuantize(Operation *op, Value token) {
  auto quantize = cast<QuantizeOp>(op);
  int64_t depth = quantize.getType().getDimSize(1);
  QuantTarget target{QuantRows(quantize.getQuant(), depth), Value(),
                     baseOf(quantize.getResult())};
  OpBuilder &builder = code.builder;
  Type i8 = builder.getI8Type();
  if (rowQuantOf(quantize.getType())) {
    target.row = buildElementPtr(builder, code.loc, target.result, i8,
                                 code.mul(token, target.layout.rowBytes()));
    // Up to the next multiple of 64 there are zeros.
    if (depth % 64 != 0) {
      auto line = VectorType::get(64, i8);
      Value zeros = arith::ConstantOp::create(builder, code.loc,
                                              builder.getZeroAttr(line));
      buildStore(
          builder, code.loc, zeros,
          buildElementPtr(builder, code.loc, target.row, i8, depth / 64 * 64));
    }
  }
  if (target.layout.group() == 32)
    return quantizeGroups(quantize, token, target);
  quantizeRow(quantize, token, target);
}

/// Stores 16 quanta (i32) at \p place, or the numbers that they stand for.
void RowBuilder::storeQuanta(const QuantTarget &target, Value quanta,
                             Value scale, const Place &place) {
  OpBuilder &builder = code.builder;
  if (!target.row) {
    Value numbers = arith::SIToFPOp::create(builder, code.loc,
                                            code.lanes(code.f32()), quanta);
    Value first = code.mul(place.token, target.layout.depth());
    return code.storeLanes(code.mulf(code.broadcast(scale), numbers),
                           target.result, code.f32(),
                           code.add(first, place.column), place.lanes);
  }
  Value bytes = arith::TruncIOp::create(
      builder, code.loc, code.lanes(builder.getI8Type()), quanta);
  // All 16: behind the last column there is room, and lanes hold zeros.
  buildStore(builder, code.loc, bytes,
             buildElementPtr(builder, code.loc, target.row, builder.getI8Type(),
                             place.column));
}

void RowBuilder::storeScale(const QuantTarget &target, Value scale,
                            Value group) {
  if (!target.row)
    return;
  Value scales =
      buildElementPtr(code.builder, code.loc, target.row,
                      code.builder.getI8Type(), target.layout.scalesOffset());
  buildStore(
      code.builder, code.loc, scale,
      buildElementPtr(code.builder, code.loc, scales, code.f32(), group));
}

/// Stores the sum of the lanes of \p quanta as sum \p index of its row.
void RowBuilder::storeQuantaSum(const QuantTarget &target, Value quanta,
                                Value index) {
  if (!target.row)
    return;
  OpBuilder &builder = code.builder;
  Type type = builder.getIntegerType(8 * target.layout.sumBytes());
  Value sum = reduce(code, vector::CombiningKind::ADD, quanta);
  if (sum.getType() != type)
    sum = arith::TruncIOp::create(builder, code.loc, type, sum);
  Value sums = buildElementPtr(builder, code.loc, target.row,
                               builder.getI8Type(), target.layout.sumsOffset());
  buildStore(builder, code.loc, sum,
             buildElementPtr(builder, code.loc, sums, type, index));
}

/// A row that is one group: the first pass finds its magnitude.
void RowBuilder::quantizeRow(QuantizeOp op, Value token,
                             const QuantTarget &target) {
  Value input = op.getInput();
  auto shape = cast<RankedTensorType>(input.getType());
  int64_t depth = target.layout.depth();
  bool parks = !isPlain(input) && !parked.contains(input);
  Values most = overColumns(
      shape, token, nullptr, 0, depth, zeroIntegers(code),
      [&](const Place &place, ValueRange carried) -> Values {
        Value x = evaluate(input, place);
        if (parks)
          parkAt(input, x, place);
        x = code.keepLanes(x, place.lanes, 0.0f);
        return {maxInteger(code, carried[0], magnitudeBits(code, x))};
      });
  if (parks)
    notePark(input);
  auto [scale, reciprocal] = factorsOf(code, most[0]);
  Values sum = overColumns(
      shape, token, nullptr, 0, depth, zeroIntegers(code),
      [&, scale = scale, reciprocal = reciprocal](
          const Place &place, ValueRange carried) -> Values {
        Value x = code.keepLanes(evaluate(input, place), place.lanes, 0.0f);
        Value quanta = quantaOf(code, x, reciprocal);
        storeQuanta(target, quanta, scale, place);
        return {addIntegers(code, carried[0], quanta)};
      });
  storeScale(target, scale, code.index(0));
  storeQuantaSum(target, sum[0], code.index(0));
}

/// Groups of 32, one after the other.
void RowBuilder::quantizeGroups(QuantizeOp op, Value token,
                                const QuantTarget &target) {
  Value input = op.getInput();
  bool parks = isStoredByNorm(input) && !parked.contains(input);
  int64_t group = target.layout.group();
  code.loop(
      code.index(0), code.index(target.layout.depth()), group,
      [&](Value first) {
        Place places[] = {
            {token, first, first, 0},
            {token, code.add(first, kLanes), code.add(first, kLanes), 0}};
        Value numbers[2];
        for (auto [number, place] : llvm::zip_equal(numbers, places)) {
          number = evaluate(input, place);
          if (parks)
            parkAt(input, number, place);
        }
        auto [scale, reciprocal] =
            factorsOf(code, maxInteger(code, magnitudeBits(code, numbers[0]),
                                       magnitudeBits(code, numbers[1])));
        for (auto [number, place] : llvm::zip_equal(numbers, places)) {
          Value quanta = quantaOf(code, number, reciprocal);
          storeQuanta(target, quanta, scale, place);
          storeQuantaSum(target, quanta,
                         code.div(place.column, target.layout.sumTerms()));
        }
        storeScale(target, scale, code.div(first, group));
      });
  if (parks)
    notePark(input);
}

/// Pages of a cache: a group is the head of a token.
void RowBuilder::storeQuantised(const Store &store, Value head) {
  auto append = store.target.getDefiningOp<AppendOp>();
  RankedTensorType key = append.getKey().getType();
  int64_t heads = key.getDimSize(1), size = key.getDimSize(2);
  QuantPages layout(size);
  OpBuilder &builder = code.builder;
  Type i8 = builder.getI8Type();
  Value position = tokenFacts[append][1];
  Value inPages = code.add(code.mul(tokenFacts[append][0], heads), head);
  Value quanta = buildElementPtr(builder, code.loc, baseOf(store.target), i8,
                                 code.mul(inPages, layout.headBytes()));
  Value numbers = park(store.target, size);

  auto overHead = [&](ValueRange carried, auto body) {
    return overColumns(
        key, /*token=*/nullptr, /*head=*/nullptr, 0, size, carried,
        [&](const Place &place, ValueRange inner) -> Values {
          Value x = code.loadLanes(numbers, code.f32(), place.column);
          return body(code.keepLanes(x, place.lanes, 0.0f), place, inner);
        });
  };
  Values most =
      overHead(zeroIntegers(code),
               [&](Value x, const Place &, ValueRange carried) -> Values {
                 return {maxInteger(code, carried[0], magnitudeBits(code, x))};
               });
  auto [scale, reciprocal] = factorsOf(code, most[0]);
  overHead(
      {},
      [&, reciprocal = reciprocal](Value x, const Place &place,
                                   ValueRange) -> Values {
        Value bytes = arith::TruncIOp::create(builder, code.loc, code.lanes(i8),
                                              quantaOf(code, x, reciprocal));
        Value row =
            store.kind == Store::Kind::Value
                ? code.add(code.mul(position, size), place.column)
                : code.add(code.mul(place.column, kPagePositions), position);
        bool isWhole = place.lanes == kLanes;
        if (store.kind == Store::Kind::Value && isWhole) {
          buildStore(builder, code.loc, bytes,
                     buildElementPtr(builder, code.loc, quanta, i8, row));
          return {};
        }
        int64_t stride = store.kind == Store::Kind::Value ? 1 : kPagePositions;
        for (int64_t lane = 0; lane < place.lanes; ++lane)
          buildStore(builder, code.loc,
                     vector::ExtractOp::create(builder, code.loc, bytes, lane),
                     buildElementPtr(builder, code.loc, quanta, i8,
                                     code.add(row, lane * stride)));
        return {};
      });
  Value scales =
      buildElementPtr(builder, code.loc, quanta, i8, layout.scalesOffset());
  buildStore(builder, code.loc, scale,
             buildElementPtr(builder, code.loc, scales, code.f32(), position));
}

} // namespace lathe
