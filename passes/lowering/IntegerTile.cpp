//===- IntegerTile.cpp - The inner loop of an integer contraction ---------===//
//
// Weights stand without a sign. What their zero is worth, zero times the sum of
// the group's activations, is taken off by the value that the integer sum
// begins with; the row kernel that quantised the activations left their sums.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/IntegerTile.h"

#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace lathe {

/// Terms of an octet.
constexpr int64_t kOctet = 8;

IntegerTile::IntegerTile(KernelFrame &frame, KernelCode code,
                         const Contraction &match, const RegisterTile &tile)
    : code(code), match(match), tile(tile), weights(match.weightBase(frame)),
      reader(code, match.packing, match.schedule.getVector()),
      rowLayout(match.inputQuant, match.depth()),
      dot(code, match.schedule.getDot(), match.schedule.getVector(),
          match.packing.getQuant().bits()) {}

Value IntegerTile::spread(Value number) const {
  return vector::BroadcastOp::create(code.builder, code.loc,
                                     VectorType::get(lanes(), number.getType()),
                                     number);
}

/// Address of what stands \p offset bytes behind the start of row \p row.
Value IntegerTile::rowField(const TileRows &rows, int64_t row,
                            int64_t offset) const {
  return rows.at(code.builder, code.loc, code.builder.getI8Type(), row,
                 code.index(offset));
}

/// The scale (f32) of the terms of row \p row from \p firstTerm on.
Value IntegerTile::loadScale(const TileRows &rows, int64_t row,
                             Value firstTerm) const {
  Value scales = rowField(rows, row, rowLayout.scalesOffset());
  return code.loadNumber(scales, code.f32(),
                         code.div(firstTerm, rowLayout.group()));
}

/// The sum (i32) of the quanta of row \p row in the span that begins with
/// \p firstTerm.
Value IntegerTile::loadSum(const TileRows &rows, int64_t row,
                           Value firstTerm) const {
  OpBuilder &builder = code.builder;
  Type i32 = builder.getI32Type();
  Value sums = rowField(rows, row, rowLayout.sumsOffset());
  if (isWholeRow())
    return buildLoad(builder, code.loc, i32, sums);
  Type i16 = builder.getI16Type();
  Value first = code.div(firstTerm, rowLayout.sumTerms());
  Value total;
  int64_t parts = reader.quant().getGroup() / rowLayout.sumTerms();
  for (int64_t part = 0; part < parts; ++part) {
    Value sum = buildLoad(
        builder, code.loc, i16,
        buildElementPtr(builder, code.loc, sums, i16, code.add(first, part)));
    sum = arith::ExtSIOp::create(builder, code.loc, i32, sum);
    total = total ? arith::AddIOp::create(builder, code.loc, total, sum) : sum;
  }
  return total;
}

/// Adds the products of an octet of the span to \p sums (rows by vectors).
KernelCode::Values IntegerTile::dotOctet(const TileRows &rows, const Span &span,
                                         Value octet, ValueRange sums) const {
  Values next(sums);
  Value term = code.add(span.firstTerm, code.mul(octet, kOctet));
  if (isWholeRow())
    span.ahead.prefetch(code, term, kOctet);
  int64_t vectors = span.places.size();
  auto activationsOf = [&](int64_t row, int64_t half) {
    Value pointer = rows.at(code.builder, code.loc, code.builder.getI8Type(),
                            row, code.add(term, half * kOctet / 2));
    return dot.spreadActivations(pointer);
  };
  auto weightsOf = [&](std::pair<Value, Value> words, int64_t half) {
    return dot.prepareWeights(half == 0 ? words.first : words.second);
  };
  // The side that has fewer is in registers.
  if (rows.count() < vectors) {
    SmallVector<Values> activations;
    for (int64_t half = 0; half < 2; ++half)
      for (int64_t row = 0; row < rows.count(); ++row)
        activations.push_back(activationsOf(row, half));
    for (auto [i, place] : llvm::enumerate(span.places)) {
      auto words = reader.loadOctet(place, span.group, octet);
      for (int64_t half = 0; half < 2; ++half) {
        Values weights = weightsOf(words, half);
        for (int64_t row = 0; row < rows.count(); ++row) {
          Value &sum = next[row * vectors + i];
          sum = dot.add(sum, weights, activations[half * rows.count() + row]);
        }
      }
    }
    return next;
  }
  SmallVector<std::array<Values, 2>> weights;
  for (const QuantReader::Place &place : span.places) {
    auto words = reader.loadOctet(place, span.group, octet);
    weights.push_back({weightsOf(words, 0), weightsOf(words, 1)});
  }
  for (int64_t half = 0; half < 2; ++half)
    for (int64_t row = 0; row < rows.count(); ++row) {
      Values activations = activationsOf(row, half);
      for (int64_t i = 0; i < vectors; ++i) {
        Value &sum = next[row * vectors + i];
        sum = dot.add(sum, weights[i][half], activations);
      }
    }
  return next;
}

IntegerTile::RowFactors IntegerTile::rowFactorsOf(const TileRows &rows,
                                                  Value firstTerm) const {
  RowFactors factors;
  for (int64_t row = 0; row < rows.count(); ++row) {
    factors.quantaSums.push_back(loadSum(rows, row, firstTerm));
    factors.scales.push_back(loadScale(rows, row, firstTerm));
  }
  return factors;
}

/// What the integer sums of the span, rows by vectors, begin with.
/// \p quantaSums are those of the rows.
KernelCode::Values IntegerTile::startsOf(const Span &span,
                                         ArrayRef<Value> quantaSums) const {
  OpBuilder &builder = code.builder;
  int64_t zero = reader.sizes().zero() - dot.bias();
  Values starts;
  for (Value quantaSum : quantaSums) {
    Value factor = arith::ConstantOp::create(
        builder, code.loc, builder.getI32IntegerAttr(int32_t(-zero)));
    Value start =
        spread(arith::MulIOp::create(builder, code.loc, quantaSum, factor));
    starts.append(span.places.size(), start);
  }
  return starts;
}

/// The integer sums of the span, rows by vectors: of (weight - zero) times
/// activation.
KernelCode::Values IntegerTile::dotSpan(const TileRows &rows, const Span &span,
                                        ArrayRef<Value> quantaSums) const {
  Values sums = startsOf(span, quantaSums);
  int64_t octets = reader.sizes().octetsPerGroup();
  if (!isWholeRow()) {
    for (int64_t octet = 0; octet < octets; ++octet)
      sums = dotOctet(rows, span, code.index(octet), sums);
    return sums;
  }
  return code.loop(code.index(0), code.index(octets), 1, sums,
                   [&](Value octet, ValueRange carried) {
                     return dotOctet(rows, span, octet, carried);
                   });
}

/// Continues the chains \p sums (rows by vectors) by the products of \p span.
KernelCode::Values IntegerTile::addSpan(const TileRows &rows, const Span &span,
                                        ValueRange sums) const {
  RowFactors factors = rowFactorsOf(rows, span.firstTerm);
  if (!isWholeRow())
    span.ahead.prefetch(code, span.firstTerm, reader.quant().getGroup());
  return addDots(span, factors, dotSpan(rows, span, factors.quantaSums), sums);
}

/// The same by the integer sums \p dots (rows by vectors) of the span.
KernelCode::Values IntegerTile::addDots(const Span &span,
                                        const RowFactors &rows, ValueRange dots,
                                        ValueRange sums) const {
  OpBuilder &builder = code.builder;
  auto floats = VectorType::get(lanes(), code.f32());
  Values next(sums);
  int64_t vectors = span.places.size();
  for (int64_t i = 0; i < vectors; ++i) {
    QuantReader::Factors factors =
        reader.loadFactors(span.places[i], span.group);
    for (auto [r, rowScale] : llvm::enumerate(rows.scales)) {
      Value &sum = next[r * vectors + i];
      Value number = arith::SIToFPOp::create(builder, code.loc, floats,
                                             dots[r * vectors + i]);
      Value scale = code.mulf(factors.scale, spread(rowScale));
      sum = code.fma(number, scale, sum);
      if (!reader.sizes().hasMinimum())
        continue;
      // The offset is that of the minimum alone: the zero is in the integers.
      Value total = arith::SIToFPOp::create(builder, code.loc, code.f32(),
                                            rows.quantaSums[r]);
      sum = code.fma(factors.offset, spread(code.mulf(total, rowScale)), sum);
    }
  }
  return next;
}

KernelCode::Values IntegerTile::addUnit(const TileRows &rows,
                                        ArrayRef<QuantReader::Place> places,
                                        Value unit, const Ahead &ahead,
                                        ValueRange sums) const {
  QuantAttr quant = reader.quant();
  SmallVector<QuantReader::Place> in;
  for (const QuantReader::Place &place : places)
    in.push_back(reader.inUnit(place, unit));
  Value terms = code.mul(unit, quant.unit());
  return code.loop(code.index(0), code.index(reader.sizes().groupsPerUnit()), 1,
                   sums, [&](Value group, ValueRange carried) -> Values {
                     Value first =
                         code.add(terms, code.mul(group, quant.getGroup()));
                     return addSpan(rows, {in, group, first, ahead}, carried);
                   });
}

SmallVector<QuantReader::Place>
IntegerTile::placesOf(ArrayRef<Value> columns) const {
  SmallVector<QuantReader::Place> places;
  for (Value first : columns)
    places.push_back(
        reader.placeOf(weights, match.columns, match.depth(), first));
  return places;
}

void IntegerTile::build(const TileRows &rows, ArrayRef<Value> columns,
                        Value target, const Ahead &ahead) const {
  SmallVector<QuantReader::Place> places = placesOf(columns);
  auto floats = VectorType::get(lanes(), code.f32());
  Values sums(rows.count() * places.size(),
              buildFloat(code.builder, code.loc, floats, 0));
  int64_t units = match.depth() / reader.quant().unit();
  sums = code.loop(code.index(0), code.index(units), 1, sums,
                   [&](Value unit, ValueRange carried) {
                     return addUnit(rows, places, unit, ahead, carried);
                   });
  tile.store(sums, places.size(), target);
}

void IntegerTile::finish(const TileRows &rows, ArrayRef<Value> columns,
                         Value target) const {
  OpBuilder &builder = code.builder;
  SmallVector<QuantReader::Place> places = placesOf(columns);
  Ahead none;
  Span row{places, code.index(0), code.index(0), none};
  RowFactors factors = rowFactorsOf(rows, row.firstTerm);
  int64_t count = rows.count() * places.size();
  Values dots = tile.load(count, places.size(), target, builder.getI32Type());
  for (auto [dot, start] :
       llvm::zip_equal(dots, startsOf(row, factors.quantaSums)))
    dot = arith::AddIOp::create(builder, code.loc, dot, start);
  auto floats = VectorType::get(lanes(), code.f32());
  Values zeros(count, buildFloat(builder, code.loc, floats, 0));
  tile.store(addDots(row, factors, dots, zeros), places.size(), target);
}

} // namespace lathe
