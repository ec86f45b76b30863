//===- ContractionResults.cpp - What becomes of the sums of a tile --------===//

#include "passes/lowering/ContractionResults.h"

#include "passes/lowering/ElementwiseCode.h"
#include "passes/lowering/LaneMaxima.h"
#include "passes/lowering/RowBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace lathe {

void ContractionResults::build() {
  if (match.panelArgmax)
    return buildPanelMaxima();
  if (match.headSize == 0)
    return buildElements();
  if (linear().getBias())
    addBias();
  buildHeads();
}

/// Where the sums of row \p row (i64) of the block begin.
Value ContractionResults::sumsOfRow(Value row) const {
  return buildElementPtr(frame.builder(), loc, launch.sums, code.f32(),
                         code.mul(row, tile.stride()));
}

//===----------------------------------------------------------------------===//
// Elementwise results
//===----------------------------------------------------------------------===//

/// \p body for the \p size columns from \p column on: for some that the result
/// has, or, where it ends among them, for those that are left.
void ContractionResults::buildCut(Value column, int64_t size,
                                  llvm::function_ref<void(bool)> body) {
  if (match.resultColumns % size == 0)
    return body(/*isWhole=*/true);
  OpBuilder &builder = frame.builder();
  Value isCut = code.less(code.index(match.resultColumns - size), column);
  auto pick = scf::IfOp::create(builder, loc, isCut, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(pick.thenBlock());
  body(/*isWhole=*/false);
  builder.setInsertionPointToStart(pick.elseBlock());
  body(/*isWhole=*/true);
}

/// Finishes the sums of the launch tile and stores the results.
void ContractionResults::buildElements() {
  int64_t lanes = match.schedule.getVector();
  code.loop(code.index(0), launch.blockRows, 1, [&](Value tileRow) {
    code.loop(launch.columnBegin, launch.columnEnd, lanes, [&](Value column) {
      buildCut(column, lanes,
               [&](bool isWhole) { storeVector(tileRow, column, isWhole); });
    });
  });
}

/// The bias of the columns from \p column + \p shift on, as f32; without
/// \p mask, whose lanes alone are read, all of a vector.
Value ContractionResults::loadBias(Value column, int64_t shift,
                                   Value mask) const {
  OpBuilder &builder = frame.builder();
  auto bias = cast<BlockArgument>(linear().getBias());
  Type element = cast<RankedTensorType>(bias.getType()).getElementType();
  Value pointer = buildElementPtr(builder, loc, frame.buffer(bias), element,
                                  code.add(column, shift));
  auto type = VectorType::get(match.schedule.getVector(), element);
  return buildWiden(builder, loc,
                    mask ? buildMaskedLoad(builder, loc, type, pointer, mask)
                         : buildLoad(builder, loc, type, pointer));
}

/// The lanes from \p column on that the result has.
Value ContractionResults::maskAt(Value column) const {
  return buildPrefixMask(frame.builder(), loc, match.schedule.getVector(),
                         code.sub(code.index(match.resultColumns), column));
}

/// A vector of each of \p results, which are elementwise, of row \p tileRow of
/// the block; only the lanes of \p mask where there is one.
SmallVector<Value> ContractionResults::resultVectors(ValueRange results,
                                                     Value tileRow,
                                                     Value column, Value mask) {
  OpBuilder &builder = frame.builder();
  int64_t lanes = match.schedule.getVector();
  Value row = code.add(launch.blockBegin, tileRow);
  Value tileColumn = code.sub(column, launch.columnBegin),
        sums = sumsOfRow(tileRow);
  auto root = [&](const ElementwiseCode::Place &place, int64_t shift) {
    Value at = shift == 0 ? tileColumn : code.add(tileColumn, tile.upOffset());
    Value sum = buildLoad(builder, loc, VectorType::get(lanes, code.f32()),
                          buildElementPtr(builder, loc, sums, code.f32(), at));
    if (!linear().getBias())
      return sum;
    return code.addf(sum, loadBias(place.column, shift, place.mask));
  };
  ElementwiseCode elements(frame, loc, linear().getResult(), root);
  SmallVector<Value> vectors;
  for (Value result : results)
    vectors.push_back(elements.evaluate(result, {row, column, lanes, mask}));
  return vectors;
}

/// Stores one vector of each result, of row \p tileRow of the block.
void ContractionResults::storeVector(Value tileRow, Value column,
                                     bool isWhole) {
  OpBuilder &builder = frame.builder();
  Value mask = isWhole ? Value() : maskAt(column);
  Operation *end = frame.source().getBody().front().getTerminator();
  // All are computed before the first is stored: a tied result may overwrite
  // an operand of another.
  SmallVector<Value> vectors =
      resultVectors(end->getOperands(), tileRow, column, mask);
  Value row = code.add(launch.blockBegin, tileRow);
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
// The largest number of each panel
//===----------------------------------------------------------------------===//

void ContractionResults::buildPanelMaxima() {
  code.loop(code.index(0), launch.blockRows, 1, [&](Value tileRow) {
    code.loop(launch.columnBegin, launch.columnEnd, kPanelColumns,
              [&](Value column) {
                buildCut(column, kPanelColumns, [&](bool isWhole) {
                  storePanelMaximum(tileRow, column, isWhole);
                });
              });
  });
}

/// Stores the largest number, and its place, of the panel that begins with
/// \p column, of row \p tileRow of the block.
void ContractionResults::storePanelMaximum(Value tileRow, Value column,
                                           bool isWhole) {
  OpBuilder &builder = frame.builder();
  int64_t lanes = match.schedule.getVector();
  PanelArgmaxOp argmax = match.panelArgmax;
  Value input = argmax.getInput();
  const LaneMaxima none = LaneMaxima::start(code, lanes, column);
  LaneMaxima best = none;
  for (int64_t first = 0; first < kPanelColumns; first += lanes) {
    Value at = code.add(column, first);
    Value mask = isWhole ? Value() : maskAt(at);
    Value vector = resultVectors(input, tileRow, at, mask).front();
    // Columns that only the weight's panel has are never the largest.
    if (mask)
      vector = code.select(mask, vector, none.numbers);
    best = best.with(code, vector, at);
  }
  LaneMaxima::First found = best.first(code);
  Value row = code.add(launch.blockBegin, tileRow);
  int64_t panels = llvm::divideCeil(match.resultColumns, kPanelColumns);
  Value index =
      code.add(code.mul(row, panels), code.div(column, kPanelColumns));
  Operation *end = frame.source().getBody().front().getTerminator();
  for (auto [i, result] : llvm::enumerate(end->getOperands())) {
    Value number = result == argmax.getValues() ? found.number : found.place;
    buildStore(builder, loc, number,
               buildElementPtr(builder, loc, frame.resultBuffer(i),
                               number.getType(), index));
  }
}

//===----------------------------------------------------------------------===//
// Results that are heads
//===----------------------------------------------------------------------===//

/// Adds the bias to the sums.
void ContractionResults::addBias() const {
  OpBuilder &builder = frame.builder();
  auto type = VectorType::get(match.schedule.getVector(), code.f32());
  code.loop(launch.columnBegin, launch.columnEnd, match.schedule.getVector(),
            [&](Value column) {
              Value bias = loadBias(column, /*shift=*/0, /*mask=*/nullptr);
              code.loop(code.index(0), launch.blockRows, 1, [&](Value tileRow) {
                Value place = buildElementPtr(
                    builder, loc, sumsOfRow(tileRow), code.f32(),
                    code.sub(column, launch.columnBegin));
                Value sum = buildLoad(builder, loc, type, place);
                buildStore(builder, loc, code.addf(sum, bias), place);
              });
            });
}

void ContractionResults::buildHeads() {
  Operation *end = frame.source().getBody().front().getTerminator();
  SmallVector<RowBuilder::Target> targets;
  for (auto [index, result] : llvm::enumerate(end->getOperands()))
    targets.push_back({result, frame.resultBuffer(index)});
  RowBuilder heads(frame, targets, rowOps);
  code.loop(code.index(0), launch.blockRows, 1, [&](Value tileRow) {
    // Such that column `columnBegin` is where the first sum is.
    Value sums = buildElementPtr(frame.builder(), loc, sumsOfRow(tileRow),
                                 code.f32(), code.mul(launch.columnBegin, -1));
    heads.emitColumns(
        code.add(launch.blockBegin, tileRow),
        {linear().getResult(), sums, launch.columnBegin, launch.columnEnd});
  });
  usedScratch = heads.scratchBytes();
}

} // namespace lathe
