//===- LowerContraction.cpp - Kernels rooted in a linear layer ------------===//
//
// A tile of a launch is a block of rows and a few packed panels of columns.
// Tiles follow each other such that what they share, rows or panels, is what
// would cost most to read again. Register tiles leave the sums of the whole
// launch tile in scratch; then one loop, the same for every shape of tile,
// makes results of them. That keeps the code small, and costs some loads and
// stores for each K fma.
//
// With many rows, tiles of one height go down the block for each panel, a chunk
// of terms at a time where a panel is too long for the cache, and one lower
// tile takes the rows that are left. With few rows all is one tile of their
// height.
//
// An input that is computed (a norm, a rounding) is written to scratch first,
// once for each block of rows and worker: the header of the scratch says for
// which launch and block that was. What becomes of the sums is in
// ContractionResults.cpp.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "passes/analysis/BufferSizes.h"
#include "passes/lowering/AmxTile.h"
#include "passes/lowering/Contraction.h"
#include "passes/lowering/ContractionResults.h"
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

  void buildFewRows();
  void buildManyRows();
  void buildAmxRows(const RegisterTile::Terms *terms);
  Value sumPlace(Value row, Value vector) const;
  void buildChunk(const RegisterTile::Terms *terms);
  void buildSums(const TileRows &rows, Value row, Value vector,
                 const RegisterTile::Terms *terms, const Ahead &ahead = {});
  Ahead nextWeights(Value row, Value vector,
                    const RegisterTile::Terms *terms) const;
  void prefetchResults(Value row, Value vector) const;
  void buildByHeight(Value count, ArrayRef<int64_t> heights,
                     llvm::function_ref<void(int64_t)> body);
  /// Weights of few bits that become numbers before they are multiplied.
  bool isDecoded() const {
    return match.packing.getQuant() && !match.inputQuant;
  }
  int64_t chunkTerms() const;
  Value vectorEnd() const;

  KernelFrame &frame;
  const Contraction &match;
  Location loc;
  KernelCode code;
  RegisterTile tile;
  ScheduleAttr schedule;
  int64_t groupColumns() const {
    return schedule.getPanels() * match.packing.getColumns();
  }
  int64_t panelBytes() const;
  bool isLikeResult(BlockArgument argument) const;
  int64_t groups() const {
    return llvm::divideCeil(match.resultColumns, groupColumns());
  }

  /// Bytes from the start of scratch; what row ops need comes last.
  int64_t sumsOffset = 0, decodedOffset = 0, configOffset = 0, rowOpsOffset = 0;
  int64_t rowOpsBytes = 0;

  /// Blocks of rows of the launch, and how many of them go over all panels
  /// before the next ones do.
  Value rowBlocks;
  int64_t passBlocks = 1;
  /// Of the launch tile: its block, its rows and how many, its columns.
  Value block, blockBegin, blockRows, columnBegin, columnEnd;
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
  sumsOffset = take(schedule.getRowBlock() * tile.stride() * 4);
  if (isDecoded() && !match.isForFewRows)
    decodedOffset = take(chunkTerms() * tile.stride() * 4);
  if (match.isOnAmx())
    configOffset = take(AmxTile::kConfigBytes);
  rowOpsOffset = offset;
}

Value ContractionKernel::scratchAt(int64_t offset) const {
  return buildElementPtr(frame.builder(), loc, frame.scratch(),
                         frame.builder().getI8Type(), offset);
}

/// Where the sums of row \p row (i64) of the block begin.
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

/// Bytes of one panel of the weight.
int64_t ContractionKernel::panelBytes() const {
  if (match.packing.getQuant())
    return PackedQuant(match.packing).panelBytes(match.depth());
  int64_t depth = match.packing.getDepth();
  return llvm::alignTo(match.depth(), depth) * match.packing.getColumns() *
         match.weightElement.getIntOrFloatBitWidth() / 8;
}

/// True if \p argument has a row for each of the results', as long as theirs.
bool ContractionKernel::isLikeResult(BlockArgument argument) const {
  auto type = dyn_cast<RankedTensorType>(argument.getType());
  return type && type.getRank() == 2 && !rowQuantOf(type) &&
         type.getDimSize(1) == match.resultColumns &&
         type.getDimSize(0) == match.inputType.getDimSize(0) &&
         argument != linear().getInput() && argument != linear().getWeight();
}

/// Weights that stay in the second-level cache while all rows pass, in bytes:
/// half of the smallest in use.
constexpr int64_t kCachedWeights = 512 * 1024;

/// Rows that stay in the last cache while all panels pass, in bytes.
constexpr int64_t kCachedRows = 4 * 1024 * 1024;

/// Weights are read in bursts, when a panel is new: each is read once and goes
/// down all rows, which follow slowly, from the last cache. Rows that do not
/// fit there take the panels in several passes. Small weights stay where they
/// are, and what is computed first is computed once: then it is block by block.
void ContractionKernel::chooseOrder() {
  Value rows = frame.size(match.inputType, 0);
  rowBlocks = code.div(code.add(rows, schedule.getRowBlock() - 1),
                       schedule.getRowBlock());
  int64_t panels = llvm::divideCeil(match.columns, match.packing.getColumns());
  int64_t blockBytes = schedule.getRowBlock() * computedRowBytes(match);
  passBlocks = std::max<int64_t>(kCachedRows / blockBytes, 1);
  if (match.hasPrologue || panels * panelBytes() <= kCachedWeights)
    passBlocks = 1;
}

void ContractionKernel::buildTile(Value index) {
  Value rows = frame.size(match.inputType, 0);
  int64_t passTiles = passBlocks * groups();
  Value firstBlock = code.mul(code.div(index, passTiles), passBlocks);
  Value blocks =
      code.min(code.sub(rowBlocks, firstBlock), code.index(passBlocks));
  Value inPass = code.rem(index, passTiles);
  OpBuilder &builder = frame.builder();
  Value group = arith::DivUIOp::create(builder, loc, inPass, blocks);
  block = code.add(firstBlock,
                   arith::RemUIOp::create(builder, loc, inPass, blocks));

  blockBegin = code.mul(block, schedule.getRowBlock());
  blockRows =
      code.min(code.index(schedule.getRowBlock()), code.sub(rows, blockBegin));
  columnBegin = code.mul(group, groupColumns());
  columnEnd = code.min(code.add(columnBegin, groupColumns()),
                       code.index(match.resultColumns));
  if (match.hasPrologue)
    buildPrologue();
  if (match.isForFewRows && match.isOnAmx())
    buildAmxRows(/*terms=*/nullptr);
  else if (match.isForFewRows)
    buildFewRows();
  else
    buildManyRows();
  ContractionResults results(
      frame, code, match, tile,
      {blockBegin, blockRows, columnBegin, columnEnd, scratchAt(sumsOffset)},
      scratchAt(rowOpsOffset));
  results.build();
  rowOpsBytes = std::max(rowOpsBytes, results.scratchBytes());
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
    code.loop(blockBegin, code.add(blockBegin, blockRows), 1,
              [&](Value token) { rows.emitToken(token); });
    rowOpsBytes = std::max(rowOpsBytes, rows.scratchBytes());
    buildStore(builder, loc, frame.launch(), note(0));
    buildStore(builder, loc, block, note(1));
  });
}

//===----------------------------------------------------------------------===//
// Register tiles
//===----------------------------------------------------------------------===//

/// The vectors of sums of the launch tile that are wanted: of a gate all, else
/// what is left of the columns.
Value ContractionKernel::vectorEnd() const {
  int64_t lanes = schedule.getVector();
  if (match.isGated)
    return code.index(tile.stride() / lanes);
  return code.div(code.add(code.sub(columnEnd, columnBegin), lanes - 1), lanes);
}

/// Where the sums of the block's row \p row begin that are of \p vector.
Value ContractionKernel::sumPlace(Value row, Value vector) const {
  return buildElementPtr(frame.builder(), loc, sumsOfRow(row), code.f32(),
                         code.mul(vector, schedule.getVector()));
}

/// The sums of one register tile: of \p rows, which are the block's from row
/// \p row on, by as many vectors from \p vector on as go into it; all terms, or
/// \p terms alone, added to what is there.
void ContractionKernel::buildSums(const TileRows &rows, Value row, Value vector,
                                  const RegisterTile::Terms *terms,
                                  const Ahead &ahead) {
  int64_t count = tile.vectors(rows.count());
  Value target = sumPlace(row, vector);
  if (terms && isDecoded())
    return tile.add(rows,
                    tile.decodedWeights(scratchAt(decodedOffset), terms->begin,
                                        vector, count),
                    *terms, target);
  SmallVector<Value> columns = tile.columnsOf(columnBegin, vector, count);
  if (match.inputQuant)
    return IntegerTile(frame, code, match, tile)
        .build(rows, columns, target, ahead);
  if (isDecoded())
    return QuantTile(frame, code, match, tile).build(rows, columns, target);
  RegisterTile::Weights weights = tile.packedWeights(columns);
  if (terms)
    tile.add(rows, weights, *terms, target, ahead);
  else
    tile.build(rows, weights, target, ahead);
}

/// What the tile of the block's rows from \p row on asks for while it goes over
/// \p terms of the panel of \p vector: its share of the weights behind these.
/// They are the next chunk of the panel, or the next panel, and read in a burst
/// when their turn comes.
Ahead ContractionKernel::nextWeights(Value row, Value vector,
                                     const RegisterTile::Terms *terms) const {
  if (isDecoded())
    return {};
  OpBuilder &builder = frame.builder();
  int64_t bytes = panelBytes(), columns = match.packing.getColumns();
  Value column = tile.columnsOf(columnBegin, vector, 1).front();
  Value next = code.mul(code.div(column, columns), bytes);
  if (terms) {
    int64_t termBytes = bytes / match.depth();
    next = code.add(next, code.mul(terms->end, termBytes));
    bytes = chunkTerms() * termBytes;
  } else {
    next = code.add(next, bytes);
  }
  int64_t tiles = schedule.getRowBlock() / schedule.getRows();
  int64_t share = llvm::divideCeil(bytes, tiles);
  next = code.add(next, code.mul(code.div(row, schedule.getRows()), share));
  return {buildElementPtr(builder, loc, match.weightBase(frame),
                          builder.getI8Type(), next),
          share, chunkTerms()};
}

/// Asks for the lines of the results, and of operands like them, that the
/// block's rows from \p row on have beside vector \p vector: each row has few,
/// far from those of the next one.
void ContractionKernel::prefetchResults(Value row, Value vector) const {
  constexpr int64_t kLine = 64;
  OpBuilder &builder = frame.builder();
  int64_t height = schedule.getRows();
  Value first = code.add(columnBegin, code.mul(vector, schedule.getVector()));
  auto prefetch = [&](Value base, Type type, bool isForWriting) {
    Type element = cast<RankedTensorType>(type).getElementType();
    int64_t bytes = tile.vectors(height) * schedule.getVector() *
                    element.getIntOrFloatBitWidth() / 8;
    for (int64_t i = 0; i < height; ++i) {
      Value at = code.add(code.add(blockBegin, row), i);
      at = code.add(code.mul(at, match.resultColumns), first);
      Value line = buildElementPtr(builder, loc, base, element, at);
      for (int64_t byte = 0; byte < bytes; byte += kLine)
        code.prefetch(
            buildElementPtr(builder, loc, line, builder.getI8Type(), byte),
            isForWriting);
    }
  };
  auto types = frame.source().getResultTypes();
  if (!match.panelArgmax)
    for (auto [index, type] : llvm::enumerate(types))
      prefetch(frame.resultBuffer(index), type, /*isForWriting=*/true);
  for (BlockArgument argument : frame.source().getArguments())
    if (isLikeResult(argument))
      prefetch(frame.buffer(argument), argument.getType(),
               /*isForWriting=*/false);
}

/// Powers of two up to \p most, and \p most.
SmallVector<int64_t> heightsUpTo(int64_t most) {
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

/// A tile as high as the rows that are there, and as wide as that allows: wide
/// tiles keep enough fma in flight. One that is higher computes its last row
/// again.
void ContractionKernel::buildFewRows() {
  int64_t most = schedule.getRows();
  Value end = vectorEnd();
  code.loop(code.index(0), blockRows, most, [&](Value row) {
    Value count = code.min(code.sub(blockRows, row), code.index(most));
    buildByHeight(count, heightsUpTo(most), [&](int64_t height) {
      TileRows rows = tile.rowsFrom(activations(), code.add(blockBegin, row),
                                    height, count);
      code.loop(code.index(0), end, tile.vectors(height), [&](Value vector) {
        buildSums(rows, row, vector, /*terms=*/nullptr);
      });
    });
  });
}

/// Terms that all rows go over before the next ones: so many that the weights
/// of a panel stay in the second-level cache for the next rows; for decoded
/// ones, whole units that stay in the first.
int64_t ContractionKernel::chunkTerms() const {
  constexpr int64_t kPanelBytes = 512 * 1024;
  int64_t depth = match.depth();
  if (match.inputQuant)
    return depth;
  if (isDecoded())
    return QuantTile::kChunk;
  int64_t bytes = match.weightElement.getIntOrFloatBitWidth() / 8;
  int64_t fitting = kPanelBytes / match.packing.getColumns() / bytes;
  // A chunk of the sum's own, or an odd end: rare, and left alone.
  bool isWhole = match.chunk == depth && depth % match.packing.getDepth() == 0;
  return depth <= fitting || !isWhole ? depth : fitting / 2;
}

void ContractionKernel::buildManyRows() {
  int64_t terms = chunkTerms();
  if (terms >= match.depth() && !isDecoded())
    return buildChunk(/*terms=*/nullptr);

  OpBuilder &builder = frame.builder();
  int64_t lanes = schedule.getVector();
  Value zero = buildFloat(builder, loc, VectorType::get(lanes, code.f32()), 0);
  Value sums = scratchAt(sumsOffset);
  code.loop(code.index(0), code.mul(blockRows, tile.stride()), lanes,
            [&](Value at) {
              buildStore(builder, loc, zero,
                         buildElementPtr(builder, loc, sums, code.f32(), at));
            });
  Value depth = code.index(match.depth());
  code.loop(code.index(0), depth, terms, [&](Value begin) {
    RegisterTile::Terms chunk{begin, code.min(code.add(begin, terms), depth),
                              /*hasTail=*/false};
    if (isDecoded())
      QuantTile(frame, code, match, tile)
          .decode(columnBegin, vectorEnd(),
                  {scratchAt(decodedOffset), chunk.begin, chunk.end});
    buildChunk(&chunk);
  });
}

/// All rows of the block by all vectors of the launch tile: register tiles down
/// the rows for each few vectors, so that their weights are still in the
/// nearest cache for the next rows. What is left of the rows has tiles of its
/// own.
void ContractionKernel::buildChunk(const RegisterTile::Terms *terms) {
  if (match.isOnAmx())
    return buildAmxRows(terms);
  int64_t height = schedule.getRows();
  Value rest = code.rem(blockRows, height), end = vectorEnd();
  Value restRow = code.sub(blockRows, rest);
  code.loop(code.index(0), end, tile.vectors(height), [&](Value vector) {
    code.loop(code.index(0), restRow, height, [&](Value row) {
      if (match.headSize == 0)
        prefetchResults(row, vector);
      buildSums(tile.rowsFrom(activations(), code.add(blockBegin, row), height),
                row, vector, terms, nextWeights(row, vector, terms));
    });
  });
  if (height == 1)
    return;
  code.when(code.less(code.index(0), rest), [&] {
    buildByHeight(rest, heightsUpTo(height - 1), [&](int64_t restHeight) {
      TileRows rows = tile.rowsFrom(
          activations(), code.add(blockBegin, restRow), restHeight, rest);
      code.loop(code.index(0), end, tile.vectors(restHeight),
                [&](Value vector) { buildSums(rows, restRow, vector, terms); });
    });
  });
}

/// The same on AMX, where tile registers have one shape for the tiles of whole
/// height and another one for the rows that are left.
void ContractionKernel::buildAmxRows(const RegisterTile::Terms *terms) {
  AmxTile amx(frame, code, match, tile, scratchAt(configOffset));
  int64_t height = schedule.getRows(), count = tile.vectors(height);
  Value zero = code.index(0), least = code.index(AmxTile::kTileRows);
  Value rest = code.rem(blockRows, height);
  Value restRow = code.sub(blockRows, rest);
  auto build = [&](Value begin, Value end, Value rows, bool isHigh) {
    code.loop(zero, vectorEnd(), count, [&](Value vector) {
      SmallVector<Value> columns = tile.columnsOf(columnBegin, vector, count);
      code.loop(begin, end, height, [&](Value row) {
        Ahead ahead;
        if (!match.isForFewRows)
          ahead = nextWeights(row, vector, terms);
        amx.build({activations(), code.add(blockBegin, row), rows, isHigh},
                  columns, sumPlace(row, vector), terms, ahead);
      });
    });
  };
  bool canBeHigh = height > AmxTile::kTileRows;
  code.when(code.less(zero, restRow), [&] {
    amx.configure(code.index(height));
    build(zero, restRow, code.index(height), canBeHigh);
  });
  code.when(code.less(zero, rest), [&] {
    amx.configure(rest);
    if (canBeHigh)
      code.when(code.less(least, rest),
                [&] { build(restRow, blockRows, rest, /*isHigh=*/true); });
    code.when(code.less(rest, code.add(least, 1)),
              [&] { build(restRow, blockRows, rest, /*isHigh=*/false); });
  });
  amx.release();
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
