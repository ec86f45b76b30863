//===- LowerAttention.cpp - Attention kernels to machine terms ------------===//

#include "passes/Passes.h"

#include "dialects/lathe/QuantPages.h"
#include "passes/analysis/KernelRoots.h"
#include "passes/lowering/AttentionBuilder.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/RowShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_LOWERATTENTION
#include "passes/Passes.h.inc"

namespace {

/// Query rows of one tile where no schedule says how many: keys are transposed
/// again for each tile, which 256 rows make cheap.
constexpr int64_t kDefaultRowBlock = 256;

/// Checks that \p value is columns of an argument: attention reads it in an
/// order of its own.
LogicalResult checkColumns(Operation *attention, Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
      if (!isColumnSlice(slice))
        return slice.emitOpError("is not a slice of whole columns");
    } else if (!isRowView(op) || !keepsTokens(op)) {
      return attention->emitOpError(
          "reads a computed value where its kernel needs an argument");
    }
    value = op->getOperand(0);
  }
  return success();
}

/// What \p value is the same numbers as, but for shape and rounding.
Value stripRounding(Value value) {
  value = stripReshapes(value);
  auto round = value.getDefiningOp<arith::TruncFOp>();
  return round ? stripReshapes(round.getIn()) : value;
}

LogicalResult checkAttentionKernel(func::FuncOp kernel, Operation *attention) {
  for (Value operand : attention->getOperands()) {
    auto type = cast<RankedTensorType>(operand.getType());
    bool isHeads = type.getRank() == 3;
    if (!isHeads && !isa<BlockArgument>(operand))
      return attention->emitOpError(
          "reads a computed value where its kernel needs an argument");
    if (isHeads && failed(checkColumns(attention, operand)))
      return failure();
    if (isHeads && type.isDynamicDim(2))
      return attention->emitOpError("has heads of unknown size");
  }
  Operation *end = kernel.getBody().front().getTerminator();
  if (end->getNumOperands() != 1 ||
      stripRounding(end->getOperand(0)).getDefiningOp() != attention)
    return attention->emitOpError("is not the only result of its kernel");
  return success();
}

/// Where the heads of \p value are.
HeadRows rowsOf(const KernelFrame &frame, Value value) {
  HeadRows rows;
  rows.offset = 0;
  while (Operation *op = value.getDefiningOp()) {
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
      rows.offset += sliceOffset(slice);
    value = op->getOperand(0);
  }
  auto type = cast<RankedTensorType>(value.getType());
  rows.base = frame.buffer(cast<BlockArgument>(value));
  rows.element = type.getElementType();
  rows.stride = elementsPerToken(type);
  return rows;
}

AttentionShape shapeOf(func::FuncOp kernel, Operation *attention) {
  AttentionShape shape;
  auto query = cast<RankedTensorType>(attention->getOperand(0).getType());
  auto key = cast<RankedTensorType>(attention->getOperand(1).getType());
  shape.heads = query.getDimSize(1);
  shape.keyHeads = key.getDimSize(1);
  shape.size = query.getDimSize(2);
  if (auto op = dyn_cast<AttentionOp>(attention)) {
    shape.isCausal = op.getCausal();
    shape.window = op.getWindow();
    shape.scale = op.getScale().convertToFloat();
    shape.softcap = op.getSoftcap().convertToFloat();
  } else {
    auto cached = cast<CachedAttentionOp>(attention);
    shape.isCausal = true;
    shape.window = cached.getWindow();
    shape.scale = cached.getScale().convertToFloat();
    shape.softcap = cached.getSoftcap().convertToFloat();
  }
  int64_t rows = 8, columns = 32, block = kDefaultRowBlock;
  DotKind dot = DotKind::Fma;
  if (auto schedule = kernel->getAttrOfType<ScheduleAttr>(kScheduleAttr)) {
    rows = schedule.getRows();
    columns = schedule.getColumns();
    block = schedule.getRowBlock();
    dot = schedule.getDot();
  }
  shape.tokenBlock = std::max<int64_t>(block / shape.group(), 1);
  shape.rows = std::clamp<int64_t>(rows, 1, 16);
  shape.vectors = columns >= 2 * kLanes ? 2 : 1;
  shape.addsPairs = dot == DotKind::Bf16;
  return shape;
}

AttentionSource sourceOf(const KernelFrame &frame, Operation *attention) {
  AttentionSource source;
  auto buffer = [&](Value value) {
    return frame.buffer(cast<BlockArgument>(value));
  };
  source.query = rowsOf(frame, attention->getOperand(0));
  auto result = cast<RankedTensorType>(attention->getResult(0).getType());
  // The kernel's own result may be rounded.
  Value stored =
      frame.source().getBody().front().getTerminator()->getOperand(0);
  source.result = {frame.resultBuffer(0),
                   cast<RankedTensorType>(stored.getType()).getElementType(),
                   elementsPerToken(result), 0};
  source.tokens = frame.size(result, 0);
  if (auto op = dyn_cast<AttentionOp>(attention)) {
    source.key = rowsOf(frame, op.getKey());
    source.value = rowsOf(frame, op.getValue());
    source.sequences = buffer(op.getSequences());
    return source;
  }
  auto cached = cast<CachedAttentionOp>(attention);
  source.keyPages = buffer(cached.getKeys());
  source.valuePages = buffer(cached.getValues());
  source.isQuantised = isQuantPages(cached.getKeys().getType());
  source.pageElement = cached.getKeys().getType().getElementType();
  if (source.isQuantised)
    source.pageElement = IntegerType::get(cached.getContext(), 8);
  source.positions = buffer(cached.getPositions());
  source.sequences = buffer(cached.getSequences());
  source.pageTable = buffer(cached.getPageTable());
  source.slotPages = frame.size(cached.getPageTable().getType(), 1);
  return source;
}

void lowerAttentionKernel(func::FuncOp kernel, Operation *attention) {
  AttentionShape shape = shapeOf(kernel, attention);
  KernelFrame frame = KernelFrame::open(kernel);
  Operation *original = attentionOf(frame.source());
  KernelCode code{frame.builder(), kernel.getLoc()};
  AttentionBuilder builder(code, shape, sourceOf(frame, original),
                           frame.scratch());
  code.loop(frame.begin(), frame.end(), 1,
            [&](Value tile) { builder.emitTile(tile); });

  auto result = cast<RankedTensorType>(original->getResult(0).getType());
  AffineExpr blocks = frame.sizeExpr(result, 0).ceilDiv(shape.tokenBlock);
  frame.close(blocks * shape.keyHeads, builder.scratchBytes());
}

struct LowerAttention : impl::LowerAttentionBase<LowerAttention> {
  void runOnOperation() override {
    for (auto kernel : getOperation().getOps<func::FuncOp>()) {
      if (!isUnloweredKernel(kernel))
        continue;
      Operation *attention = attentionOf(kernel);
      if (!attention)
        continue;
      if (failed(checkAttentionKernel(kernel, attention)))
        return signalPassFailure();
      lowerAttentionKernel(kernel, attention);
    }
  }
};

} // namespace
} // namespace lathe
