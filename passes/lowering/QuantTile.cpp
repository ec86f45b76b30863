//===- QuantTile.cpp - The inner loops of a quantised contraction ---------===//

#include "passes/lowering/QuantTile.h"

#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace lathe {

/// Terms of an octet.
constexpr int64_t kOctet = 8;

/// The panel of the vector of columns from \p column on, at its first unit; of
/// the last panel if that is past the end: a tile may be wider than what is
/// left of the columns.
QuantReader::Place QuantTile::placeOf(Value column) const {
  int64_t columns = match.packing.getColumns();
  int64_t count = llvm::divideCeil(match.columns, columns);
  Value panel = code.min(code.div(column, columns), code.index(count - 1));
  Value offset = code.mul(panel, reader.sizes().panelBytes(match.depth()));
  LinearOp linear = match.linear;
  Value weights = frame.buffer(cast<BlockArgument>(linear.getWeight()));
  return {buildElementPtr(code.builder, code.loc, weights,
                          code.builder.getI8Type(), offset),
          code.rem(column, columns)};
}

QuantReader::Place QuantTile::inUnit(QuantReader::Place place,
                                     Value unit) const {
  Value offset = code.mul(unit, reader.sizes().unitBytes());
  place.unit = buildElementPtr(code.builder, code.loc, place.unit,
                               code.builder.getI8Type(), offset);
  return place;
}

/// \p sums (rows by vectors) and the products of an octet: \p terms by vector,
/// activations from \p activation on.
KernelCode::Values QuantTile::addOctet(ArrayRef<Values> terms, Value activation,
                                       int64_t rowStride,
                                       ValueRange sums) const {
  auto floats = VectorType::get(lanes(), code.f32());
  Values next(sums);
  int64_t vectors = terms.size(), rows = sums.size() / vectors;
  for (int64_t term = 0; term < kOctet; ++term)
    for (int64_t row = 0; row < rows; ++row) {
      Value number =
          buildLoad(code.builder, code.loc, code.f32(),
                    buildElementPtr(code.builder, code.loc, activation,
                                    code.f32(), row * rowStride + term));
      Value spread =
          vector::BroadcastOp::create(code.builder, code.loc, floats, number);
      for (int64_t i = 0; i < vectors; ++i) {
        Value &sum = next[row * vectors + i];
        sum = buildFma(code.builder, code.loc, spread, terms[i][term], sum);
      }
    }
  return next;
}

void QuantTile::build(int64_t rows,
                      const RegisterTile::Activations &activations, Value row,
                      Value column) const {
  int64_t width = tile.width(rows);
  SmallVector<QuantReader::Place> places;
  for (Value first : tile.vectorColumns(width, column))
    places.push_back(placeOf(first));
  Value base =
      buildElementPtr(code.builder, code.loc, activations.base, code.f32(),
                      code.mul(row, activations.rowStride));
  auto floats = VectorType::get(lanes(), code.f32());
  Values sums(rows * places.size(),
              buildFloat(code.builder, code.loc, floats, 0));

  QuantAttr quant = reader.quant();
  int64_t units = match.depth() / quant.unit();
  auto addGroup = [&](ArrayRef<QuantReader::Place> in, Value group,
                      Value activation, ValueRange before) {
    SmallVector<QuantReader::Factors> factors;
    for (const QuantReader::Place &place : in)
      factors.push_back(reader.loadFactors(place, group));
    return code.loop(
        code.index(0), code.index(quant.getGroup() / kOctet), 1, before,
        [&](Value octet, ValueRange carried) -> Values {
          SmallVector<Values> terms;
          for (auto [place, factor] : llvm::zip_equal(in, factors))
            terms.push_back(reader.loadTerms(place, group, octet, factor));
          Value at = buildElementPtr(code.builder, code.loc, activation,
                                     code.f32(), code.mul(octet, kOctet));
          return addOctet(terms, at, activations.rowStride, carried);
        });
  };
  sums =
      code.loop(code.index(0), code.index(units), 1, sums,
                [&](Value unit, ValueRange carried) -> Values {
                  SmallVector<QuantReader::Place> in;
                  for (const QuantReader::Place &place : places)
                    in.push_back(inUnit(place, unit));
                  Value terms = code.mul(unit, quant.unit());
                  return code.loop(
                      code.index(0), code.index(reader.sizes().groupsPerUnit()),
                      1, carried, [&](Value group, ValueRange inner) -> Values {
                        Value term =
                            code.add(terms, code.mul(group, quant.getGroup()));
                        Value at = buildElementPtr(code.builder, code.loc, base,
                                                   code.f32(), term);
                        return addGroup(in, group, at, inner);
                      });
                });

  SmallVector<int64_t> targets = tile.sumPlaces(width);
  for (auto [i, sum] : llvm::enumerate(sums)) {
    int64_t at =
        i / targets.size() * tile.stride() + targets[i % targets.size()];
    buildStore(code.builder, code.loc, sum,
               buildElementPtr(code.builder, code.loc, frame.scratch(),
                               code.f32(), at));
  }
}

void QuantTile::decode(Value column, Value vectors,
                       const RegisterTile::Decoded &target) const {
  QuantAttr quant = reader.quant();
  SmallVector<Value> firsts = tile.vectorColumns(tile.width(1), column);
  int64_t own = tile.width(1) / lanes();
  auto decodeVector = [&](Value index) {
    // The halves of a gate are apart in the weight, not in scratch.
    Value first = code.add(firsts[0], code.mul(index, lanes()));
    if (int64_t(firsts.size()) > own)
      first = code.select(
          code.less(index, code.index(own)), first,
          code.add(firsts[own], code.mul(code.add(index, -own), lanes())));
    QuantReader::Place place = placeOf(first);
    Value numbers = buildElementPtr(code.builder, code.loc, target.base,
                                    code.f32(), code.mul(index, lanes()));
    code.loop(target.begin, target.end, quant.unit(), [&](Value term) {
      QuantReader::Place in = inUnit(place, code.div(term, quant.unit()));
      code.loop(
          code.index(0), code.index(reader.sizes().groupsPerUnit()), 1,
          [&](Value group) {
            QuantReader::Factors factors = reader.loadFactors(in, group);
            Value before = code.add(code.sub(term, target.begin),
                                    code.mul(group, quant.getGroup()));
            code.loop(
                code.index(0), code.index(quant.getGroup() / kOctet), 1,
                [&](Value octet) {
                  Value at = code.mul(code.add(before, code.mul(octet, kOctet)),
                                      tile.stride());
                  Value row = buildElementPtr(code.builder, code.loc, numbers,
                                              code.f32(), at);
                  for (auto [i, number] : llvm::enumerate(
                           reader.loadTerms(in, group, octet, factors)))
                    buildStore(code.builder, code.loc, number,
                               buildElementPtr(code.builder, code.loc, row,
                                               code.f32(),
                                               int64_t(i) * tile.stride()));
                });
          });
    });
  };
  code.loop(code.index(0), vectors, 1, decodeVector);
}

} // namespace lathe
