//===- AttentionBuilder.cpp - Attention on a register tile ----------------===//

#include "passes/lowering/AttentionBuilder.h"

#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace lathe {

using Values = KernelCode::Values;

/// Keys of a panel, and panels and vectors of scores of a chunk.
static constexpr int64_t kPanel = AttentionPanels::kKeys;
static constexpr int64_t kPanels = AttentionPanels::kCount;
static constexpr int64_t kScoreVectors = kAttentionChunk / kLanes;
static constexpr float kLowest = -std::numeric_limits<float>::infinity();

AttentionBuilder::AttentionBuilder(KernelCode code, const AttentionShape &shape,
                                   const AttentionSource &source, Value scratch)
    : code(code), shape(shape), source(source), scratch(scratch),
      panels(code, shape, source,
             [this](int64_t bytes) { return allocate(bytes); }) {
  int64_t rows = shape.maxRows();
  int64_t padded = shape.paddedSize();
  queries = allocate(rows * padded * 4);
  sums = allocate(rows * padded * 4);
  // Read 16 at a time from any row on.
  maxima = allocate((rows + kLanes) * 4);
  weights = allocate((rows + kLanes) * 4);
  lowBounds = allocate(rows * 8);
  limits = allocate(rows * 8);
  scores = allocate(shape.rows * kAttentionChunk * 4);
  for (Value *perRow :
       {&chunkMaxima, &references, &chunkWeights, &oldFactors, &newFactors})
    *perRow = allocate(kLanes * 4);
  powers =
      shape.addsPairs ? allocate(shape.rows * kAttentionChunk * 2) : scores;
}

Value AttentionBuilder::allocate(int64_t bytes) {
  Value place = buildElementPtr(code.builder, code.loc, scratch,
                                code.builder.getI8Type(), usedScratch);
  usedScratch += llvm::alignTo(bytes, 64);
  return place;
}

Value AttentionBuilder::f32At(Value base, Value index) const {
  return buildElementPtr(code.builder, code.loc, base, code.f32(), index);
}

/// Element \p row of an i64 array.
Value AttentionBuilder::loadBound(Value array, Value row) const {
  Value place = buildElementPtr(code.builder, code.loc, array, code.i64(), row);
  return buildLoad(code.builder, code.loc, code.i64(), place);
}

/// The \p maxima, or 0 where one is that of no key at all: what the exponents
/// of a softmax are relative to.
static Value finiteOrZero(const KernelCode &code, Value maxima) {
  Value isNone =
      arith::CmpFOp::create(code.builder, code.loc, arith::CmpFPredicate::OEQ,
                            maxima, code.splat(kLowest));
  return code.select(isNone, code.splat(0.0f), maxima);
}

/// ceil(\p a / \p b) of numbers that are not negative.
static Value ceilDiv(const KernelCode &code, Value a, int64_t b) {
  return code.div(code.add(a, b - 1), b);
}

/// \p value, but at least \p low and at most \p high.
static Value clamp(const KernelCode &code, Value value, int64_t low,
                   int64_t high) {
  return code.min(code.max(value, code.index(low)), code.index(high));
}

//===----------------------------------------------------------------------===//
// Tiles and runs
//===----------------------------------------------------------------------===//

void AttentionBuilder::emitTile(Value tile) {
  Value keyHead = code.rem(tile, shape.keyHeads);
  Value block = code.div(tile, shape.keyHeads);
  Value first = code.mul(block, shape.tokenBlock);
  Value last = code.min(code.add(first, shape.tokenBlock), source.tokens);
  scf::WhileOp::create(
      code.builder, code.loc, TypeRange{code.i64()}, ValueRange{first},
      [&](OpBuilder &, Location, ValueRange token) {
        scf::ConditionOp::create(code.builder, code.loc,
                                 code.less(token[0], last), token);
      },
      [&](OpBuilder &, Location, ValueRange token) {
        Run run = findRun(token[0], last, keyHead);
        emitRun(run);
        scf::YieldOp::create(code.builder, code.loc, run.end);
      });
}

AttentionBuilder::Run AttentionBuilder::findRun(Value token, Value last,
                                                Value keyHead) {
  Run run;
  run.begin = token;
  run.keyHead = keyHead;
  Value sequence = code.loadIndex(source.sequences, token);
  if (source.isCached()) {
    // Slots and places are in any order: the run ends where the slot changes,
    // or the next place is not the next token's, so that its bounds ascend.
    run.slot = sequence;
    Value first = code.sub(code.loadIndex(source.positions, token), token);
    auto isEqual = [&](Value a, Value b) -> Value {
      return arith::CmpIOp::create(code.builder, code.loc,
                                   arith::CmpIPredicate::eq, a, b);
    };
    auto scan = scf::WhileOp::create(
        code.builder, code.loc, TypeRange{code.i64()},
        ValueRange{code.add(token, 1)},
        [&](OpBuilder &, Location, ValueRange end) {
          // Past the last token, the token itself is looked at instead.
          Value inside = code.less(end[0], last);
          Value other = code.select(inside, end[0], token);
          Value hasSlot =
              isEqual(code.loadIndex(source.sequences, other), sequence);
          Value isNext = isEqual(code.loadIndex(source.positions, other),
                                 code.add(first, other));
          scf::ConditionOp::create(
              code.builder, code.loc,
              code.both(inside, code.both(hasSlot, isNext)), end);
        },
        [&](OpBuilder &, Location, ValueRange end) {
          scf::YieldOp::create(code.builder, code.loc, code.add(end[0], 1));
        });
    run.end = scan.getResult(0);
  } else {
    run.sequenceBegin =
        code.lowerBound(source.sequences, source.tokens, sequence);
    run.sequenceEnd =
        code.lowerBound(source.sequences, source.tokens, code.add(sequence, 1));
    run.end = code.min(run.sequenceEnd, last);
  }
  run.rows = code.mul(code.sub(run.end, run.begin), shape.group());
  return run;
}

void AttentionBuilder::emitRun(const Run &run) {
  prepareRows(run);
  // Rows are in the order of their tokens, so are the keys that they see.
  Value low = loadBound(lowBounds, code.index(0));
  Value limit = loadBound(limits, code.add(run.rows, -1));
  Value first = code.mul(code.div(low, kAttentionChunk), kAttentionChunk);
  code.loop(first, limit, kAttentionChunk,
            [&](Value begin) { emitChunk(run, begin, low, limit); });
  finishRows(run);
}

void AttentionBuilder::prepareRows(const Run &run) {
  Value firstHead = code.mul(run.keyHead, shape.group());
  Value lastRow = code.add(run.rows, -1);
  auto startOf = [&](const HeadRows &rows, Value row) {
    Value token = code.add(run.begin, code.div(row, shape.group()));
    Value head = code.add(firstHead, code.rem(row, shape.group()));
    return rows.start(code, token, head, shape.size);
  };
  // Pairs are stored as they are.
  Type element =
      shape.addsPairs ? code.builder.getI16Type() : source.query.element;
  Type stored = shape.addsPairs ? element : code.f32();
  code.loop(code.index(0), run.rows, 1, [&](Value row) {
    // Rows of a wide tensor lie too far apart for the processor to follow.
    constexpr int64_t kAhead = 8;
    buildPrefetch(
        code, source.query.base, source.query.element,
        startOf(source.query, code.min(code.add(row, kAhead), lastRow)),
        shape.size);
    Value from = startOf(source.query, row);
    Value to = code.mul(row, shape.paddedSize());
    for (int64_t column = 0; column < shape.paddedSize(); column += kLanes) {
      Value place = code.add(to, column);
      Value numbers =
          code.loadLanes(source.query.base, element, code.add(from, column));
      buildStore(
          code.builder, code.loc, numbers,
          buildElementPtr(code.builder, code.loc, queries, stored, place));
      code.storeLanes(code.splat(0.0f), sums, code.f32(), place, kLanes);
    }
    OpBuilder &builder = code.builder;
    buildStoreAt(code, buildFloat(builder, code.loc, code.f32(), kLowest),
                 maxima, row);
    buildStoreAt(code, buildFloat(builder, code.loc, code.f32(), 0.0f), weights,
                 row);

    Value token = code.add(run.begin, code.div(row, shape.group()));
    Value place = source.isCached() ? code.loadIndex(source.positions, token)
                                    : code.sub(token, run.sequenceBegin);
    Value limit = shape.isCausal ? code.add(place, 1)
                                 : code.sub(run.sequenceEnd, run.sequenceBegin);
    Value low = code.index(0);
    if (shape.window > 0)
      low = code.max(code.add(place, 1 - shape.window), low);
    buildStoreAt(code, limit, limits, row);
    buildStoreAt(code, low, lowBounds, row);
  });
}

void AttentionBuilder::finishRows(const Run &run) {
  Value firstHead = code.mul(run.keyHead, shape.group());
  code.loop(code.index(0), run.rows, 1, [&](Value row) {
    Value token = code.add(run.begin, code.div(row, shape.group()));
    Value head = code.add(firstHead, code.rem(row, shape.group()));
    Value to = source.result.start(code, token, head, shape.size);
    Value from = code.mul(row, shape.paddedSize());
    Value weight = code.broadcast(code.loadNumber(weights, code.f32(), row));
    for (int64_t column = 0; column < shape.size; column += kLanes) {
      Value sum = code.loadLanes(sums, code.f32(), code.add(from, column));
      code.storeLanes(code.divf(sum, weight), source.result.base,
                      source.result.element, code.add(to, column),
                      std::min(kLanes, shape.size - column));
    }
  });
}

//===----------------------------------------------------------------------===//
// Chunks of keys
//===----------------------------------------------------------------------===//

void AttentionBuilder::emitChunk(const Run &run, Value begin, Value low,
                                 Value limit) {
  Chunk chunk;
  chunk.begin = begin;
  chunk.lastKey = code.add(limit, -1);
  Value first = clamp(code, code.sub(low, begin), 0, kAttentionChunk);
  Value end = clamp(code, code.sub(limit, begin), 0, kAttentionChunk);
  chunk.firstPanel = code.div(first, kPanel);
  chunk.endPanel = ceilDiv(code, end, kPanel);
  panels.prepare(run, chunk);
  emitRowGroups(run, chunk);
}

//===----------------------------------------------------------------------===//
// Groups of rows
//===----------------------------------------------------------------------===//

void AttentionBuilder::emitRowGroups(const Run &run, const Chunk &chunk) {
  // Groups as tall as the register tile, then what is left by powers of two.
  SmallVector<int64_t> heights{shape.tallest()};
  for (int64_t height = 4; height > 0; height /= 2)
    if (height < heights.front())
      heights.push_back(height);

  scf::WhileOp::create(
      code.builder, code.loc, TypeRange{code.i64()}, ValueRange{code.index(0)},
      [&](OpBuilder &, Location, ValueRange row) {
        scf::ConditionOp::create(code.builder, code.loc,
                                 code.less(row[0], run.rows), row);
      },
      [&](OpBuilder &, Location, ValueRange row) {
        Value left = code.sub(run.rows, row[0]);
        Value height = code.index(heights.back());
        for (int64_t each : llvm::reverse(heights))
          height = code.select(code.less(left, code.index(each)), height,
                               code.index(each));
        for (int64_t each : heights) {
          Value isThis = arith::CmpIOp::create(code.builder, code.loc,
                                               arith::CmpIPredicate::eq, height,
                                               code.index(each));
          code.when(isThis, [&] { emitRowGroup(run, chunk, row[0], each); });
        }
        scf::YieldOp::create(code.builder, code.loc, code.add(row[0], height));
      });
}

void AttentionBuilder::emitRowGroup(const Run &run, const Chunk &chunk,
                                    Value first, int64_t rows) {
  RowGroup group;
  group.first = first;
  group.rows = rows;
  for (int64_t row = 0; row < rows; ++row) {
    Value place = code.add(first, row);
    auto inChunk = [&](Value array) {
      return clamp(code, code.sub(loadBound(array, place), chunk.begin), 0,
                   kAttentionChunk);
    };
    group.low.push_back(inChunk(lowBounds));
    group.limit.push_back(inChunk(limits));
  }
  // Rows are in the order of their tokens, and so are their bounds.
  group.someBegin = group.low.front();
  group.allBegin = group.low.back();
  group.allEnd = group.limit.front();
  group.someEnd = group.limit.back();
  group.firstPanel = code.div(group.someBegin, kPanel);
  group.endPanel = ceilDiv(code, group.someEnd, kPanel);

  // Most groups of a long run see whole chunks, and need no masks.
  if (rows > 1 && rows == shape.tallest()) {
    RowGroup whole = group;
    whole.isWhole = true;
    whole.firstPanel = code.index(0);
    whole.endPanel = code.index(kPanels);
    Value isWhole =
        code.both(code.less(group.allBegin, code.index(1)),
                  code.less(code.index(kAttentionChunk - 1), group.allEnd));
    scf::IfOp::create(
        code.builder, code.loc, isWhole,
        [&](OpBuilder &, Location) {
          emitRows(run, chunk, whole);
          scf::YieldOp::create(code.builder, code.loc);
        },
        [&](OpBuilder &, Location) {
          code.when(code.less(group.someBegin, group.someEnd),
                    [&] { emitRows(run, chunk, group); });
          scf::YieldOp::create(code.builder, code.loc);
        });
    return;
  }
  code.when(code.less(group.someBegin, group.someEnd),
            [&] { emitRows(run, chunk, group); });
}

void AttentionBuilder::emitRows(const Run &run, const Chunk &chunk,
                                const RowGroup &group) {
  emitScores(run, chunk, group);
  emitSoftmax(chunk, group);
  // Few rows leave registers for more columns.
  int64_t vectors = std::clamp<int64_t>(
      shape.rows * shape.vectors / group.rows, shape.vectors,
      std::max<int64_t>(shape.vectors,
                        std::min<int64_t>(8, shape.vectorsPerHead())));
  int64_t whole = shape.vectorsPerHead() / vectors * vectors;
  code.loop(code.index(0), code.index(whole * kLanes), vectors * kLanes,
            [&](Value column) { emitValues(group, column, vectors); });
  if (whole < shape.vectorsPerHead())
    emitValues(group, code.index(whole * kLanes),
               shape.vectorsPerHead() - whole);
}

/// \p sum and the products of what a step multiplies.
Value AttentionBuilder::multiplyAdd(Value a, Value b, Value sum) const {
  return shape.addsPairs ? buildPairDot(code.builder, code.loc, a, b, sum)
                         : code.fma(a, b, sum);
}

/// All lanes step \p step of the numbers, or pairs, at \p base.
Value AttentionBuilder::broadcastStep(Value base, Value step) const {
  if (!shape.addsPairs)
    return code.broadcast(code.loadNumber(base, code.f32(), step));
  Type pair = code.builder.getI32Type();
  Value place = buildElementPtr(code.builder, code.loc, base, pair, step);
  return code.broadcast(buildLoad(code.builder, code.loc, pair, place));
}

void AttentionBuilder::emitScores(const Run &run, const Chunk &chunk,
                                  const RowGroup &group) {
  SmallVector<Value> query;
  for (int64_t row = 0; row < group.rows; ++row)
    query.push_back(buildElementPtr(
        code.builder, code.loc, queries,
        shape.addsPairs ? code.builder.getI16Type() : code.f32(),
        code.mul(code.add(group.first, row), shape.paddedSize())));

  code.loop(group.firstPanel, group.endPanel, 1, [&](Value panel) {
    AttentionPanels::Side keys = panels.keys(panel, group.rows);
    // Pages and rows lie apart, and are too short for the processor to follow
    // by itself.
    SmallVector<AttentionPanels::Side> soon;
    if (group.rows == shape.rows)
      panels.prefetchNext(run, chunk, group.first, group.rows, panel);
    else if (panels.readsPages(group.rows))
      soon = {panels.keys(code.add(panel, 1), group.rows),
              panels.values(panel, group.rows)};
    for (const AttentionPanels::Side &side : soon)
      if (side.scales)
        buildPrefetch(code, side.scales, code.f32(), code.index(0), kPanel);
    for (int64_t column = 0; column < kPanel;
         column += shape.vectors * kLanes) {
      Values zeros(group.rows * shape.vectors, code.splat(0.0f));
      Values scales(shape.vectors);
      for (int64_t v = 0; keys.scales && v < shape.vectors; ++v)
        scales[v] = code.loadLanes(keys.scales, code.f32(),
                                   code.index(column + v * kLanes));
      Values dots =
          code.loop(code.index(0), code.index(shape.size / shape.depth()), 1,
                    zeros, [&](Value step, ValueRange carried) {
                      Values next(carried);
                      Values key;
                      Value place = code.add(code.mul(step, kPanel), column);
                      for (int64_t v = 0; v < shape.vectors; ++v)
                        key.push_back(panels.load(
                            keys, code.add(place, v * kLanes), scales[v]));
                      for (const AttentionPanels::Side &side : soon)
                        buildPrefetch(code, side.base, side.element, place,
                                      shape.vectors * kLanes);
                      for (int64_t row = 0; row < group.rows; ++row) {
                        Value q = broadcastStep(query[row], step);
                        for (int64_t v = 0; v < shape.vectors; ++v) {
                          Value &sum = next[row * shape.vectors + v];
                          sum = multiplyAdd(q, key[v], sum);
                        }
                      }
                      return next;
                    });
      for (int64_t row = 0; row < group.rows; ++row)
        for (int64_t v = 0; v < shape.vectors; ++v)
          code.storeLanes(dots[row * shape.vectors + v], scores, code.f32(),
                          code.add(code.mul(panel, kPanel),
                                   row * kAttentionChunk + column + v * kLanes),
                          kLanes);
    }
  });
}

void AttentionBuilder::emitSoftmax(const Chunk &chunk, const RowGroup &group) {
  // Rows by themselves where they can be, which lets the processor overlap
  // them; what concerns all rows of the group, on vectors of rows.
  Value count = code.index(group.rows);
  code.loop(code.index(0), count, 1,
            [&](Value inGroup) { findMaximum(chunk, group, inGroup); });
  mergeMaxima(group);
  code.loop(code.index(0), count, 1,
            [&](Value inGroup) { exponentiate(inGroup); });

  auto load = [&](Value array, Value index) {
    return code.loadLanes(array, code.f32(), index);
  };
  Value zero = code.index(0);
  Value fresh = code.mulf(load(chunkWeights, zero), load(newFactors, zero));
  Value merged =
      code.fma(load(weights, group.first), load(oldFactors, zero), fresh);
  code.storeLanes(merged, weights, code.f32(), group.first, group.rows);
}

/// Finds the exponent of the largest score of one row. Makes the scores of keys
/// that it may not see -inf before, and caps all where there is a cap.
void AttentionBuilder::findMaximum(const Chunk &chunk, const RowGroup &group,
                                   Value inGroup) {
  OpBuilder &builder = code.builder;
  VectorType integers = code.lanes(builder.getI32Type());
  Value row = code.add(group.first, inGroup);
  auto bound = [&](Value array) {
    Value inChunk = clamp(code, code.sub(loadBound(array, row), chunk.begin), 0,
                          kAttentionChunk);
    return code.broadcast(arith::TruncIOp::create(
        builder, code.loc, builder.getI32Type(), inChunk));
  };
  Value limit = group.isWhole ? Value() : bound(limits);
  Value low = group.isWhole || shape.window == 0 ? Value() : bound(lowBounds);
  Value start = code.mul(inGroup, kAttentionChunk);
  // Two chains, of which the order does not matter.
  Value largest[] = {code.splat(kLowest), code.splat(kLowest)};
  for (int64_t v = 0; v < kScoreVectors; ++v) {
    Value place = code.add(start, v * kLanes);
    Value x = code.loadLanes(scores, code.f32(), place);
    if (shape.softcap != 0.0f)
      x = buildSoftcap(builder, code.loc, code.mulf(x, code.splat(shape.scale)),
                       shape.softcap);
    if (limit) {
      SmallVector<int32_t> numbers(kLanes);
      for (int64_t lane = 0; lane < kLanes; ++lane)
        numbers[lane] = v * kLanes + lane;
      Value key = arith::ConstantOp::create(
          builder, code.loc, DenseIntElementsAttr::get(integers, numbers));
      Value seen = code.less(key, limit);
      if (low)
        seen = code.both(seen, arith::CmpIOp::create(builder, code.loc,
                                                     arith::CmpIPredicate::sge,
                                                     key, low));
      x = code.select(seen, x, code.splat(kLowest));
    }
    if (limit || shape.softcap != 0.0f)
      code.storeLanes(x, scores, code.f32(), place, kLanes);
    largest[v % 2] = code.maxf(largest[v % 2], x);
  }
  Value maximum =
      buildLaneMax(builder, code.loc, code.maxf(largest[0], largest[1]));
  Value scale =
      buildFloat(builder, code.loc, code.f32(), shape.exponentScale());
  buildStoreAt(code, arith::MulFOp::create(builder, code.loc, maximum, scale),
               chunkMaxima, inGroup);
}

/// Merges the maxima of the chunk into those of the rows, and finds what the
/// sums before and those of the chunk are to be multiplied with.
void AttentionBuilder::mergeMaxima(const RowGroup &group) {
  Value zero = code.index(0);
  Value before = code.loadLanes(maxima, code.f32(), group.first);
  Value fresh = code.loadLanes(chunkMaxima, code.f32(), zero);
  Value most = code.maxf(before, fresh);
  Value reference = finiteOrZero(code, most);
  auto factor = [&](Value maximum) {
    return buildExp2F32(code.builder, code.loc, code.subf(maximum, reference));
  };
  code.storeLanes(factor(before), oldFactors, code.f32(), zero, kLanes);
  code.storeLanes(factor(fresh), newFactors, code.f32(), zero, kLanes);
  code.storeLanes(finiteOrZero(code, fresh), references, code.f32(), zero,
                  kLanes);
  code.storeLanes(most, maxima, code.f32(), group.first, group.rows);
}

/// Stores 16 powers, none of them subnormal, as what values are multiplied
/// with.
void AttentionBuilder::storePower(Value power, Value place) const {
  if (!shape.addsPairs)
    return code.storeLanes(power, powers, code.f32(), place, kLanes);
  Type bf16 = code.builder.getBF16Type();
  Value rounded =
      arith::TruncFOp::create(code.builder, code.loc, code.lanes(bf16), power);
  buildStore(code.builder, code.loc, rounded,
             buildElementPtr(code.builder, code.loc, powers, bf16, place));
}

/// Turns the scores of one row into exponentials, and adds them up.
void AttentionBuilder::exponentiate(Value inGroup) {
  Value reference =
      code.broadcast(code.loadNumber(references, code.f32(), inGroup));
  Value minusReference = code.subf(code.splat(0.0f), reference);
  Value scale = code.splat(shape.exponentScale());
  Value start = code.mul(inGroup, kAttentionChunk);
  Value sum;
  for (int64_t v = 0; v < kScoreVectors; ++v) {
    Value place = code.add(start, v * kLanes);
    Value score = code.loadLanes(scores, code.f32(), place);
    Value power = buildExp2F32(code.builder, code.loc,
                               code.fma(score, scale, minusReference));
    sum = sum ? code.addf(sum, power) : power;
    storePower(power, place);
  }
  buildStoreAt(code, buildLaneSum(code.builder, code.loc, sum), chunkWeights,
               inGroup);
}

void AttentionBuilder::emitValues(const RowGroup &group, Value column,
                                  int64_t vectors) {
  Values zeros(group.rows * vectors, code.splat(0.0f));
  Values chunkSums =
      code.loop(group.firstPanel, group.endPanel, 1, zeros,
                [&](Value panel, ValueRange carried) {
                  return addPanel(group, panel, column, vectors, carried);
                });

  for (int64_t row = 0; row < group.rows; ++row) {
    Value oldFactor = code.broadcast(
        code.loadNumber(oldFactors, code.f32(), code.index(row)));
    Value newFactor = code.broadcast(
        code.loadNumber(newFactors, code.f32(), code.index(row)));
    for (int64_t v = 0; v < vectors; ++v) {
      Value place =
          code.add(code.mul(code.add(group.first, row), shape.paddedSize()),
                   code.add(column, v * kLanes));
      Value sum = code.loadLanes(sums, code.f32(), place);
      Value fresh = code.mulf(chunkSums[row * vectors + v], newFactor);
      code.storeLanes(code.fma(sum, oldFactor, fresh), sums, code.f32(), place,
                      kLanes);
    }
  }
}

/// Adds the weighted values of the keys of \p panel to \p sums.
Values AttentionBuilder::addPanel(const RowGroup &group, Value panel,
                                  Value column, int64_t vectors,
                                  ValueRange sums) {
  int64_t depth = shape.depth();
  auto add = [&](Value begin, Value end, ValueRange carried, bool isRagged) {
    return addKeys(group, panel, begin, end, column, vectors, carried,
                   isRagged);
  };
  if (group.isWhole)
    return add(code.index(0), code.index(kPanel / depth), sums, false);

  // Steps that no row, some rows, and all rows see. A pair of which a row sees
  // one key is none that it sees.
  Value start = code.mul(panel, kPanel);
  auto inPanel = [&](Value key) {
    return clamp(code, code.sub(key, start), 0, kPanel);
  };
  Value someBegin = code.div(inPanel(group.someBegin), depth);
  Value someEnd = ceilDiv(code, inPanel(group.someEnd), depth);
  bool differ = group.rows > 1 && (shape.isCausal || shape.window > 0);
  if (!differ && depth == 1)
    return add(someBegin, someEnd, sums, false);
  Value allEnd = code.div(inPanel(group.allEnd), depth);
  Value allBegin =
      code.min(ceilDiv(code, inPanel(group.allBegin), depth), someEnd);
  Values next(sums);
  if (shape.window > 0)
    next = add(someBegin, allBegin, next, true);
  next = add(allBegin, allEnd, next, false);
  return add(code.max(allBegin, allEnd), someEnd, next, true);
}

/// Adds the weighted values of steps [\p begin, \p end) of \p panel to \p sums.
/// In a ragged range, a row that may not see a key keeps its sum.
Values AttentionBuilder::addKeys(const RowGroup &group, Value panel,
                                 Value begin, Value end, Value column,
                                 int64_t vectors, ValueRange sums,
                                 bool isRagged) {
  AttentionPanels::Side side = panels.values(panel, group.rows);
  int64_t stepsPerRow = kAttentionChunk / shape.depth();
  Value start = code.mul(panel, kPanel / shape.depth());
  return code.loop(begin, end, 1, sums, [&](Value step, ValueRange carried) {
    Values next(carried);
    Value from = code.add(code.mul(step, shape.size), column);
    Value scale;
    if (side.scales)
      scale = code.broadcast(code.loadNumber(side.scales, code.f32(), step));
    Values value;
    for (int64_t v = 0; v < vectors; ++v)
      value.push_back(panels.load(side, code.add(from, v * kLanes), scale));
    Value inChunk = code.add(start, step);
    for (int64_t row = 0; row < group.rows; ++row) {
      Value weights =
          broadcastStep(powers, code.add(inChunk, row * stepsPerRow));
      for (int64_t v = 0; v < vectors; ++v) {
        Value &sum = next[row * vectors + v];
        sum = isRagged ? addRagged(group, row, inChunk, weights, value[v], sum)
                       : multiplyAdd(weights, value[v], sum);
      }
    }
    return next;
  });
}

/// \p sum and what row \p row sees of step \p step of the chunk.
Value AttentionBuilder::addRagged(const RowGroup &group, int64_t row,
                                  Value step, Value weights, Value value,
                                  Value sum) {
  auto sees = [&](Value key) {
    Value isSeen = code.less(key, group.limit[row]);
    if (shape.window > 0)
      isSeen = code.both(isSeen, code.less(group.low[row], code.add(key, 1)));
    return isSeen;
  };
  if (!shape.addsPairs)
    return code.select(sees(step), code.fma(weights, value, sum), sum);

  // The half that is not seen is 0 before it is read as a number.
  OpBuilder &builder = code.builder;
  Type i32 = builder.getI32Type();
  auto bits = [&](uint32_t number) -> Value {
    return arith::ConstantOp::create(
        builder, code.loc, builder.getI32IntegerAttr(int32_t(number)));
  };
  Value first = sees(code.mul(step, 2));
  Value second = sees(code.add(code.mul(step, 2), 1));
  Value low = code.select(first, bits(0xffff), bits(0));
  Value high = code.select(second, bits(0xffff0000), bits(0));
  Value mask = arith::OrIOp::create(builder, code.loc, i32, low, high);
  Value seen =
      arith::AndIOp::create(builder, code.loc, value, code.broadcast(mask));
  Value any = arith::OrIOp::create(builder, code.loc, first, second);
  return code.select(any, multiplyAdd(weights, seen, sum), sum);
}

} // namespace lathe
