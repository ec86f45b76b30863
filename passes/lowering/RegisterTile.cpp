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

#include "passes/lowering/KernelCode.h"
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

void Ahead::prefetch(const KernelCode &code, Value term, int64_t count) const {
  constexpr int64_t kLine = 64;
  if (!base)
    return;
  int64_t share = llvm::divideCeil(bytes * count, terms);
  Value first =
      buildElementPtr(code.builder, code.loc, base, code.builder.getI8Type(),
                      code.mul(code.div(term, count), share));
  for (int64_t byte = 0; byte < share; byte += kLine)
    code.prefetch(buildElementPtr(code.builder, code.loc, first,
                                  code.builder.getI8Type(), byte),
                  /*isForWriting=*/false);
}

int64_t RegisterTile::upShift() const {
  return match.isGated ? match.resultColumns % lanes() : 0;
}

int64_t RegisterTile::ownVectors() const {
  return match.schedule.getPanels() * match.packing.getColumns() / lanes();
}

int64_t RegisterTile::vectors(int64_t rows) const {
  ScheduleAttr schedule = match.schedule;
  int64_t sums = schedule.getRows() * schedule.getColumns() / lanes();
  // Registers that a vector takes beside its sums: where it is decoded, two of
  // integers, two of factors and two to make a number in; where two terms are
  // widened, one for each. All share an activation and a mask.
  int64_t registers = lanes() == 8 ? 16 : 32, beside = 0;
  if (match.isForFewRows && match.packing.getQuant() && !match.inputQuant)
    beside = 6;
  else if (match.packing.getDepth() == 2 && schedule.getDot() == DotKind::Fma)
    beside = 2;
  auto fits = [&](int64_t count) {
    return rows * count <= sums &&
           (beside == 0 || (rows + beside) * count <= registers - 2);
  };
  int64_t own = ownVectors(), count = 1;
  while (fits(2 * count) && own % (2 * count) == 0)
    count *= 2;
  return count;
}

int64_t RegisterTile::stride() const {
  int64_t count = ownVectors();
  if (match.isGated)
    count += ownVectors() + (upShift() != 0);
  return llvm::alignTo(count, vectors(1)) * lanes();
}

int64_t RegisterTile::upOffset() const {
  return ownVectors() * lanes() + upShift();
}

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

SmallVector<Value> RegisterTile::columnsOf(Value column, Value first,
                                           int64_t count) const {
  KernelCode code{frame.builder(), loc};
  Value start = code.add(column, code.mul(first, lanes()));
  if (match.isGated) {
    // A tile has vectors of one half only.
    int64_t own = ownVectors() * lanes();
    Value up = code.add(start, match.resultColumns - upShift() - own);
    start = code.select(code.less(first, code.index(ownVectors())), start, up);
  }
  SmallVector<Value> columns;
  for (int64_t i = 0; i < count; ++i)
    columns.push_back(code.add(start, i * lanes()));
  return columns;
}

RegisterTile::Weights
RegisterTile::packedWeights(ArrayRef<Value> columns) const {
  KernelCode code{frame.builder(), loc};
  int64_t panelColumns = match.packing.getColumns();
  int64_t depth = match.packing.getDepth();
  // A tile of one panel begins with it, or with a half or a quarter of it.
  int64_t shared = std::min<int64_t>(columns.size(), panelColumns / lanes());
  if (match.isGated && (match.resultColumns - upShift()) % panelColumns != 0)
    shared = 1;
  Weights weights{{}, match.weightElement, depth, panelColumns};
  Value base;
  for (auto [i, column] : llvm::enumerate(columns)) {
    if (i % shared == 0) {
      Value inside = code.mul(code.rem(column, panelColumns), depth);
      base = buildElementPtr(code.builder, loc,
                             panelPointer(code.div(column, panelColumns)),
                             match.weightElement, inside);
    }
    int64_t distance = i % shared * lanes() * depth;
    weights.pointers.push_back(buildElementPtr(code.builder, loc, base,
                                               match.weightElement, distance));
  }
  return weights;
}

RegisterTile::Weights RegisterTile::decodedWeights(Value base, Value begin,
                                                   Value first,
                                                   int64_t count) const {
  KernelCode code{frame.builder(), loc};
  // Such that term `begin` is where it stands.
  Value distance =
      code.add(code.mul(first, lanes()), code.mul(begin, -stride()));
  base = buildElementPtr(code.builder, loc, base, code.f32(), distance);
  Weights weights{{}, code.f32(), /*depth=*/1, stride()};
  for (int64_t i = 0; i < count; ++i)
    weights.pointers.push_back(
        buildElementPtr(code.builder, loc, base, code.f32(), i * lanes()));
  return weights;
}

/// The weights of `depth` consecutive terms at \p pointer, widened: one vector
/// for each of the first \p terms of them. Pairs stay as they are.
SmallVector<Value> RegisterTile::loadWeights(const Weights &weights,
                                             Value pointer,
                                             int64_t terms) const {
  OpBuilder &builder = frame.builder();
  Type element = weights.element;
  if (addsPairs())
    return {buildLoad(builder, loc, VectorType::get(2 * lanes(), element),
                      pointer)};
  if (weights.depth == 1)
    return {buildWiden(
        builder, loc,
        buildLoad(builder, loc, VectorType::get(lanes(), element), pointer))};

  Value both = buildLoad(
      builder, loc, VectorType::get(lanes(), builder.getI32Type()), pointer);
  return splitPairs(both, element, terms);
}

/// The first \p terms of two 16-bit terms of \p element, widened: both stand in
/// a lane of \p words, the first one low.
SmallVector<Value> RegisterTile::splitPairs(Value words, Type element,
                                            int64_t terms) const {
  OpBuilder &builder = frame.builder();
  auto floats = VectorType::get(lanes(), builder.getF32Type());
  auto shorts = VectorType::get(lanes(), builder.getI16Type());
  auto constant = [&](uint32_t value) -> Value {
    return arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(cast<VectorType>(words.getType()),
                               APInt(32, value)));
  };
  SmallVector<Value> result;
  for (int64_t term = 0; term < terms; ++term) {
    if (element.isBF16()) {
      Value bits =
          term == 0
              ? Value(arith::ShLIOp::create(builder, loc, words, constant(16)))
              : Value(arith::AndIOp::create(builder, loc, words,
                                            constant(0xffff0000u)));
      result.push_back(arith::BitcastOp::create(builder, loc, floats, bits));
      continue;
    }
    Value half =
        term == 0
            ? words
            : Value(arith::ShRUIOp::create(builder, loc, words, constant(16)));
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
  if (addsPairs() || (element.isBF16() && terms == 2)) {
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
    if (!addsPairs())
      return splitPairs(spread, element, terms);
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
  auto weightsOf = [&](int64_t vector) {
    Value pointer = buildElementPtr(builder, loc, weights.pointers[vector],
                                    weights.element, offset);
    return loadWeights(weights, pointer, terms);
  };
  auto activationsOf = [&](int64_t row) {
    return loadActivations(
        rows.at(builder, loc, match.activationElement, row, step), terms);
  };
  SmallVector<Value> next(sums);
  int64_t vectors = weights.pointers.size();
  auto add = [&](int64_t row, int64_t vector, ValueRange activations,
                 ValueRange numbers) {
    Value &sum = next[row * vectors + vector];
    for (auto [activation, number] : llvm::zip_equal(activations, numbers))
      sum = addProducts(activation, number, sum);
  };
  // The side that has fewer is in registers for the whole step.
  SmallVector<SmallVector<Value>> held;
  if (rows.count() < vectors) {
    for (int64_t row = 0; row < rows.count(); ++row)
      held.push_back(activationsOf(row));
    for (int64_t vector = 0; vector < vectors; ++vector) {
      SmallVector<Value> numbers = weightsOf(vector);
      for (int64_t row = 0; row < rows.count(); ++row)
        add(row, vector, held[row], numbers);
    }
    return next;
  }
  for (int64_t vector = 0; vector < vectors; ++vector)
    held.push_back(weightsOf(vector));
  for (int64_t row = 0; row < rows.count(); ++row) {
    SmallVector<Value> activations = activationsOf(row);
    for (int64_t vector = 0; vector < vectors; ++vector)
      add(row, vector, activations, held[vector]);
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
                                          const Terms &terms,
                                          const Ahead &ahead) const {
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
    KernelCode code{builder, loc};
    ahead.prefetch(code, code.sub(loop.getInductionVar(), terms.begin),
                   weights.depth);
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

/// Where sum \p i, of rows by \p vectors, stands if the first one is at
/// \p target.
Value RegisterTile::sumPointer(Value target, int64_t vectors, int64_t i) const {
  OpBuilder &builder = frame.builder();
  return buildElementPtr(builder, loc, target, builder.getF32Type(),
                         i / vectors * stride() + i % vectors * lanes());
}

void RegisterTile::store(ValueRange sums, int64_t vectors, Value target) const {
  for (auto [i, sum] : llvm::enumerate(sums))
    buildStore(frame.builder(), loc, sum, sumPointer(target, vectors, i));
}

SmallVector<Value> RegisterTile::load(int64_t count, int64_t vectors,
                                      Value target, Type element) const {
  OpBuilder &builder = frame.builder();
  auto type = VectorType::get(lanes(), element);
  SmallVector<Value> sums;
  for (int64_t i = 0; i < count; ++i)
    sums.push_back(
        buildLoad(builder, loc, type, sumPointer(target, vectors, i)));
  return sums;
}

void RegisterTile::add(const TileRows &rows, const Weights &weights,
                       const Terms &terms, Value target,
                       const Ahead &ahead) const {
  int64_t vectors = weights.pointers.size();
  SmallVector<Value> sums = load(rows.count() * vectors, vectors, target,
                                 frame.builder().getF32Type());
  store(addTerms(sums, weights, rows, terms, ahead), vectors, target);
}

void RegisterTile::build(const TileRows &rows, const Weights &weights,
                         Value target, const Ahead &ahead) const {
  KernelCode code{frame.builder(), loc};
  int64_t vectors = weights.pointers.size();
  int64_t count = rows.count() * vectors;
  bool hasTail = match.depth() % weights.depth != 0;
  if (match.chunk >= match.depth()) {
    Terms all{code.index(0), code.index(match.depth()), hasTail};
    return store(addTerms(zeros(count), weights, rows, all, ahead), vectors,
                 target);
  }

  // Chunks are added left to right, in memory.
  store(zeros(count), vectors, target);
  auto addChunk = [&](const Terms &terms) {
    SmallVector<Value> sums =
        addTerms(zeros(count), weights, rows, terms, /*ahead=*/{});
    for (auto [sum, before] :
         llvm::zip_equal(sums, load(count, vectors, target, code.f32())))
      sum = code.addf(before, sum);
    store(sums, vectors, target);
  };
  int64_t whole = match.depth() / match.chunk * match.chunk;
  code.loop(code.index(0), code.index(whole), match.chunk, [&](Value begin) {
    addChunk({begin, code.add(begin, match.chunk), /*hasTail=*/false});
  });
  if (whole < match.depth())
    addChunk({code.index(whole), code.index(match.depth()), hasTail});
}

} // namespace lathe
