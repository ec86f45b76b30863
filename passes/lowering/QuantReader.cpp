//===- QuantReader.cpp - Numbers of a quantised, packed weight ------------===//
//
// A word holds an octet of one column, so everything here works on a vector of
// words, a lane a column: masks and shifts give the integers, a conversion and
// one fma the numbers.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/QuantReader.h"

#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace lathe {

/// Bytes of a word, in which an octet of a column stands.
constexpr int64_t kWord = 4;

Value QuantReader::words(uint32_t number) const {
  auto type = VectorType::get(lanes, code.builder.getI32Type());
  return arith::ConstantOp::create(
      code.builder, code.loc, DenseElementsAttr::get(type, APInt(32, number)));
}

Value QuantReader::shiftRight(Value vector, Value count) const {
  Value word = arith::TruncIOp::create(code.builder, code.loc,
                                       code.builder.getI32Type(), count);
  Value counts = vector::BroadcastOp::create(code.builder, code.loc,
                                             vector.getType(), word);
  return arith::ShRUIOp::create(code.builder, code.loc, vector, counts);
}

/// The elements of an array at \p base + \p offset bytes, from \p column on.
Value QuantReader::loadBytes(Value base, Value offset, Type element,
                             Value column) const {
  Value array = buildElementPtr(code.builder, code.loc, base,
                                code.builder.getI8Type(), offset);
  return buildLoad(
      code.builder, code.loc, VectorType::get(lanes, element),
      buildElementPtr(code.builder, code.loc, array, element, column));
}

Value QuantReader::loadFactor(const Place &place, int64_t offset) const {
  Type element =
      layout.factorBytes() == 4 ? code.f32() : Type(code.builder.getF16Type());
  return buildWiden(
      code.builder, code.loc,
      loadBytes(place.unit, code.index(offset), element, place.column));
}

/// The integer factor of a group, as f32.
Value QuantReader::loadGroupFactor(const Place &place, int64_t offset,
                                   Value group) const {
  OpBuilder &builder = code.builder;
  Value at = code.add(code.mul(group, packing.getColumns()), offset);
  Value bytes = loadBytes(place.unit, at, builder.getI8Type(), place.column);
  auto integers = VectorType::get(lanes, builder.getI32Type());
  Value integer =
      quant().getScale().isSignedInteger()
          ? Value(arith::ExtSIOp::create(builder, code.loc, integers, bytes))
          : Value(arith::ExtUIOp::create(builder, code.loc, integers, bytes));
  return arith::SIToFPOp::create(builder, code.loc,
                                 VectorType::get(lanes, code.f32()), integer);
}

QuantReader::Place QuantReader::placeOf(Value base, int64_t rows, int64_t depth,
                                        Value column) const {
  int64_t columns = packing.getColumns();
  int64_t count = llvm::divideCeil(rows, columns);
  Value panel = code.min(code.div(column, columns), code.index(count - 1));
  Value offset = code.mul(panel, layout.panelBytes(depth));
  return {buildElementPtr(code.builder, code.loc, base,
                          code.builder.getI8Type(), offset),
          code.rem(column, columns)};
}

QuantReader::Place QuantReader::inUnit(Place place, Value unit) const {
  place.unit = buildElementPtr(code.builder, code.loc, place.unit,
                               code.builder.getI8Type(),
                               code.mul(unit, layout.unitBytes()));
  return place;
}

QuantReader::Factors QuantReader::loadFactors(const Place &place,
                                              Value group) const {
  Factors factors;
  factors.scale = loadFactor(place, 0);
  if (layout.hasGroupFactors())
    factors.scale =
        code.mulf(factors.scale,
                  loadGroupFactor(place, layout.groupScaleOffset(), group));
  auto floats = VectorType::get(lanes, code.f32());
  auto number = [&](float value) {
    return buildFloat(code.builder, code.loc, floats, value);
  };
  if (!layout.hasMinimum()) {
    factors.offset = code.mulf(factors.scale, number(-float(layout.zero())));
    return factors;
  }
  Value minimum = loadFactor(place, layout.minimumOffset());
  if (layout.hasGroupFactors())
    minimum = code.mulf(
        minimum, loadGroupFactor(place, layout.groupMinimumOffset(), group));
  factors.offset = code.mulf(minimum, number(-1.0f));
  return factors;
}

std::pair<Value, Value> QuantReader::loadOctet(const Place &place, Value group,
                                               Value octet) const {
  OpBuilder &builder = code.builder;
  Type i32 = builder.getI32Type();
  int64_t row = kWord * packing.getColumns();
  Value base =
      code.add(code.mul(group, layout.groupBytes()), layout.groupsOffset());
  if (layout.lowBits() == 8) {
    Value first = code.add(base, code.mul(octet, 2 * row));
    return {loadBytes(place.unit, first, i32, place.column),
            loadBytes(place.unit, code.add(first, row), i32, place.column)};
  }

  Value both = loadBytes(place.unit, code.add(base, code.mul(octet, row)), i32,
                         place.column);
  auto mask = [&](Value vector, uint32_t bits) -> Value {
    return arith::AndIOp::create(builder, code.loc, vector, words(bits));
  };
  Value low = mask(both, 0x0f0f0f0f);
  Value high = mask(arith::ShRUIOp::create(builder, code.loc, both, words(4)),
                    0x0f0f0f0f);
  int64_t bits = layout.highBits();
  if (bits == 0)
    return {low, high};

  // An octet has 2 * bits of the 8 bits in each byte of a high word.
  int64_t octets = 4 / bits;
  Value at = code.add(base, layout.highOffset());
  at = code.add(at, code.mul(code.div(octet, octets), row));
  Value more = loadBytes(place.unit, at, i32, place.column);
  Value count = code.mul(code.rem(octet, octets), 2 * bits);
  uint32_t each = bits == 1 ? 0x01010101 : 0x03030303;
  auto addBits = [&](Value term, Value shift) -> Value {
    Value extra = mask(shiftRight(more, shift), each);
    extra = arith::ShLIOp::create(builder, code.loc, extra, words(4));
    return arith::OrIOp::create(builder, code.loc, term, extra);
  };
  return {addBits(low, count), addBits(high, code.add(count, bits))};
}

SmallVector<Value> QuantReader::loadTerms(const Place &place, Value group,
                                          Value octet,
                                          const Factors &factors) const {
  std::pair<Value, Value> integers = loadOctet(place, group, octet);
  SmallVector<Value> terms;
  for (int64_t term = 0; term < 8; ++term)
    terms.push_back(termOf(integers, term, factors));
  return terms;
}

Value QuantReader::termOf(std::pair<Value, Value> octet, int64_t term,
                          const Factors &factors) const {
  OpBuilder &builder = code.builder;
  auto floats = VectorType::get(lanes, code.f32());
  Value four = term < 4 ? octet.first : octet.second;
  Value integer = arith::ShRUIOp::create(builder, code.loc, four,
                                         words(uint32_t(8 * (term % 4))));
  integer = arith::AndIOp::create(builder, code.loc, integer, words(0xff));
  Value number = arith::SIToFPOp::create(builder, code.loc, floats, integer);
  return buildFma(builder, code.loc, number, factors.scale, factors.offset);
}

} // namespace lathe
