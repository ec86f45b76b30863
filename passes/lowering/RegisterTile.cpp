//===- RegisterTile.cpp - The inner loop of a contraction -----------------===//
//
// One step of the loop loads the weights of a term for all columns of the tile
// (consecutive vectors of a panel), and for each row one activation, which is
// broadcast; each pair is one fma into an accumulator that lives in a register
// from the first term to the last. So each sum is one chain in ascending order,
// whatever the shape of the tile that happens to compute it. Where the schedule
// names a dot product of pairs, a step is one such pair and one instruction.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/RegisterTile.h"

#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace lathe {

Value TileRows::at(OpBuilder &builder, Location loc, Type element, int64_t row,
                   Value term) const {
  if (stride == 0)
    return buildElementPtr(builder, loc, pointers[row], element, term);
  Value first = buildElementPtr(builder, loc, pointers[0], element, term);
  return buildElementPtr(builder, loc, first, element, row * stride);
}

int64_t RegisterTile::upShift() const {
  return match.isGated ? match.resultColumns % lanes() : 0;
}

int64_t RegisterTile::vectors(int64_t width) const {
  int64_t own = width / lanes();
  return match.isGated ? 2 * own + (upShift() != 0) : own;
}

int64_t RegisterTile::width(int64_t rows) const {
  ScheduleAttr schedule = match.schedule;
  int64_t budget = schedule.getRows() * schedule.getColumns() / lanes();
  int64_t widest = schedule.getPanels() * match.packing.getColumns();
  int64_t width = lanes();
  // Heads are made of all columns of a launch tile: tiles must not cross its
  // end.
  auto fits = [&](int64_t columns) {
    return match.headSize == 0 ? columns <= widest : widest % columns == 0;
  };
  while (fits(2 * width) && rows * vectors(2 * width) <= budget)
    width *= 2;
  return width;
}

/// Vectors that a tile of decoded weights takes at most.
constexpr int64_t kDecodedVectors = 4;

int64_t RegisterTile::stride() const {
  int64_t count = vectors(width(1));
  if (match.headSize > 0)
    count = match.schedule.getPanels() * match.packing.getColumns() / lanes();
  if (match.packing.getQuant())
    count = llvm::alignTo(count, kDecodedVectors);
  return count * lanes();
}

int64_t RegisterTile::decodedVectors(int64_t rows) const {
  ScheduleAttr schedule = match.schedule;
  int64_t budget = schedule.getRows() * schedule.getColumns() / lanes();
  int64_t count = kDecodedVectors;
  while (count > 1 && rows * count > budget)
    count /= 2;
  return count;
}

int64_t RegisterTile::upOffset() const { return width(1) + upShift(); }

int64_t RegisterTile::panelElements() const {
  int64_t depth = match.packing.getDepth();
  return llvm::divideCeil(match.depth(), depth) * depth *
         match.packing.getColumns();
}

/// Address of panel \p panel, or of the last one if it is past the end: a tile
/// may be wider than what is left of the columns.
Value RegisterTile::panelPointer(Value panel) const {
  OpBuilder &builder = frame.builder();
  int64_t count = llvm::divideCeil(match.columns, match.packing.getColumns());
  panel = arith::MinSIOp::create(builder, loc, panel,
                                 buildIndex(builder, loc, count - 1));
  Value offset = arith::MulIOp::create(
      builder, loc, panel, buildIndex(builder, loc, panelElements()));
  LinearOp linear = match.linear;
  return buildElementPtr(builder, loc,
                         frame.buffer(cast<BlockArgument>(linear.getWeight())),
                         match.weightElement, offset);
}

SmallVector<Value> RegisterTile::vectorColumns(int64_t width,
                                               Value column) const {
  OpBuilder &builder = frame.builder();
  int64_t own = width / lanes();
  SmallVector<Value> columns;
  for (int64_t i = 0; i < vectors(width); ++i) {
    int64_t distance =
        i < own ? i * lanes()
                : match.resultColumns - upShift() + (i - own) * lanes();
    columns.push_back(arith::AddIOp::create(
        builder, loc, column, buildIndex(builder, loc, distance)));
  }
  return columns;
}

/// Address of the first weight of each vector of a tile.
SmallVector<Value> RegisterTile::weightPointers(int64_t width,
                                                Value column) const {
  OpBuilder &builder = frame.builder();
  int64_t panelColumns = match.packing.getColumns();
  int64_t depth = match.packing.getDepth();
  Value panelSize = buildIndex(builder, loc, panelColumns);
  SmallVector<Value> pointers;
  // Vectors from `first` on; those of one panel share its address.
  auto add = [&](Value first, int64_t count, bool isAligned) {
    Value base;
    for (int64_t i = 0; i < count; ++i) {
      int64_t distance = i * lanes();
      if (!isAligned || distance % panelColumns == 0) {
        Value at = arith::AddIOp::create(builder, loc, first,
                                         buildIndex(builder, loc, distance));
        Value panel = arith::DivUIOp::create(builder, loc, at, panelSize);
        Value inside = arith::RemUIOp::create(builder, loc, at, panelSize);
        inside = arith::MulIOp::create(builder, loc, inside,
                                       buildIndex(builder, loc, depth));
        base = buildElementPtr(builder, loc, panelPointer(panel),
                               match.weightElement, inside);
      }
      int64_t inside = isAligned ? distance % panelColumns : 0;
      pointers.push_back(buildElementPtr(builder, loc, base,
                                         match.weightElement, inside * depth));
    }
  };
  // A tile starts at a multiple of its width: inside a panel, or at one.
  int64_t own = width / lanes();
  add(column, own, /*isAligned=*/true);
  if (match.isGated) {
    Value up = arith::AddIOp::create(
        builder, loc, column,
        buildIndex(builder, loc, match.resultColumns - upShift()));
    add(up, own + (upShift() != 0),
        /*isAligned=*/match.resultColumns % panelColumns == 0);
  }
  return pointers;
}

/// The weights of `depth` consecutive terms at \p pointer, widened: one vector
/// for each of the first \p terms of them. Pairs stay as they are.
SmallVector<Value> RegisterTile::loadWeights(const Weights &weights,
                                             Value pointer,
                                             int64_t terms) const {
  OpBuilder &builder = frame.builder();
  Type element = weights.element;
  auto floats = VectorType::get(lanes(), builder.getF32Type());
  if (addsPairs())
    return {buildLoad(builder, loc, VectorType::get(2 * lanes(), element),
                      pointer)};
  if (weights.depth == 1)
    return {buildWiden(
        builder, loc,
        buildLoad(builder, loc, VectorType::get(lanes(), element), pointer))};

  // Two 16-bit terms of a column stand in one word, the first one low.
  auto words = VectorType::get(lanes(), builder.getI32Type());
  auto shorts = VectorType::get(lanes(), builder.getI16Type());
  auto constant = [&](uint32_t value) -> Value {
    return arith::ConstantOp::create(
        builder, loc, DenseElementsAttr::get(words, APInt(32, value)));
  };
  Value both = buildLoad(builder, loc, words, pointer);
  SmallVector<Value> result;
  for (int64_t term = 0; term < terms; ++term) {
    if (element.isBF16()) {
      Value bits =
          term == 0
              ? Value(arith::ShLIOp::create(builder, loc, both, constant(16)))
              : Value(arith::AndIOp::create(builder, loc, both,
                                            constant(0xffff0000u)));
      result.push_back(arith::BitcastOp::create(builder, loc, floats, bits));
      continue;
    }
    Value half =
        term == 0
            ? both
            : Value(arith::ShRUIOp::create(builder, loc, both, constant(16)));
    half = arith::TruncIOp::create(builder, loc, shorts, half);
    half = arith::BitcastOp::create(builder, loc,
                                    VectorType::get(lanes(), element), half);
    result.push_back(buildWiden(builder, loc, half));
  }
  return result;
}

/// The activations of \p terms consecutive terms at \p pointer, each spread
/// over a vector. A pair whose second term is not there has 0 in its place.
SmallVector<Value> RegisterTile::loadActivations(Value pointer,
                                                 int64_t terms) const {
  OpBuilder &builder = frame.builder();
  Type element = match.activationElement;
  if (addsPairs()) {
    Type word = builder.getI32Type();
    Value pair;
    if (terms == 2) {
      // A row may begin at any element.
      pair = LLVM::LoadOp::create(builder, loc, word, pointer, /*alignment=*/2);
    } else {
      Value half = buildLoad(builder, loc, builder.getI16Type(), pointer);
      pair = arith::ExtUIOp::create(builder, loc, word, half);
    }
    Value spread = vector::BroadcastOp::create(
        builder, loc, VectorType::get(lanes(), word), pair);
    return {vector::BitCastOp::create(
        builder, loc, VectorType::get(2 * lanes(), element), spread)};
  }
  auto floats = VectorType::get(lanes(), builder.getF32Type());
  SmallVector<Value> result;
  for (int64_t term = 0; term < terms; ++term) {
    Value number =
        buildLoad(builder, loc, element,
                  buildElementPtr(builder, loc, pointer, element, term));
    result.push_back(vector::BroadcastOp::create(
        builder, loc, floats, buildWiden(builder, loc, number)));
  }
  return result;
}

/// \p sum and what one instruction adds to it.
Value RegisterTile::addProducts(Value activation, Value weight,
                                Value sum) const {
  OpBuilder &builder = frame.builder();
  if (!addsPairs())
    return buildFma(builder, loc, activation, weight, sum);
  // The products of a pair are added in the order of the instruction: first
  // those of the odd terms, then those of the even ones, each rounded.
  auto intrinsic = builder.getStringAttr("llvm.x86.avx512bf16.dpbf16ps.512");
  return LLVM::CallIntrinsicOp::create(builder, loc, sum.getType(), intrinsic,
                                       ValueRange{sum, activation, weight})
      .getResult(0);
}

/// Adds \p terms terms, from term \p step on, to \p sums (rows by vectors).
SmallVector<Value> RegisterTile::buildStep(ValueRange sums,
                                           const Weights &weights,
                                           const TileRows &rows, Value step,
                                           int64_t terms) const {
  OpBuilder &builder = frame.builder();
  Value offset = arith::MulIOp::create(
      builder, loc, step, buildIndex(builder, loc, weights.termStride));
  SmallVector<SmallVector<Value>> columns;
  for (Value pointer : weights.pointers)
    columns.push_back(loadWeights(
        weights,
        buildElementPtr(builder, loc, pointer, weights.element, offset),
        terms));

  SmallVector<Value> next(sums);
  int64_t vectors = weights.pointers.size();
  for (int64_t row = 0; row < rows.count(); ++row) {
    Value pointer = rows.at(builder, loc, match.activationElement, row, step);
    for (auto [term, spread] : llvm::enumerate(loadActivations(pointer, terms)))
      for (int64_t i = 0; i < vectors; ++i) {
        Value &sum = next[row * vectors + i];
        sum = addProducts(spread, columns[i][term], sum);
      }
  }
  return next;
}

SmallVector<Value> RegisterTile::zeros(int64_t count) const {
  OpBuilder &builder = frame.builder();
  Value zero = buildFloat(builder, loc,
                          VectorType::get(lanes(), builder.getF32Type()), 0);
  return SmallVector<Value>(count, zero);
}

/// Continues the chains \p sums over \p terms: whole steps of the weights'
/// depth, then, with a tail, the single term that is left.
SmallVector<Value> RegisterTile::addTerms(ValueRange sums,
                                          const Weights &weights,
                                          const TileRows &rows,
                                          const Terms &terms) const {
  OpBuilder &builder = frame.builder();
  Value wholeEnd = terms.end;
  if (terms.hasTail)
    wholeEnd = arith::SubIOp::create(builder, loc, terms.end,
                                     buildIndex(builder, loc, 1));
  auto loop = scf::ForOp::create(builder, loc, terms.begin, wholeEnd,
                                 buildIndex(builder, loc, weights.depth), sums);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next = buildStep(loop.getRegionIterArgs(), weights, rows,
                                        loop.getInductionVar(), weights.depth);
    scf::YieldOp::create(builder, loc, next);
  }
  if (!terms.hasTail)
    return loop.getResults();
  // The packed weight is padded with zero, but the activations are not: what
  // stands behind their last term may be a NaN.
  return buildStep(loop.getResults(), weights, rows, wholeEnd, /*terms=*/1);
}

RegisterTile::Weights RegisterTile::packedWeights(int64_t width,
                                                  Value column) const {
  return {weightPointers(width, column), match.weightElement,
          match.packing.getDepth(), match.packing.getColumns()};
}

Value RegisterTile::rowPointer(const Activations &activations,
                               Value row) const {
  OpBuilder &builder = frame.builder();
  Value offset = arith::MulIOp::create(
      builder, loc, row, buildIndex(builder, loc, activations.rowStride));
  return buildElementPtr(builder, loc, activations.base,
                         match.activationElement, offset);
}

TileRows RegisterTile::rowsFrom(const Activations &activations, Value row,
                                int64_t count) const {
  return TileRows::strided(rowPointer(activations, row), activations.rowStride,
                           count);
}

TileRows RegisterTile::rowsFrom(const Activations &activations, Value row,
                                int64_t count, Value present) const {
  OpBuilder &builder = frame.builder();
  Value last =
      arith::SubIOp::create(builder, loc, present, buildIndex(builder, loc, 1));
  SmallVector<Value> pointers;
  for (int64_t i = 0; i < count; ++i) {
    Value index =
        arith::MinSIOp::create(builder, loc, last, buildIndex(builder, loc, i));
    index = arith::AddIOp::create(builder, loc, row, index);
    pointers.push_back(rowPointer(activations, index));
  }
  return TileRows::scattered(pointers);
}

SmallVector<int64_t> RegisterTile::sumPlaces(int64_t width) const {
  // The halves of a gate stand apart, however wide the tile.
  SmallVector<int64_t> places;
  int64_t own = width / lanes();
  for (int64_t i = 0; i < vectors(width); ++i)
    places.push_back(i < own ? i * lanes()
                             : this->width(1) + (i - own) * lanes());
  return places;
}

/// Where sum \p i, of rows by the vectors at \p places, stands if the first one
/// is at \p first.
Value RegisterTile::sumPointer(Value first, ArrayRef<int64_t> places,
                               int64_t i) const {
  OpBuilder &builder = frame.builder();
  int64_t vectors = places.size();
  return buildElementPtr(builder, loc, first, builder.getF32Type(),
                         i / vectors * stride() + places[i % vectors]);
}

void RegisterTile::storeSums(ValueRange sums, int64_t width,
                             Value target) const {
  SmallVector<int64_t> places = sumPlaces(width);
  for (auto [i, sum] : llvm::enumerate(sums))
    buildStore(frame.builder(), loc, sum, sumPointer(target, places, i));
}

void RegisterTile::build(const TileRows &rows, Value column,
                         Value target) const {
  OpBuilder &builder = frame.builder();
  int64_t width = this->width(rows.count());
  Weights weights = packedWeights(width, column);
  bool hasTail = match.depth() % weights.depth != 0;
  SmallVector<int64_t> places = sumPlaces(width);
  int64_t count = rows.count() * int64_t(places.size());

  if (match.chunk >= match.depth()) {
    Terms all{buildIndex(builder, loc, 0),
              buildIndex(builder, loc, match.depth()), hasTail};
    return storeSums(addTerms(zeros(count), weights, rows, all), width, target);
  }

  // Chunks are added left to right, in scratch.
  storeSums(SmallVector<Value>(count, zeros(1)[0]), width, target);
  auto addChunk = [&](const Terms &terms) {
    SmallVector<Value> sums = addTerms(zeros(count), weights, rows, terms);
    for (auto [i, sum] : llvm::enumerate(sums)) {
      Value before =
          buildLoad(builder, loc, sum.getType(), sumPointer(target, places, i));
      sum = arith::AddFOp::create(builder, loc, before, sum);
    }
    storeSums(sums, width, target);
  };
  int64_t whole = match.depth() / match.chunk * match.chunk;
  Value chunk = buildIndex(builder, loc, match.chunk);
  auto loop = scf::ForOp::create(builder, loc, buildIndex(builder, loc, 0),
                                 buildIndex(builder, loc, whole), chunk);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    Value begin = loop.getInductionVar();
    addChunk({begin, arith::AddIOp::create(builder, loc, begin, chunk),
              /*hasTail=*/false});
  }
  if (whole < match.depth())
    addChunk({buildIndex(builder, loc, whole),
              buildIndex(builder, loc, match.depth()), hasTail});
}

void RegisterTile::addDecoded(const TileRows &rows, const Decoded &decoded,
                              Value firstSums, Value vector) const {
  OpBuilder &builder = frame.builder();
  Type f32 = builder.getF32Type();
  auto product = [&](Value index, int64_t factor) -> Value {
    return arith::MulIOp::create(builder, loc, index,
                                 buildIndex(builder, loc, factor));
  };
  Value column = product(vector, lanes());
  // Such that term `begin` is where it stands.
  Value term = arith::AddIOp::create(builder, loc, column,
                                     product(decoded.begin, -stride()));
  Value numbers = buildElementPtr(builder, loc, decoded.base, f32, term);
  Value scratch = buildElementPtr(builder, loc, firstSums, f32, column);
  Weights weights{{}, f32, /*depth=*/1, stride()};
  SmallVector<Value> pointers, sums;
  int64_t count = decodedVectors(rows.count());
  for (int64_t i = 0; i < count; ++i)
    weights.pointers.push_back(
        buildElementPtr(builder, loc, numbers, f32, i * lanes()));
  for (int64_t i = 0; i < rows.count() * count; ++i) {
    int64_t at = i / count * stride() + i % count * lanes();
    pointers.push_back(buildElementPtr(builder, loc, scratch, f32, at));
    sums.push_back(buildLoad(builder, loc, VectorType::get(lanes(), f32),
                             pointers.back()));
  }
  SmallVector<Value> next = addTerms(
      sums, weights, rows, {decoded.begin, decoded.end, /*hasTail=*/false});
  for (auto [sum, pointer] : llvm::zip_equal(next, pointers))
    buildStore(builder, loc, sum, pointer);
}

} // namespace lathe
