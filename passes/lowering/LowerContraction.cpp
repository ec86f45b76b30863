//===- LowerContraction.cpp - Kernels rooted in a linear layer ------------===//
//
// A tile of a launch is a block of rows and a few packed panels of columns.
// Tiles follow each other such that what they share, rows or panels, is what
// would cost most to read again. Inside, full register tiles go over the block
// for each group of columns, then one narrower tile takes the rows that are
// left. Each register tile leaves its sums in scratch, where one loop, the same
// for every shape of tile, adds bias and elementwise ops and stores: that keeps
// the code small, and costs some loads and stores for each K fma.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "passes/lowering/Contraction.h"
#include "passes/lowering/ElementwiseCode.h"
#include "passes/lowering/IntegerTile.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/KernelCode.h"
#include "passes/lowering/QuantTile.h"
#include "passes/lowering/RegisterTile.h"
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
  void chooseOrder();
  void buildTile(Value index);
  void buildFullRows(Value begin, Value end);
  void buildRestRows(Value begin, Value count);
  void buildSums(const TileRows &rows, Value column);
  void buildByHeight(Value count, ArrayRef<int64_t> heights,
                     llvm::function_ref<void(int64_t)> body);
  SmallVector<int64_t> restHeights(bool hasFull) const;
  void buildDecodedTile(Value column);
  /// Weights of few bits that become numbers before they are multiplied.
  bool isDecoded() const {
    return match.packing.getQuant() && !match.inputQuant;
  }
  int64_t decodedOffset() const {
    return schedule.getRowBlock() * tile.stride();
  }
  void buildPrologue(Value begin, Value end);
  void buildEpilogue(Value row, Value rows, Value column, Value width);
  void storeVector(Value row, Value tileRow, Value column, Value tileColumn,
                   bool isWhole);
  bool needsPrologue() const { return !plainInput && !match.inputQuant; }
  int64_t prologueOffset() const { return schedule.getRows() * tile.stride(); }
  RegisterTile::Activations activations() const;

  KernelFrame &frame;
  const Contraction &match;
  Location loc;
  KernelCode code;
  RegisterTile tile;
  ScheduleAttr schedule;
  std::optional<MatrixView> plainInput;
  int64_t groupColumns() const {
    return schedule.getPanels() * match.packing.getColumns();
  }
  int64_t groups() const {
    return llvm::divideCeil(match.resultColumns, groupColumns());
  }

  /// Of the launch: blocks of rows, and whether the tiles of one follow each
  /// other (i1).
  Value rowBlocks, isRowMajor;
  /// Of the launch tile: its rows and columns.
  Value blockBegin, blockEnd, columnBegin, columnEnd;
};

/// Where the register tiles find their rows: in the argument, or, if something
/// is to be computed first, in scratch behind the sums.
RegisterTile::Activations ContractionKernel::activations() const {
  OpBuilder &builder = frame.builder();
  Type f32 = builder.getF32Type();
  if (match.inputQuant) {
    auto rows = cast<BlockArgument>(linear().getInput());
    return {frame.buffer(rows),
            QuantRows(match.inputQuant, match.depth()).rowBytes()};
  }
  if (plainInput)
    return {buildElementPtr(builder, loc, frame.buffer(plainInput->argument),
                            plainInput->element, plainInput->offset),
            plainInput->rowStride};
  // Row `blockBegin` is the first in scratch.
  Value skipped = code.mul(blockBegin, -match.depth());
  Value base = buildElementPtr(builder, loc, frame.scratch(), f32,
                               code.add(skipped, prologueOffset()));
  return {base, match.depth()};
}

void ContractionKernel::build() {
  plainInput = matrixViewOf(linear().getInput());
  if (plainInput && plainInput->element != match.activationElement)
    plainInput.reset();

  chooseOrder();
  code.loop(frame.begin(), frame.end(), 1,
            [&](Value index) { buildTile(index); });

  int64_t scratch = isDecoded()
                        ? decodedOffset() + QuantTile::kChunk * tile.stride()
                        : prologueOffset();
  if (needsPrologue())
    scratch += schedule.getRowBlock() * match.depth() + schedule.getVector();
  AffineExpr blocks =
      frame.sizeExpr(match.inputType, 0).ceilDiv(schedule.getRowBlock());
  frame.close(blocks * groups(), scratch * 4);
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
  Value block = code.select(isRowMajor, high, low);

  blockBegin = code.mul(block, schedule.getRowBlock());
  blockEnd = code.min(code.add(blockBegin, schedule.getRowBlock()), rows);
  columnBegin = code.mul(group, groupColumns());
  columnEnd = code.min(code.add(columnBegin, groupColumns()),
                       code.index(match.resultColumns));
  if (needsPrologue())
    buildPrologue(blockBegin, blockEnd);

  if (isDecoded()) {
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

/// The sums of one register tile.
void ContractionKernel::buildSums(const TileRows &rows, Value column) {
  if (match.inputQuant)
    return IntegerTile(frame, code, match, tile).build(rows, column);
  if (isDecoded())
    return QuantTile(frame, code, match, tile).build(rows, column);
  tile.build(rows, column);
}

/// Register tiles of `rows` rows: for each group of columns down all rows, so
/// that its weights are still in the nearest cache for the next rows.
void ContractionKernel::buildFullRows(Value begin, Value end) {
  int64_t rows = schedule.getRows(), width = tile.width(rows);
  code.loop(columnBegin, columnEnd, width, [&](Value column) {
    code.loop(begin, end, rows, [&](Value row) {
      buildSums(tile.rowsFrom(activations(), row, rows), column);
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
  SmallVector<int64_t> heights = restHeights(/*hasFull=*/!isDecoded());
  buildByHeight(count, heights, [&](int64_t height) {
    int64_t width = tile.width(height);
    code.loop(columnBegin, columnEnd, width, [&](Value column) {
      buildSums(tile.rowsFrom(activations(), begin, height, count), column);
      buildEpilogue(begin, count, column, code.index(width));
    });
  });
}

/// All rows of a launch tile by width(1) columns from \p column on, over
/// weights that are decoded into scratch, a chunk of terms at a time, behind
/// the sums.
void ContractionKernel::buildDecodedTile(Value column) {
  OpBuilder &builder = frame.builder();
  Type f32 = builder.getF32Type();
  Value count = code.sub(blockEnd, blockBegin);
  Value width =
      code.min(code.index(tile.width(1)), code.sub(columnEnd, column));
  auto floats = VectorType::get(schedule.getVector(), f32);
  Value zero = buildFloat(builder, loc, floats, 0);
  code.loop(code.index(0), code.mul(count, tile.stride()), schedule.getVector(),
            [&](Value at) {
              buildStore(
                  builder, loc, zero,
                  buildElementPtr(builder, loc, frame.scratch(), f32, at));
            });

  Value numbers =
      buildElementPtr(builder, loc, frame.scratch(), f32, decodedOffset());
  // Of a gate both halves, else what is left of the columns.
  int64_t lanes = schedule.getVector();
  Value vectors = code.index(tile.stride() / lanes);
  if (!match.isGated)
    vectors = code.div(code.add(width, lanes - 1), lanes);
  Value depth = code.index(match.depth());
  Value rest = code.rem(count, schedule.getRows());
  Value restRow = code.sub(count, rest);
  code.loop(code.index(0), depth, QuantTile::kChunk, [&](Value first) {
    Value last = code.min(code.add(first, QuantTile::kChunk), depth);
    QuantTile(frame, code, match, tile)
        .decode(column, vectors, {numbers, first, last});
    RegisterTile::Decoded weights{numbers, first, last};
    auto addRows = [&](const TileRows &rows, Value row) {
      code.loop(
          code.index(0), vectors, tile.decodedVectors(rows.count()),
          [&](Value vector) { tile.addDecoded(rows, weights, row, vector); });
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

/// Computes the input of rows [begin, end) into scratch.
void ContractionKernel::buildPrologue(Value begin, Value end) {
  OpBuilder &builder = frame.builder();
  int64_t lanes = schedule.getVector(), depth = match.depth();
  RegisterTile::Activations rows = activations();
  auto storeAt = [&](Value row, Value column, int64_t count) {
    Value mask = count == lanes
                     ? Value()
                     : buildPrefixMask(builder, loc, lanes, code.index(count));
    ElementwiseCode elements(frame, loc, Value(), nullptr);
    Value vector =
        elements.evaluate(linear().getInput(), {row, column, lanes, mask});
    Value index = code.add(code.mul(row, rows.rowStride), column);
    // Behind the last row there is room for a whole vector.
    buildStore(
        builder, loc, vector,
        buildElementPtr(builder, loc, rows.base, builder.getF32Type(), index));
  };
  int64_t whole = depth / lanes * lanes;
  code.loop(begin, end, 1, [&](Value row) {
    code.loop(code.index(0), code.index(whole), lanes,
              [&](Value column) { storeAt(row, column, lanes); });
    if (whole < depth)
      storeAt(row, code.index(whole), depth - whole);
  });
}

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

/// Stores one vector of each result.
void ContractionKernel::storeVector(Value row, Value tileRow, Value column,
                                    Value tileColumn, bool isWhole) {
  OpBuilder &builder = frame.builder();
  int64_t lanes = schedule.getVector();
  Type f32 = builder.getF32Type();
  Value mask;
  if (!isWhole)
    mask = buildPrefixMask(builder, loc, lanes,
                           code.sub(code.index(match.resultColumns), column));
  Value sumIndex = code.add(code.mul(tileRow, tile.stride()), tileColumn);
  auto root = [&](const ElementwiseCode::Place &place, int64_t shift) {
    Value at = shift == 0 ? sumIndex : code.add(sumIndex, tile.upOffset());
    Value sum =
        buildLoad(builder, loc, VectorType::get(lanes, f32),
                  buildElementPtr(builder, loc, frame.scratch(), f32, at));
    Value bias = linear().getBias();
    if (!bias)
      return sum;
    Type element = cast<RankedTensorType>(bias.getType()).getElementType();
    Value pointer =
        buildElementPtr(builder, loc, frame.buffer(cast<BlockArgument>(bias)),
                        element, code.add(place.column, shift));
    auto type = VectorType::get(lanes, element);
    Value term = place.mask
                     ? buildMaskedLoad(builder, loc, type, pointer, place.mask)
                     : buildLoad(builder, loc, type, pointer);
    return code.addf(sum, buildWiden(builder, loc, term));
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

struct LowerContraction : impl::LowerContractionBase<LowerContraction> {
  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!isUnloweredKernel(kernel) || !matchContraction(kernel))
      return;
    KernelFrame frame = KernelFrame::open(kernel);
    std::optional<Contraction> match = matchContraction(frame.source());
    ContractionKernel(frame, *match).build();
  }
};

} // namespace
} // namespace lathe
