//===- AttentionPanels.cpp - Keys and values as attention reads them ------===//

#include "passes/lowering/AttentionPanels.h"

#include "dialects/lathe/QuantPages.h"
#include "passes/lowering/KernelAbi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace lathe {

float AttentionShape::exponentScale() const {
  constexpr double kLog2E = 1.4426950408889634;
  return float(softcap != 0.0f ? kLog2E : scale * kLog2E);
}

Value HeadRows::start(const KernelCode &code, Value token, Value head,
                      int64_t size) const {
  Value start = code.add(code.mul(token, stride), offset);
  return code.add(start, code.mul(head, size));
}

void buildPrefetch(const KernelCode &code, Value base, Type element,
                   Value index, int64_t count) {
  int64_t line = 512 / element.getIntOrFloatBitWidth();
  for (int64_t first = 0; first < count; first += line)
    code.prefetch(buildElementPtr(code.builder, code.loc, base, element,
                                  code.add(index, first)),
                  /*isForWriting=*/false);
}

void buildStoreAt(const KernelCode &code, Value value, Value base,
                  Value index) {
  Type type = value.getType();
  Value place = buildElementPtr(code.builder, code.loc, base, type, index);
  unsigned bytes = type.isIntOrFloat() ? type.getIntOrFloatBitWidth() / 8 : 8;
  LLVM::StoreOp::create(code.builder, code.loc, value, place, bytes);
}

AttentionPanels::AttentionPanels(KernelCode code, const AttentionShape &shape,
                                 const AttentionSource &source,
                                 function_ref<Value(int64_t)> allocate)
    : code(code), shape(shape), source(source) {
  if (source.isCached() && !shape.addsPairs) {
    keyPanels = allocate((kCount + 1) * 8);
    valuePanels = allocate((kCount + 1) * 8);
  }
  if (readsPages(shape.tallest()))
    return;
  int64_t bytes = kAttentionChunk / shape.depth() * shape.size * 4;
  madeKeys = allocate(bytes);
  // Written and read by whole vectors.
  madeValues = allocate(bytes + kLanes * 4);
}

static Value loadPointer(const KernelCode &code, Value base, Value index) {
  auto pointer = LLVM::LLVMPointerType::get(code.builder.getContext());
  Value place = buildElementPtr(code.builder, code.loc, base, pointer, index);
  return LLVM::LoadOp::create(code.builder, code.loc, pointer, place,
                              /*alignment=*/8);
}

/// The quanta that start at \p head, and the scales behind them.
AttentionPanels::Side AttentionPanels::quantSide(Value head) const {
  QuantPages layout(shape.size);
  return {head, source.pageElement,
          buildElementPtr(code.builder, code.loc, head, source.pageElement,
                          layout.scalesOffset())};
}

/// The panel that is noted in \p pages, or stands in scratch at \p made.
AttentionPanels::Side AttentionPanels::sideOf(Value pages, Value made,
                                              Value panel, int64_t rows) const {
  if (!readsPages(rows)) {
    Type word = shape.addsPairs ? code.builder.getI32Type() : code.f32();
    int64_t words = kKeys / shape.depth() * shape.size;
    return {wordsAt(made, code.mul(panel, words)), word, Value()};
  }
  Value head = loadPointer(code, pages, panel);
  return source.isQuantised ? quantSide(head)
                            : Side{head, source.pageElement, Value()};
}

AttentionPanels::Side AttentionPanels::keys(Value panel, int64_t rows) const {
  return sideOf(keyPanels, madeKeys, panel, rows);
}

AttentionPanels::Side AttentionPanels::values(Value panel, int64_t rows) const {
  return sideOf(valuePanels, madeValues, panel, rows);
}

Value AttentionPanels::load(const Side &side, Value index, Value scales) const {
  Value lanes = code.loadLanes(side.base, side.element, index);
  if (!scales)
    return lanes;
  OpBuilder &builder = code.builder;
  Value integers = arith::ExtSIOp::create(
      builder, code.loc, code.lanes(builder.getI32Type()), lanes);
  Value numbers = arith::SIToFPOp::create(builder, code.loc,
                                          code.lanes(code.f32()), integers);
  return code.mulf(numbers, scales);
}

Value AttentionPanels::wordsAt(Value base, Value index) const {
  return buildElementPtr(code.builder, code.loc, base,
                         code.builder.getI32Type(), index);
}

void AttentionPanels::prepare(const AttentionRun &run,
                              const AttentionChunk &chunk) {
  if (!source.isCached() || shape.addsPairs)
    return makePanels(run, chunk);
  findPages(run, chunk);
  if (source.isQuantised)
    code.when(code.less(code.index(shape.tallest() - 1), run.rows),
              [&] { makePanels(run, chunk); });
}

//===----------------------------------------------------------------------===//
// Pages
//===----------------------------------------------------------------------===//

/// Elements that a page has of one head: bytes where it is quantised.
int64_t AttentionPanels::elementsOfHead() const {
  return source.isQuantised ? QuantPages(shape.size).headBytes()
                            : shape.size * kKeys;
}

/// The first element of the head of \p run in page \p page of its slot.
Value AttentionPanels::pageStart(const AttentionRun &run, Value page) {
  Value entry = code.add(code.mul(run.slot, source.slotPages), page);
  Value number = code.loadIndex(source.pageTable, entry);
  Value head = code.add(code.mul(number, shape.keyHeads), run.keyHead);
  return code.mul(head, elementsOfHead());
}

void AttentionPanels::findPages(const AttentionRun &run,
                                const AttentionChunk &chunk) {
  Value firstPage = code.div(chunk.begin, kKeys);
  // And the panel behind the chunk, to be asked for early; the last again
  // where there is none.
  Value lastPage = code.div(chunk.lastKey, kKeys);
  Value end = code.add(chunk.endPanel, 1);
  code.loop(chunk.firstPanel, end, 1, [&](Value panel) {
    Value start =
        pageStart(run, code.min(code.add(firstPage, panel), lastPage));
    for (auto [pages, panels] : {std::pair(source.keyPages, keyPanels),
                                 std::pair(source.valuePages, valuePanels)})
      buildStoreAt(code,
                   buildElementPtr(code.builder, code.loc, pages,
                                   source.pageElement, start),
                   panels, panel);
  });
}

void AttentionPanels::prefetchNext(const AttentionRun &run,
                                   const AttentionChunk &chunk, Value first,
                                   int64_t rows, Value panel) {
  int64_t groups = std::max<int64_t>(shape.maxRows() / rows, 1);
  Value group = code.div(first, rows);
  Value next = code.add(chunk.begin, kAttentionChunk);
  if (source.isCached()) {
    // Of the page that takes the panel's place, the group's part; all of it
    // where the group is alone, as a token's is.
    Value page = code.min(code.add(code.div(next, kKeys), panel),
                          code.div(chunk.lastKey, kKeys));
    Value start = pageStart(run, page);
    int64_t elements = elementsOfHead();
    int64_t part = llvm::divideCeil(elements, groups);
    Value isAlone = code.less(run.rows, code.index(rows + 1));
    Value begin = code.mul(group, part);
    Value end =
        code.select(isAlone, code.index(elements),
                    code.min(code.add(begin, part), code.index(elements)));
    int64_t line = 512 / source.pageElement.getIntOrFloatBitWidth();
    code.loop(begin, end, line, [&](Value at) {
      for (Value pages : {source.keyPages, source.valuePages})
        buildPrefetch(code, pages, source.pageElement, code.add(start, at),
                      line);
    });
    return;
  }
  int64_t count = llvm::divideCeil(kKeys, groups);
  Value firstKey =
      code.add(code.add(next, code.mul(panel, kKeys)), code.mul(group, count));
  for (int64_t key = 0; key < count; ++key) {
    Value token = code.add(run.sequenceBegin,
                           code.min(code.add(firstKey, key), chunk.lastKey));
    for (const HeadRows &each : {source.key, source.value})
      buildPrefetch(code, each.base, each.element,
                    each.start(code, token, run.keyHead, shape.size),
                    shape.size);
  }
}

//===----------------------------------------------------------------------===//
// Panels in scratch
//===----------------------------------------------------------------------===//

void AttentionPanels::makePanels(const AttentionRun &run,
                                 const AttentionChunk &chunk) {
  int64_t words = kKeys / shape.depth() * shape.size;
  code.loop(chunk.firstPanel, chunk.endPanel, 1, [&](Value panel) {
    Value target = wordsAt(madeKeys, code.mul(panel, words));
    if (source.isCached()) {
      Value page = code.add(code.div(chunk.begin, kKeys), panel);
      if (source.isQuantised)
        decodePage(pageStart(run, page), panel);
      else
        pairPage(pageStart(run, page), panel);
      return;
    }
    Value firstKey = code.add(chunk.begin, code.mul(panel, kKeys));
    code.loop(code.index(0), code.index(kKeys), kLanes, [&](Value half) {
      // Past the last key, its row is taken again: it is there, and masked.
      Values keyRows, valueRows;
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        Value key = code.add(firstKey, code.add(half, lane));
        Value token = code.add(run.sequenceBegin, code.min(key, chunk.lastKey));
        keyRows.push_back(
            source.key.start(code, token, run.keyHead, shape.size));
        valueRows.push_back(
            source.value.start(code, token, run.keyHead, shape.size));
      }
      makeKeys(keyRows, wordsAt(target, half));
      makeValues(source.value.base, source.value.element, valueRows,
                 code.add(code.mul(panel, kKeys), half));
    });
  });
}

/// 16 words of 32 bits that stand for the elements from \p base[index] on.
Value AttentionPanels::loadWords(Value base, Type element, Value index) const {
  if (!shape.addsPairs)
    return code.loadLanes(base, element, index);
  Value place = buildElementPtr(code.builder, code.loc, base, element, index);
  return buildLoad(code.builder, code.loc,
                   code.lanes(code.builder.getI32Type()), place);
}

/// Makes 16 \p rows of keys columns of the panel from \p target on.
void AttentionPanels::makeKeys(ArrayRef<Value> rows, Value target) {
  int64_t steps = shape.size / shape.depth();
  int64_t whole = steps / kLanes * kLanes;
  code.loop(code.index(0), code.index(whole), kLanes,
            [&](Value step) { transposeBlock(rows, step, kLanes, target); });
  if (whole < steps)
    transposeBlock(rows, code.index(whole), steps - whole, target);
}

/// Reads steps [\p first, \p first + 16) of 16 \p rows of keys, and writes the
/// first \p count of them as rows of the panel at \p target.
void AttentionPanels::transposeBlock(ArrayRef<Value> rows, Value first,
                                     int64_t count, Value target) {
  Values block;
  for (Value row : rows)
    block.push_back(loadWords(source.key.base, source.key.element,
                              code.add(row, code.mul(first, shape.depth()))));
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
  for (int64_t step = 0; step < count; ++step)
    buildStore(code.builder, code.loc, block[step],
               wordsAt(target, code.mul(code.add(first, step), kKeys)));
}

/// Copies 16 rows of values, which start at elements \p rows of \p base, to
/// those from \p first on of the chunk: the rows of a wide tensor lie so that
/// few sets of the nearest cache would hold them.
void AttentionPanels::makeValues(Value base, Type element, ArrayRef<Value> rows,
                                 Value first) {
  // A last vector may reach into the row behind, which is written after it.
  for (int64_t row = 0; row < kLanes; row += shape.depth())
    for (int64_t column = 0; column < shape.size; column += kLanes) {
      Value to =
          code.mul(code.div(code.add(first, row), shape.depth()), shape.size);
      to = code.add(to, column);
      if (shape.addsPairs)
        storePairs(base, code.add(rows[row], column),
                   code.add(rows[row + 1], column), wordsAt(madeValues, to));
      else
        code.storeLanes(
            code.loadLanes(base, element, code.add(rows[row], column)),
            madeValues, code.f32(), to, kLanes);
    }
}

/// Stores the pairs of 16 bf16 from \p base[low] and \p base[high] on.
void AttentionPanels::storePairs(Value base, Value low, Value high,
                                 Value place) const {
  Type half = code.builder.getI16Type();
  SmallVector<int64_t> order;
  for (int64_t lane = 0; lane < kLanes; ++lane)
    order.append({lane, kLanes + lane});
  Value pairs = vector::ShuffleOp::create(
      code.builder, code.loc, code.loadLanes(base, half, low),
      code.loadLanes(base, half, high), order);
  buildStore(code.builder, code.loc, pairs, place);
}

/// Makes panel \p panel of the page whose head starts at element \p start.
void AttentionPanels::pairPage(Value start, Value panel) {
  int64_t words = kKeys / 2 * shape.size;
  Value first = code.mul(panel, words);
  code.loop(code.index(0), code.index(shape.size / 2), 1, [&](Value step) {
    Value row = code.add(start, code.mul(step, 2 * kKeys));
    for (int64_t key = 0; key < kKeys; key += kLanes) {
      Value to = code.add(code.add(first, code.mul(step, kKeys)), key);
      storePairs(source.keyPages, code.add(row, key),
                 code.add(row, kKeys + key), wordsAt(madeKeys, to));
    }
  });
  code.loop(code.index(0), code.index(kKeys), kLanes, [&](Value half) {
    Values rows;
    for (int64_t lane = 0; lane < kLanes; ++lane)
      rows.push_back(
          code.add(start, code.mul(code.add(half, lane), shape.size)));
    makeValues(source.valuePages, source.pageElement, rows,
               code.add(code.mul(panel, kKeys), half));
  });
}

/// Makes panel \p panel of the quantised page whose head starts at byte
/// \p start.
void AttentionPanels::decodePage(Value start, Value panel) {
  auto sideAt = [&](Value pages) {
    return quantSide(buildElementPtr(code.builder, code.loc, pages,
                                     source.pageElement, start));
  };
  Side keys = sideAt(source.keyPages);
  Values scales;
  for (int64_t key = 0; key < kKeys; key += kLanes)
    scales.push_back(code.loadLanes(keys.scales, code.f32(), code.index(key)));
  Value first = code.mul(panel, kKeys * shape.size);
  code.loop(code.index(0), code.index(shape.size), 1, [&](Value step) {
    for (int64_t key = 0; key < kKeys; key += kLanes) {
      Value place = code.add(code.mul(step, kKeys), key);
      code.storeLanes(load(keys, place, scales[key / kLanes]), madeKeys,
                      code.f32(), code.add(first, place), kLanes);
    }
  });

  Side values = sideAt(source.valuePages);
  code.loop(code.index(0), code.index(kKeys), 1, [&](Value key) {
    Value scale =
        code.broadcast(code.loadNumber(values.scales, code.f32(), key));
    // A last vector may reach into the row behind, which is written after it.
    for (int64_t column = 0; column < shape.size; column += kLanes) {
      Value place = code.add(code.mul(key, shape.size), column);
      code.storeLanes(load(values, place, scale), madeValues, code.f32(),
                      code.add(first, place), kLanes);
    }
  });
}

} // namespace lathe
