//===- QuantTile.cpp - The inner loops of a quantised contraction ---------===//

#include "passes/lowering/QuantTile.h"

#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace lathe {

/// Terms of an octet.
constexpr int64_t kOctet = 8;

QuantReader::Place QuantTile::placeOf(Value column) const {
  return reader.placeOf(match.weightBase(frame), match.columns, match.depth(),
                        column);
}

/// \p sums (rows by vectors) and the products of the first \p count terms of an
/// octet: \p octets by vector, activations from \p firstTerm on. A term is
/// decoded when its turn comes: registers are few.
KernelCode::Values QuantTile::addOctet(const TileRows &rows,
                                       ArrayRef<Octet> octets, Value firstTerm,
                                       int64_t count, ValueRange sums) const {
  auto floats = VectorType::get(lanes(), code.f32());
  Values next(sums);
  int64_t vectors = octets.size();
  for (int64_t term = 0; term < count; ++term) {
    Values numbers;
    for (const Octet &octet : octets)
      numbers.push_back(reader.termOf(octet.integers, term, octet.factors));
    for (int64_t row = 0; row < rows.count(); ++row) {
      Value pointer = rows.at(code.builder, code.loc, code.f32(), row,
                              code.add(firstTerm, term));
      Value number = buildLoad(code.builder, code.loc, code.f32(), pointer);
      Value spread =
          vector::BroadcastOp::create(code.builder, code.loc, floats, number);
      for (int64_t i = 0; i < vectors; ++i) {
        Value &sum = next[row * vectors + i];
        sum = buildFma(code.builder, code.loc, spread, numbers[i], sum);
      }
    }
  }
  return next;
}

/// Continues the chains \p sums by the terms of \p group.
KernelCode::Values QuantTile::addGroup(const TileRows &rows, const Group &group,
                                       ValueRange sums) const {
  SmallVector<QuantReader::Factors> factors;
  for (const QuantReader::Place &place : group.places)
    factors.push_back(reader.loadFactors(place, group.index));
  auto add = [&](Value octet, int64_t count, ValueRange carried) {
    SmallVector<Octet> octets;
    for (auto [place, factor] : llvm::zip_equal(group.places, factors))
      octets.push_back({reader.loadOctet(place, group.index, octet), factor});
    Value first = code.add(group.firstTerm, code.mul(octet, kOctet));
    return addOctet(rows, octets, first, count, carried);
  };
  int64_t terms = reader.quant().getGroup();
  Values next = code.loop(code.index(0), code.index(terms / kOctet), 1, sums,
                          [&](Value octet, ValueRange carried) {
                            return add(octet, kOctet, carried);
                          });
  // Behind the last term of a row may stand anything.
  if (terms % kOctet != 0)
    next = add(code.index(terms / kOctet), terms % kOctet, next);
  return next;
}

void QuantTile::build(const TileRows &rows, ArrayRef<Value> columns,
                      Value target) const {
  SmallVector<QuantReader::Place> places;
  for (Value first : columns)
    places.push_back(placeOf(first));
  auto floats = VectorType::get(lanes(), code.f32());
  Values sums(rows.count() * places.size(),
              buildFloat(code.builder, code.loc, floats, 0));

  QuantAttr quant = reader.quant();
  int64_t units = match.depth() / quant.unit();
  auto addUnit = [&](Value unit, ValueRange carried) {
    SmallVector<QuantReader::Place> in;
    for (const QuantReader::Place &place : places)
      in.push_back(reader.inUnit(place, unit));
    Value terms = code.mul(unit, quant.unit());
    return code.loop(code.index(0), code.index(reader.sizes().groupsPerUnit()),
                     1, carried, [&](Value group, ValueRange inner) {
                       Value first =
                           code.add(terms, code.mul(group, quant.getGroup()));
                       return addGroup(rows, {in, group, first}, inner);
                     });
  };
  sums = code.loop(code.index(0), code.index(units), 1, sums, addUnit);
  tile.store(sums, places.size(), target);
}

void QuantTile::decode(Value column, Value vectors,
                       const Decoded &target) const {
  code.loop(code.index(0), vectors, 1, [&](Value index) {
    Value first = tile.columnsOf(column, index, 1).front();
    Value numbers = buildElementPtr(code.builder, code.loc, target.base,
                                    code.f32(), code.mul(index, lanes()));
    decodeVector(placeOf(first), numbers, target);
  });
}

/// Writes the terms of \p target of the vector of columns at \p place.
void QuantTile::decodeVector(const QuantReader::Place &place, Value numbers,
                             const Decoded &target) const {
  QuantAttr quant = reader.quant();
  auto rowOf = [&](Value term) {
    return buildElementPtr(
        code.builder, code.loc, numbers, code.f32(),
        code.mul(code.sub(term, target.begin), tile.stride()));
  };
  // A row that is one group is cut by the chunk; whole units are not.
  if (quant.unit() > kChunk) {
    Value end = code.div(code.add(target.end, kOctet - 1), kOctet);
    return decodeOctets(place, code.index(0), code.div(target.begin, kOctet),
                        end, rowOf(target.begin));
  }
  Value octets = code.index(reader.sizes().octetsPerGroup());
  code.loop(target.begin, target.end, quant.unit(), [&](Value term) {
    QuantReader::Place in = reader.inUnit(place, code.div(term, quant.unit()));
    code.loop(code.index(0), code.index(reader.sizes().groupsPerUnit()), 1,
              [&](Value group) {
                Value first = code.add(term, code.mul(group, quant.getGroup()));
                decodeOctets(in, group, code.index(0), octets, rowOf(first));
              });
  });
}

/// Writes octets [\p firstOctet, \p endOctet) of a group, term after term from
/// \p row on. The last one of a row may reach past its end, for which scratch
/// has room.
void QuantTile::decodeOctets(const QuantReader::Place &inUnit, Value group,
                             Value firstOctet, Value endOctet,
                             Value row) const {
  QuantReader::Factors factors = reader.loadFactors(inUnit, group);
  code.loop(firstOctet, endOctet, 1, [&](Value octet) {
    Value at = code.mul(code.sub(octet, firstOctet), kOctet * tile.stride());
    Value terms = buildElementPtr(code.builder, code.loc, row, code.f32(), at);
    for (auto [i, number] :
         llvm::enumerate(reader.loadTerms(inUnit, group, octet, factors)))
      buildStore(code.builder, code.loc, number,
                 buildElementPtr(code.builder, code.loc, terms, code.f32(),
                                 int64_t(i) * tile.stride()));
  });
}

} // namespace lathe
