//===- AttentionBuilder.cpp - Attention on a register tile ----------------===//

#include "passes/lowering/AttentionBuilder.h"

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
static constexpr int64_t kPanel = kPagePositions;
static constexpr int64_t kPanels = kAttentionChunk / kPanel;
static constexpr int64_t kScoreVectors = kAttentionChunk / kLanes;
static constexpr float kLowest = -std::numeric_limits<float>::infinity();

float AttentionShape::exponentScale() const {
  constexpr double kLog2E = 1.4426950408889634;
  return float(softcap != 0.0f ? kLog2E : scale * kLog2E);
}

AttentionBuilder::AttentionBuilder(KernelCode code, const AttentionShape &shape,
                                   const AttentionSource &source, Value scratch)
    : code(code), shape(shape), source(source), scratch(scratch) {
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
  keyPanels = allocate((kPanels + 1) * 8);
  valuePanels = allocate((kPanels + 1) * 8);
  if (source.isCached())
    return;
  keys = allocate(kAttentionChunk * shape.size * 4);
  // Read by whole vectors.
  values = allocate(kAttentionChunk * shape.size * 4 + kLanes * 4);
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

/// Stores a number or a pointer as element \p index of an array of its like.
static void storeAt(const KernelCode &code, Value value, Value base,
                    Value index) {
  Type type = value.getType();
  Value place = buildElementPtr(code.builder, code.loc, base, type, index);
  unsigned bytes = type.isIntOrFloat() ? type.getIntOrFloatBitWidth() / 8 : 8;
  LLVM::StoreOp::create(code.builder, code.loc, value, place, bytes);
}

static Value loadPointer(const KernelCode &code, Value base, Value index) {
  auto pointer = LLVM::LLVMPointerType::get(code.builder.getContext());
  Value place = buildElementPtr(code.builder, code.loc, base, pointer, index);
  return LLVM::LoadOp::create(code.builder, code.loc, pointer, place,
                              /*alignment=*/8);
}

/// The \p maxima, or 0 where one is that of no key at all: what the exponents
/// of a softmax are relative to.
static Value finiteOrZero(const KernelCode &code, Value maxima) {
  Value isNone =
      arith::CmpFOp::create(code.builder, code.loc, arith::CmpFPredicate::OEQ,
                            maxima, code.splat(kLowest));
  return code.select(isNone, code.splat(0.0f), maxima);
}

/// Asks for \p count elements from \p base[index] on to come near.
static void prefetch(const KernelCode &code, Value base, Type element,
                     Value index, int64_t count) {
  int64_t line = 512 / element.getIntOrFloatBitWidth();
  for (int64_t first = 0; first < count; first += line)
    LLVM::Prefetch::create(code.builder, code.loc,
                           buildElementPtr(code.builder, code.loc, base,
                                           element, code.add(index, first)),
                           /*rw=*/0, /*hint=*/2, /*cache=*/1);
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
    // Slots are in any order: the run ends where the slot changes.
    run.slot = sequence;
    auto scan = scf::WhileOp::create(
        code.builder, code.loc, TypeRange{code.i64()},
        ValueRange{code.add(token, 1)},
        [&](OpBuilder &, Location, ValueRange end) {
          // Past the last token, the token itself is looked at instead.
          Value inside = code.less(end[0], last);
          Value place = code.select(inside, end[0], token);
          Value slot = code.loadIndex(source.sequences, place);
          Value isSame = arith::CmpIOp::create(
              code.builder, code.loc, arith::CmpIPredicate::eq, slot, sequence);
          scf::ConditionOp::create(code.builder, code.loc,
                                   code.both(inside, isSame), end);
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

/// Element of \p rows that head \p head of \p token starts with.
static Value headStart(const KernelCode &code, const HeadRows &rows,
                       Value token, Value head, int64_t size) {
  Value start = code.add(code.mul(token, rows.stride), rows.offset);
  return code.add(start, code.mul(head, size));
}

void AttentionBuilder::prepareRows(const Run &run) {
  Value firstHead = code.mul(run.keyHead, shape.group());
  code.loop(code.index(0), run.rows, 1, [&](Value row) {
    Value token = code.add(run.begin, code.div(row, shape.group()));
    Value head = code.add(firstHead, code.rem(row, shape.group()));
    Value from = headStart(code, source.query, token, head, shape.size);
    Value to = code.mul(row, shape.paddedSize());
    code.loop(
        code.index(0), code.index(shape.paddedSize()), kLanes,
        [&](Value column) {
          Value numbers = code.loadLanes(
              source.query.base, source.query.element, code.add(from, column));
          Value place = code.add(to, column);
          code.storeLanes(numbers, queries, code.f32(), place, kLanes);
          code.storeLanes(code.splat(0.0f), sums, code.f32(), place, kLanes);
        });
    OpBuilder &builder = code.builder;
    storeAt(code, buildFloat(builder, code.loc, code.f32(), kLowest), maxima,
            row);
    storeAt(code, buildFloat(builder, code.loc, code.f32(), 0.0f), weights,
            row);

    Value place = source.isCached() ? code.loadIndex(source.positions, token)
                                    : code.sub(token, run.sequenceBegin);
    Value limit = shape.isCausal ? code.add(place, 1)
                                 : code.sub(run.sequenceEnd, run.sequenceBegin);
    Value low = code.index(0);
    if (shape.window > 0)
      low = code.max(code.add(place, 1 - shape.window), low);
    storeAt(code, limit, limits, row);
    storeAt(code, low, lowBounds, row);
  });
}

void AttentionBuilder::finishRows(const Run &run) {
  Value firstHead = code.mul(run.keyHead, shape.group());
  code.loop(code.index(0), run.rows, 1, [&](Value row) {
    Value token = code.add(run.begin, code.div(row, shape.group()));
    Value head = code.add(firstHead, code.rem(row, shape.group()));
    Value to = headStart(code, source.result, token, head, shape.size);
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
  if (source.isCached())
    findPages(run, chunk);
  else
    makePanels(run, chunk);
  emitRowGroups(run, chunk);
}

void AttentionBuilder::findPages(const Run &run, const Chunk &chunk) {
  Value firstPage = code.div(chunk.begin, kPanel);
  // And the panel behind the chunk, to be asked for early; the last again
  // where there is none.
  Value lastPage = code.div(chunk.lastKey, kPanel);
  Value end = code.add(chunk.endPanel, 1);
  code.loop(chunk.firstPanel, end, 1, [&](Value panel) {
    Value start = pageOf(run, code.min(code.add(firstPage, panel), lastPage));
    for (auto [pages, panels] : {std::pair(source.keyPages, keyPanels),
                                 std::pair(source.valuePages, valuePanels)})
      storeAt(code,
              buildElementPtr(code.builder, code.loc, pages, source.pageElement,
                              start),
              panels, panel);
  });
}

/// The first element of the head of \p run in page \p page of its slot.
Value AttentionBuilder::pageOf(const Run &run, Value page) {
  Value entry = code.add(code.mul(run.slot, source.slotPages), page);
  Value number = code.loadIndex(source.pageTable, entry);
  Value head = code.add(code.mul(number, shape.keyHeads), run.keyHead);
  return code.mul(head, shape.size * kPanel);
}

void AttentionBuilder::makePanels(const Run &run, const Chunk &chunk) {
  code.loop(chunk.firstPanel, chunk.endPanel, 1, [&](Value panel) {
    Value firstKey = code.add(chunk.begin, code.mul(panel, kPanel));
    Value target = f32At(keys, code.mul(panel, shape.size * kPanel));
    storeAt(code, target, keyPanels, panel);
    storeAt(code, f32At(values, code.mul(panel, shape.size * kPanel)),
            valuePanels, panel);
    code.loop(code.index(0), code.index(kPanel), kLanes, [&](Value half) {
      // Past the last key, its row is taken again: it is there, and masked.
      SmallVector<Value> keyRows, valueRows;
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        Value key = code.add(firstKey, code.add(half, lane));
        Value token = code.add(run.sequenceBegin, code.min(key, chunk.lastKey));
        keyRows.push_back(
            headStart(code, source.key, token, run.keyHead, shape.size));
        valueRows.push_back(
            headStart(code, source.value, token, run.keyHead, shape.size));
      }
      Value targetHalf = f32At(target, half);
      int64_t whole = shape.size / kLanes * kLanes;
      code.loop(code.index(0), code.index(whole), kLanes, [&](Value part) {
        transposeBlock(keyRows, part, kLanes, targetHalf);
      });
      if (whole < shape.size)
        transposeBlock(keyRows, code.index(whole), shape.size - whole,
                       targetHalf);
      copyRows(valueRows, code.add(code.mul(panel, kPanel), half));
    });
  });
}

/// Copies \p rows of values to those from \p first on of the chunk: the rows of
/// a wide tensor lie so that few sets of the nearest cache would hold them.
void AttentionBuilder::copyRows(ArrayRef<Value> rows, Value first) {
  for (auto [number, row] : llvm::enumerate(rows))
    for (int64_t column = 0; column < shape.size; column += kLanes) {
      Value lanes = code.loadLanes(source.value.base, source.value.element,
                                   code.add(row, column));
      Value place = code.mul(code.add(first, number), shape.size);
      code.storeLanes(lanes, values, code.f32(), code.add(place, column),
                      std::min(kLanes, shape.size - column));
    }
}

/// Reads columns [\p first, \p first + 16) of 16 \p keyRows, and writes the
/// first \p count of them as rows of the panel at \p target.
void AttentionBuilder::transposeBlock(ArrayRef<Value> keyRows, Value first,
                                      int64_t count, Value target) {
  SmallVector<Value> block;
  for (Value row : keyRows)
    block.push_back(code.loadLanes(source.key.base, source.key.element,
                                   code.add(row, first)));
  // Swaps the off-diagonal halves of every 2n x 2n block, for n = 8 to 1.
  for (int64_t n = kLanes / 2; n > 0; n /= 2) {
    SmallVector<int64_t> low(kLanes), high(kLanes);
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      bool isUpper = lane & n;
      low[lane] = isUpper ? kLanes + lane - n : lane;
      high[lane] = isUpper ? kLanes + lane : lane + n;
    }
    for (int64_t row = 0; row < kLanes; ++row) {
      if (row & n)
        continue;
      Value a = block[row], b = block[row + n];
      block[row] = vector::ShuffleOp::create(code.builder, code.loc, a, b, low);
      block[row + n] =
          vector::ShuffleOp::create(code.builder, code.loc, a, b, high);
    }
  }
  for (int64_t part = 0; part < count; ++part)
    code.storeLanes(block[part], target, code.f32(),
                    code.mul(code.add(first, part), kPanel), kLanes);
}

//===----------------------------------------------------------------------===//
// Groups of rows
//===----------------------------------------------------------------------===//

void AttentionBuilder::emitRowGroups(const Run &run, const Chunk &chunk) {
  // Groups as tall as the register tile, then what is left by powers of two.
  SmallVector<int64_t> heights{std::min(shape.rows, shape.maxRows())};
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
  if (rows > 1) {
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

/// Asks for a part of the keys and values of the chunk behind \p chunk: all
/// panels of all tall groups of a tile together ask for all of them.
void AttentionBuilder::prefetchNext(const Run &run, const Chunk &chunk,
                                    const RowGroup &group, Value panel) {
  int64_t groups = std::max<int64_t>(shape.maxRows() / group.rows, 1);
  Value inTile = code.div(group.first, group.rows);
  Value next = code.add(chunk.begin, kAttentionChunk);
  if (source.isCached()) {
    // Of the page that takes the panel's place, the group's part.
    Value page = code.min(code.add(code.div(next, kPanel), panel),
                          code.div(chunk.lastKey, kPanel));
    int64_t elements = llvm::divideCeil(shape.size * kPanel, groups);
    Value start = code.add(pageOf(run, page), code.mul(inTile, elements));
    for (Value pages : {source.keyPages, source.valuePages})
      prefetch(code, pages, source.pageElement, start, elements);
    return;
  }
  int64_t count = llvm::divideCeil(kPanel, groups);
  Value first = code.add(next, code.mul(panel, kPanel));
  first = code.add(first, code.mul(inTile, count));
  for (int64_t key = 0; key < count; ++key) {
    Value token = code.add(run.sequenceBegin,
                           code.min(code.add(first, key), chunk.lastKey));
    for (const HeadRows &rows : {source.key, source.value})
      prefetch(code, rows.base, rows.element,
               headStart(code, rows, token, run.keyHead, shape.size),
               shape.size);
  }
}

void AttentionBuilder::emitScores(const Run &run, const Chunk &chunk,
                                  const RowGroup &group) {
  Type element = source.isCached() ? source.pageElement : Type(code.f32());
  SmallVector<Value> query;
  for (int64_t row = 0; row < group.rows; ++row)
    query.push_back(f32At(
        queries, code.mul(code.add(group.first, row), shape.paddedSize())));

  code.loop(group.firstPanel, group.endPanel, 1, [&](Value panel) {
    Value keys = loadPointer(code, keyPanels, panel);
    // Pages and rows lie apart, and are too short for the processor to follow
    // by itself.
    Value soon[2];
    if (group.rows == shape.rows) {
      prefetchNext(run, chunk, group, panel);
    } else if (source.isCached()) {
      soon[0] = loadPointer(code, keyPanels, code.add(panel, 1));
      soon[1] = loadPointer(code, valuePanels, panel);
    }
    for (int64_t column = 0; column < kPanel;
         column += shape.vectors * kLanes) {
      Values zeros(group.rows * shape.vectors, code.splat(0.0f));
      Values dots = code.loop(
          code.index(0), code.index(shape.size), 1, zeros,
          [&](Value d, ValueRange carried) {
            Values next(carried);
            Values key;
            for (int64_t v = 0; v < shape.vectors; ++v)
              key.push_back(code.loadLanes(
                  keys, element,
                  code.add(code.mul(d, kPanel), column + v * kLanes)));
            for (Value pages : soon)
              if (pages)
                prefetch(code, pages, element,
                         code.add(code.mul(d, kPanel), column),
                         shape.vectors * kLanes);
            for (int64_t row = 0; row < group.rows; ++row) {
              Value q =
                  code.broadcast(code.loadNumber(query[row], code.f32(), d));
              for (int64_t v = 0; v < shape.vectors; ++v) {
                Value &sum = next[row * shape.vectors + v];
                sum = code.fma(q, key[v], sum);
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
  storeAt(code, arith::MulFOp::create(builder, code.loc, maximum, scale),
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
    code.storeLanes(power, scores, code.f32(), place, kLanes);
  }
  storeAt(code, buildLaneSum(code.builder, code.loc, sum), chunkWeights,
          inGroup);
}

void AttentionBuilder::emitValues(const RowGroup &group, Value column,
                                  int64_t vectors) {
  bool isRagged =
      !group.isWhole && group.rows > 1 && (shape.isCausal || shape.window > 0);
  Values zeros(group.rows * vectors, code.splat(0.0f));
  Values chunkSums = code.loop(
      group.firstPanel, group.endPanel, 1, zeros,
      [&](Value panel, ValueRange carried) -> Values {
        if (group.isWhole)
          return addKeys(group, panel, code.index(0), code.index(kPanel),
                         column, vectors, carried, false);
        Value start = code.mul(panel, kPanel);
        auto inPanel = [&](Value key) {
          return clamp(code, code.sub(key, start), 0, kPanel);
        };
        Value someBegin = inPanel(group.someBegin);
        Value someEnd = inPanel(group.someEnd);
        if (!isRagged)
          return addKeys(group, panel, someBegin, someEnd, column, vectors,
                         carried, false);
        Value allEnd = inPanel(group.allEnd);
        Value allBegin = code.min(inPanel(group.allBegin), someEnd);
        Values next(carried);
        if (shape.window > 0)
          next = addKeys(group, panel, someBegin, allBegin, column, vectors,
                         next, true);
        next = addKeys(group, panel, allBegin, allEnd, column, vectors, next,
                       false);
        return addKeys(group, panel, code.max(allBegin, allEnd), someEnd,
                       column, vectors, next, true);
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

/// Adds the weighted values of keys [\p begin, \p end) of \p panel to \p sums.
/// In a ragged range, a row that may not see a key keeps its sum.
Values AttentionBuilder::addKeys(const RowGroup &group, Value panel,
                                 Value begin, Value end, Value column,
                                 int64_t vectors, ValueRange sums,
                                 bool isRagged) {
  Value panelValues = loadPointer(code, valuePanels, panel);
  Type element = source.isCached() ? source.pageElement : Type(code.f32());
  Value start = code.mul(panel, kPanel);
  return code.loop(begin, end, 1, sums, [&](Value key, ValueRange carried) {
    Values next(carried);
    Value from = code.add(code.mul(key, shape.size), column);
    Values value;
    for (int64_t v = 0; v < vectors; ++v)
      value.push_back(
          code.loadLanes(panelValues, element, code.add(from, v * kLanes)));
    Value inChunk = code.add(start, key);
    for (int64_t row = 0; row < group.rows; ++row) {
      Value weight = code.loadNumber(scores, code.f32(),
                                     code.add(inChunk, row * kAttentionChunk));
      Value weights = code.broadcast(weight);
      Value sees;
      if (isRagged)
        sees = code.less(inChunk, group.limit[row]);
      if (isRagged && shape.window > 0)
        sees = code.both(sees, code.less(group.low[row], code.add(inChunk, 1)));
      for (int64_t v = 0; v < vectors; ++v) {
        Value &sum = next[row * vectors + v];
        Value more = code.fma(weights, value[v], sum);
        sum = sees ? code.select(sees, more, sum) : more;
      }
    }
    return next;
  });
}

} // namespace lathe
