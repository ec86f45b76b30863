//===- LowerContraction.cpp - Kernels rooted in a linear layer ------------===//
//
// A tile of a launch is a block of rows and a few packed panels of columns.
// Tiles follow each other such that what they share, rows or panels, is what
// would cost most to read again. Inside, full register tiles go over the block
// for each group of columns, then one lower tile takes the rows that are left.
// Each register tile leaves its sums in scratch, where one loop, the same for
// every shape of tile, adds bias and elementwise ops and stores: that keeps the
// code small, and costs some loads and stores for each K fma.
//
// An input that is computed (a norm, a rounding) is written to scratch first,
// once for each block of rows and worker: the header of the scratch says for
// which launch and block that was. Results that are heads, to be rotated or
// appended to a cache, are computed from the sums of a whole tile.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "passes/analysis/BufferSizes.h"
#include "passes/lowering/Contraction.h"
#include "passes/lowering/ElementwiseCode.h"
#include "passes/lowering/IntegerTile.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/KernelCode.h"
#include "passes/lowering/QuantTile.h"
#include "passes/lowering/RegisterTile.h"
#include "passes/lowering/RowBuilder.h"
#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_LOWERCONTRACTION
#include "passes/Passes.h.inc"

namespace {

/// Writes the body of one kernel.
class ContractionKernel {
public:
  ContractionKernel(KernelFrame &frame, const Contraction &match)
      : frame(frame), match(match), loc(linear().getLoc()),
        code{frame.builder(), loc}, tile(frame, loc, match),
        schedule(match.schedule) {}

  void build();

private:
  LinearOp linear() const { return match.linear; }

  // Scratch, in the order of its parts.
  void placeScratch();
  Value scratchAt(int64_t offset) const;
  Value sumsOfRow(Value row) const;

  void chooseOrder();
  void buildTile(Value index);
  void buildPrologue();
  RegisterTile::Activations activations() const;

  void buildFullRows(Value begin, Value end);
  void buildRestRows(Value begin, Value count);
  void buildSums(const TileRows &rows, Value column, Value target);
  void buildByHeight(Value count, ArrayRef<int64_t> heights,
                     llvm::function_ref<void(int64_t)> body);
  SmallVector<int64_t> restHeights(bool hasFull) const;
  void buildDecodedTile(Value column);
  /// Weights of few bits that become numbers before they are multiplied.
  bool isDecoded() const {
    return match.packing.getQuant() && !match.inputQuant;
  }

  void buildEpilogue(Value row, Value rows, Value column, Value width);
  void storeVector(Value row, Value tileRow, Value column, Value tileColumn,
                   bool isWhole);
  Value loadBias(Value column, int64_t shift, Value mask) const;
  void buildHeadTile(Value row, Value count, const TileRows &rows);
  void addBias(Value count) const;
  void buildHeads(Value row, Value count);

  KernelFrame &frame;
  const Contraction &match;
  Location loc;
  KernelCode code;
  RegisterTile tile;
  ScheduleAttr schedule;
  int64_t groupColumns() const {
    return schedule.getPanels() * match.packing.getColumns();
  }
  int64_t groups() const {
    return llvm::divideCeil(match.resultColumns, groupColumns());
  }

  /// Bytes from the start of scratch; what row ops need comes last.
  int64_t sumsOffset = 0, decodedOffset = 0, rowOpsOffset = 0;
  int64_t rowOpsBytes = 0;

  /// Of the launch: blocks of rows, and whether the tiles of one follow each
  /// other (i1).
  Value rowBlocks, isRowMajor;
  /// Of the launch tile: its block, rows and columns.
  Value block, blockBegin, blockEnd, columnBegin, columnEnd;
};

//===----------------------------------------------------------------------===//
// Scratch
//===----------------------------------------------------------------------===//

/// Bytes of a row of the input where it is computed first: as a buffer of its
/// type would have them.
int64_t computedRowBytes(const Contraction &match) {
  if (match.inputQuant)
    return QuantRows(match.inputQuant, match.depth()).rowBytes();
  return match.depth() * match.activationElement.getIntOrFloatBitWidth() / 8;
}

void ContractionKernel::placeScratch() {
  int64_t offset = 0;
  auto take = [&](int64_t bytes) {
    int64_t begin = offset;
    // A vector may be read from, or written to, the last number on.
    offset += llvm::alignTo(bytes + 64, 64);
    return begin;
  };
  if (match.hasPrologue)
    take(schedule.getRowBlock() * computedRowBytes(match));
  int64_t rows = isDecoded() ? schedule.getRowBlock() : schedule.getRows();
  sumsOffset = take(rows * tile.stride() * 4);
  decodedOffset = take(isDecoded() ? QuantTile::kChunk * tile.stride() * 4 : 0);
  rowOpsOffset = offset;
}

Value ContractionKernel::scratchAt(int64_t offset) const {
  return buildElementPtr(frame.builder(), loc, frame.scratch(),
                         frame.builder().getI8Type(), offset);
}

/// Where the sums of row \p row (i64), counted from the first in scratch,
/// begin.
Value ContractionKernel::sumsOfRow(Value row) const {
  return buildElementPtr(frame.builder(), loc, scratchAt(sumsOffset),
                         code.f32(), code.mul(row, tile.stride()));
}

//===----------------------------------------------------------------------===//
// Tiles of the launch
//===----------------------------------------------------------------------===//

void ContractionKernel::build() {
  placeScratch();
  chooseOrder();
  code.loop(frame.begin(), frame.end(), 1,
            [&](Value index) { buildTile(index); });
  AffineExpr blocks =
      frame.sizeExpr(match.inputType, 0).ceilDiv(schedule.getRowBlock());
  frame.close(blocks * groups(), rowOpsOffset + rowOpsBytes);
}

/// What of one operand may stay in the second-level cache while the other one
/// passes, in bytes: half of the smallest in use.
constexpr int64_t kCacheBytes = 512 * 1024;

/// Panel by panel, the weights are read once, and the rows once for each group
/// of panels unless they stay in cache; block by block it is the reverse. Takes
/// the order that reads fewer bytes.
void ContractionKernel::chooseOrder() {
  Value rows = frame.size(match.inputType, 0);
  rowBlocks = code.div(code.add(rows, schedule.getRowBlock() - 1),
                       schedule.getRowBlock());
  int64_t depth = std::max<int64_t>(match.depth(), 1);
  int64_t rowBytes =
      depth * match.activationElement.getIntOrFloatBitWidth() / 8;
  int64_t columnBytes = depth * match.weightElement.getIntOrFloatBitWidth() / 8;
  if (match.packing.getQuant())
    columnBytes = PackedQuant(match.packing).panelBytes(match.depth()) /
                  match.packing.getColumns();
  Value rowTotal = code.mul(rows, rowBytes);
  Value columnTotal = code.index(match.columns * columnBytes);
  Value rowReads = code.select(code.less(rowTotal, code.index(kCacheBytes + 1)),
                               rowTotal, code.mul(rowTotal, groups()));
  Value weightReads = match.columns * columnBytes <= kCacheBytes
                          ? columnTotal
                          : code.mul(rowBlocks, match.columns * columnBytes);
  isRowMajor = code.less(code.add(rowTotal, weightReads),
                         code.add(rowReads, columnTotal));
}

void ContractionKernel::buildTile(Value index) {
  OpBuilder &builder = frame.builder();
  Value rows = frame.size(match.inputType, 0);
  Value minor = code.select(isRowMajor, code.index(groups()), rowBlocks);
  Value high = arith::DivUIOp::create(builder, loc, index, minor);
  Value low = arith::RemUIOp::create(builder, loc, index, minor);
  Value group = code.select(isRowMajor, low, high);
  block = code.select(isRowMajor, high, low);

  blockBegin = code.mul(block, schedule.getRowBlock());
  blockEnd = code.min(code.add(blockBegin, schedule.getRowBlock()), rows);
  columnBegin = code.mul(group, groupColumns());
  columnEnd = code.min(code.add(columnBegin, groupColumns()),
                       code.index(match.resultColumns));
  if (match.hasPrologue)
    buildPrologue();

  if (isDecoded() && match.headSize == 0) {
    Value count = code.sub(blockEnd, blockBegin);
    auto pick = scf::IfOp::create(
        builder, loc, code.less(code.index(schedule.getRows()), count),
        /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(pick.thenBlock());
    code.loop(columnBegin, columnEnd, tile.width(1),
              [&](Value column) { buildDecodedTile(column); });
    builder.setInsertionPointToStart(pick.elseBlock());
    return buildRestRows(blockBegin, count);
  }

  Value rest = code.rem(code.sub(blockEnd, blockBegin), schedule.getRows());
  Value fullEnd = code.sub(blockEnd, rest);
  buildFullRows(blockBegin, fullEnd);
  if (schedule.getRows() > 1)
    code.when(code.less(code.index(0), rest),
              [&] { buildRestRows(fullEnd, rest); });
}

/// Where the register tiles find their rows: in the argument, or, if they are
/// computed first, at the start of scratch.
RegisterTile::Activations ContractionKernel::activations() const {
  OpBuilder &builder = frame.builder();
  Type element = match.activationElement;
  int64_t stride =
      computedRowBytes(match) * 8 / element.getIntOrFloatBitWidth();
  if (match.hasPrologue)
    // Row `blockBegin` is the first in scratch.
    return {buildElementPtr(builder, loc, frame.scratch(), element,
                            code.mul(blockBegin, -stride)),
            stride};
  if (match.inputQuant)
    return {frame.buffer(cast<BlockArgument>(linear().getInput())), stride};
  const MatrixView &view = *match.plainInput;
  return {buildElementPtr(builder, loc, frame.buffer(view.argument),
                          view.element, view.offset),
          view.rowStride};
}

/// Computes the input of the block's rows into scratch, unless this worker has
/// done so for this launch.
void ContractionKernel::buildPrologue() {
  OpBuilder &builder = frame.builder();
  auto note = [&](int64_t index) {
    return buildElementPtr(builder, loc, frame.header(), code.i64(), index);
  };
  auto differs = [&](int64_t index, Value value) -> Value {
    Value noted = buildLoad(builder, loc, code.i64(), note(index));
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, noted,
                                 value);
  };
  Value isNew = arith::OrIOp::create(builder, loc, differs(0, frame.launch()),
                                     differs(1, block));
  code.when(isNew, [&] {
    Value base =
        buildElementPtr(builder, loc, frame.scratch(), builder.getI8Type(),
                        code.mul(blockBegin, -computedRowBytes(match)));
    RowBuilder rows(frame, {{linear().getInput(), base}},
                    scratchAt(rowOpsOffset));
    code.loop(blockBegin, blockEnd, 1,
              [&](Value token) { rows.emitToken(token); });
    rowOpsBytes = std::max(rowOpsBytes, rows.scratchBytes());
    buildStore(builder, loc, frame.launch(), note(0));
    buildStore(builder, loc, block, note(1));
  });
}

//===----------------------------------------------------------------------===//
// Register tiles
//===----------------------------------------------------------------------===//

/// The sums of one register tile, to \p target.
void ContractionKernel::buildSums(const TileRows &rows, Value column,
                                  Value target) {
  if (match.inputQuant)
    return IntegerTile(frame, code, match, tile).build(rows, column, target);
  if (isDecoded())
    return QuantTile(frame, code, match, tile).build(rows, column, target);
  tile.build(rows, column, target);
}

/// Register tiles of `rows` rows: for each group of columns down all rows, so
/// that its weights are still in the nearest cache for the next rows.
void ContractionKernel::buildFullRows(Value begin, Value end) {
  int64_t rows = schedule.getRows(), width = tile.width(rows);
  if (match.headSize > 0)
    return code.loop(begin, end, rows, [&](Value row) {
      buildHeadTile(row, code.index(rows),
                    tile.rowsFrom(activations(), row, rows));
    });
  code.loop(columnBegin, columnEnd, width, [&](Value column) {
    code.loop(begin, end, rows, [&](Value row) {
      buildSums(tile.rowsFrom(activations(), row, rows), column,
                scratchAt(sumsOffset));
      buildEpilogue(row, code.index(rows), column, code.index(width));
    });
  });
}

/// Heights of the tiles for what is left of the rows: powers of two, then the
/// most that can be left; a whole tile where no full ones go before.
SmallVector<int64_t> ContractionKernel::restHeights(bool hasFull) const {
  int64_t most = schedule.getRows() - (hasFull ? 1 : 0);
  SmallVector<int64_t> heights;
  for (int64_t height = 1; height < most; height *= 2)
    heights.push_back(height);
  heights.push_back(most);
  return heights;
}

/// \p body for the least of \p heights, ascending, that is not below \p count.
void ContractionKernel::buildByHeight(Value count, ArrayRef<int64_t> heights,
                                      llvm::function_ref<void(int64_t)> body) {
  if (heights.size() == 1)
    return body(heights.front());
  OpBuilder &builder = frame.builder();
  auto pick = scf::IfOp::create(builder, loc,
                                code.less(code.index(heights.front()), count),
                                /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(pick.thenBlock());
  buildByHeight(count, heights.drop_front(), body);
  builder.setInsertionPointToStart(pick.elseBlock());
  body(heights.front());
}

/// Tiles of fewer rows than a full one, as wide as that allows: with few rows,
/// wide tiles keep enough fma in flight. A tile that is higher than \p count
/// computes its last row again.
void ContractionKernel::buildRestRows(Value begin, Value count) {
  bool hasFull = !isDecoded() || match.headSize > 0;
  buildByHeight(count, restHeights(hasFull), [&](int64_t height) {
    TileRows rows = tile.rowsFrom(activations(), begin, height, count);
    if (match.headSize > 0)
      return buildHeadTile(begin, count, rows);
    int64_t width = tile.width(height);
    code.loop(columnBegin, columnEnd, width, [&](Value column) {
      buildSums(rows, column, scratchAt(sumsOffset));
      buildEpilogue(begin, count, column, code.index(width));
    });
  });
}

/// All rows of a launch tile by width(1) columns from \p column on, over
/// weights that are decoded into scratch, a chunk of terms at a time, behind
/// the sums.
void ContractionKernel::buildDecodedTile(Value column) {
  OpBuilder &builder = frame.builder();
  Value count = code.sub(blockEnd, blockBegin);
  Value width =
      code.min(code.index(tile.width(1)), code.sub(columnEnd, column));
  int64_t lanes = schedule.getVector();
  Value zero = buildFloat(builder, loc, VectorType::get(lanes, code.f32()), 0);
  Value sums = scratchAt(sumsOffset), numbers = scratchAt(decodedOffset);
  code.loop(code.index(0), code.mul(count, tile.stride()), lanes,
            [&](Value at) {
              buildStore(builder, loc, zero,
                         buildElementPtr(builder, loc, sums, code.f32(), at));
            });

  // Of a gate both halves, else what is left of the columns.
  Value vectors = code.index(tile.stride() / lanes);
  if (!match.isGated)
    vectors = code.div(code.add(width, lanes - 1), lanes);
  Value depth = code.index(match.depth());
  Value rest = code.rem(count, schedule.getRows());
  Value restRow = code.sub(count, rest);
  code.loop(code.index(0), depth, QuantTile::kChunk, [&](Value first) {
    Value last = code.min(code.add(first, QuantTile::kChunk), depth);
    RegisterTile::Decoded weights{numbers, first, last};
    QuantTile(frame, code, match, tile).decode(column, vectors, weights);
    auto addRows = [&](const TileRows &rows, Value row) {
      code.loop(code.index(0), vectors, tile.decodedVectors(rows.count()),
                [&](Value vector) {
                  tile.addDecoded(rows, weights, sumsOfRow(row), vector);
                });
    };
    code.loop(code.index(0), restRow, schedule.getRows(), [&](Value row) {
      addRows(tile.rowsFrom(activations(), code.add(blockBegin, row),
                            schedule.getRows()),
              row);
    });
    if (schedule.getRows() == 1)
      return;
    code.when(code.less(code.index(0), rest), [&] {
      buildByHeight(rest, restHeights(/*hasFull=*/true), [&](int64_t height) {
        Value first = code.add(blockBegin, restRow);
        addRows(tile.rowsFrom(activations(), first, height, rest), restRow);
      });
    });
  });
  buildEpilogue(blockBegin, count, column, width);
}

//===----------------------------------------------------------------------===//
// Elementwise results
//===----------------------------------------------------------------------===//

/// Finishes the sums of a register tile and stores the results.
void ContractionKernel::buildEpilogue(Value row, Value rows, Value column,
                                      Value width) {
  int64_t lanes = schedule.getVector();
  Value end = code.min(code.add(column, width), columnEnd);
  code.loop(code.index(0), rows, 1, [&](Value tileRow) {
    Value at = code.add(row, tileRow);
    code.loop(column, end, lanes, [&](Value first) {
      Value tileColumn = code.sub(first, column);
      if (match.resultColumns % lanes == 0)
        return storeVector(at, tileRow, first, tileColumn, /*isWhole=*/true);
      Value last = code.index(match.resultColumns - lanes);
      OpBuilder &builder = frame.builder();
      Value isCut = code.less(last, first);
      auto pick = scf::IfOp::create(builder, loc, isCut,
                                    /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(pick.thenBlock());
      storeVector(at, tileRow, first, tileColumn, /*isWhole=*/false);
      builder.setInsertionPointToStart(pick.elseBlock());
      storeVector(at, tileRow, first, tileColumn, /*isWhole=*/true);
    });
  });
}

/// The bias of the columns from \p column + \p shift on, as f32; without
/// \p mask, whose lanes alone are read, all of a vector.
Value ContractionKernel::loadBias(Value column, int64_t shift,
                                  Value mask) const {
  OpBuilder &builder = frame.builder();
  auto bias = cast<BlockArgument>(linear().getBias());
  Type element = cast<RankedTensorType>(bias.getType()).getElementType();
  Value pointer = buildElementPtr(builder, loc, frame.buffer(bias), element,
                                  code.add(column, shift));
  auto type = VectorType::get(schedule.getVector(), element);
  return buildWiden(builder, loc,
                    mask ? buildMaskedLoad(builder, loc, type, pointer, mask)
                         : buildLoad(builder, loc, type, pointer));
}

/// Stores one vector of each result.
void ContractionKernel::storeVector(Value row, Value tileRow, Value column,
                                    Value tileColumn, bool isWhole) {
  OpBuilder &builder = frame.builder();
  int64_t lanes = schedule.getVector();
  Value mask;
  if (!isWhole)
    mask = buildPrefixMask(builder, loc, lanes,
                           code.sub(code.index(match.resultColumns), column));
  Value sums = sumsOfRow(tileRow);
  auto root = [&](const ElementwiseCode::Place &place, int64_t shift) {
    Value at = shift == 0 ? tileColumn : code.add(tileColumn, tile.upOffset());
    Value sum = buildLoad(builder, loc, VectorType::get(lanes, code.f32()),
                          buildElementPtr(builder, loc, sums, code.f32(), at));
    if (!linear().getBias())
      return sum;
    return code.addf(sum, loadBias(place.column, shift, place.mask));
  };
  ElementwiseCode elements(frame, loc, linear().getResult(), root);
  Operation *end = frame.source().getBody().front().getTerminator();
  SmallVector<Value> vectors;
  for (Value result : end->getOperands())
    vectors.push_back(elements.evaluate(result, {row, column, lanes, mask}));

  // All are computed before the first is stored: a tied result may overwrite
  // an operand of another.
  Value index = code.add(code.mul(row, match.resultColumns), column);
  for (auto [i, vector] : llvm::enumerate(vectors)) {
    Type element =
        cast<RankedTensorType>(end->getOperand(i).getType()).getElementType();
    vector = code.narrow(vector, element);
    Value pointer =
        buildElementPtr(builder, loc, frame.resultBuffer(i), element, index);
    if (mask)
      buildMaskedStore(builder, loc, vector, pointer, mask);
    else
      buildStore(builder, loc, vector, pointer);
  }
}

//===----------------------------------------------------------------------===//
// Results that are heads
//===----------------------------------------------------------------------===//

/// All columns of the launch tile for \p rows, of which \p count (i64) are
/// there from row \p row on: the sums stand beside each other, then heads are
/// made of them.
void ContractionKernel::buildHeadTile(Value row, Value count,
                                      const TileRows &rows) {
  int64_t width = tile.width(rows.count());
  Value sums = scratchAt(sumsOffset);
  code.loop(columnBegin, columnEnd, width, [&](Value column) {
    buildSums(rows, column,
              buildElementPtr(frame.builder(), loc, sums, code.f32(),
                              code.sub(column, columnBegin)));
  });
  if (linear().getBias())
    addBias(count);
  buildHeads(row, count);
}

/// Adds the bias to the sums of \p count rows.
void ContractionKernel::addBias(Value count) const {
  OpBuilder &builder = frame.builder();
  auto type = VectorType::get(schedule.getVector(), code.f32());
  code.loop(columnBegin, columnEnd, schedule.getVector(), [&](Value column) {
    Value bias = loadBias(column, /*shift=*/0, /*mask=*/nullptr);
    code.loop(code.index(0), count, 1, [&](Value tileRow) {
      Value place = buildElementPtr(builder, loc, sumsOfRow(tileRow),
                                    code.f32(), code.sub(column, columnBegin));
      Value sum = buildLoad(builder, loc, type, place);
      buildStore(builder, loc, code.addf(sum, bias), place);
    });
  });
}

void ContractionKernel::buildHeads(Value row, Value count) {
  Operation *end = frame.source().getBody().front().getTerminator();
  SmallVector<RowBuilder::Target> targets;
  for (auto [index, result] : llvm::enumerate(end->getOperands()))
    targets.push_back({result, frame.resultBuffer(index)});
  RowBuilder heads(frame, targets, scratchAt(rowOpsOffset));
  code.loop(code.index(0), count, 1, [&](Value tileRow) {
    // Such that column `columnBegin` is where the first sum is.
    Value sums = buildElementPtr(frame.builder(), loc, sumsOfRow(tileRow),
                                 code.f32(), code.mul(columnBegin, -1));
    heads.emitColumns(code.add(row, tileRow),
                      {linear().getResult(), sums, columnBegin, columnEnd});
  });
  rowOpsBytes = std::max(rowOpsBytes, heads.scratchBytes());
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// Checks what \p kernel computes row by row, before or behind its sums.
LogicalResult checkRowParts(func::FuncOp kernel, const Contraction &match) {
  LinearOp linear = match.linear;
  if (match.hasPrologue &&
      failed(checkRowValues(kernel, {linear.getInput()}, /*root=*/nullptr)))
    return failure();
  if (match.headSize == 0)
    return success();
  SmallVector<Value> results(
      kernel.getBody().front().getTerminator()->getOperands());
  return checkRowValues(kernel, results, linear.getResult());
}

struct LowerContraction : impl::LowerContractionBase<LowerContraction> {
  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!isUnloweredKernel(kernel))
      return;
    std::optional<Contraction> found = matchContraction(kernel);
    if (!found)
      return;
    if (failed(checkRowParts(kernel, *found)))
      return signalPassFailure();
    KernelFrame frame = KernelFrame::open(kernel);
    std::optional<Contraction> match = matchContraction(frame.source());
    ContractionKernel(frame, *match).build();
  }
};

} // namespace
} // namespace lathe
