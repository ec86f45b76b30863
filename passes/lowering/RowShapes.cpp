//===- RowShapes.cpp - What the ops of a row kernel look like -------------===//

#include "passes/lowering/RowShapes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe {

int64_t elementsPerToken(RankedTensorType type) {
  int64_t elements = 1;
  for (int64_t size : type.getShape().drop_front())
    elements *= size;
  return elements;
}

RankedTensorType countedTypeOf(Value result) {
  if (auto append = result.getDefiningOp<AppendOp>())
    return append.getKey().getType();
  return cast<RankedTensorType>(result.getType());
}

Value stripReshapes(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

bool isRowView(Operation *op) {
  return isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp,
             tensor::ExtractSliceOp>(op);
}

bool isPlain(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isRowView(op))
      return false;
    value = op->getOperand(0);
  }
  return true;
}

/// The place of the first element of \p slice in its source, if its elements
/// are neighbours: past the first dimension of more than one, all are whole.
static std::optional<int64_t> neighboursFrom(tensor::ExtractSliceOp slice) {
  RankedTensorType source = slice.getSourceType();
  bool isPart = false;
  int64_t first = 0;
  for (int64_t dim = 0; dim < source.getRank(); ++dim) {
    int64_t size = slice.getStaticSizes()[dim];
    int64_t from = slice.getStaticOffsets()[dim];
    int64_t whole = source.getDimSize(dim);
    if (ShapedType::isDynamic(size) || ShapedType::isDynamic(from) ||
        (dim > 0 && ShapedType::isDynamic(whole)) ||
        slice.getStaticStrides()[dim] != 1 || (isPart && size != whole))
      return std::nullopt;
    isPart |= size != 1;
    first = dim == 0 ? from : first * whole + from;
  }
  return first;
}

std::optional<StoredRow> storedRowOf(Value row) {
  int64_t offset = 0;
  while (Operation *op = row.getDefiningOp()) {
    if (!isRowView(op))
      return std::nullopt;
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
      std::optional<int64_t> first = neighboursFrom(slice);
      if (!first)
        return std::nullopt;
      offset += *first;
    }
    row = op->getOperand(0);
  }
  return StoredRow{cast<BlockArgument>(row), offset};
}

bool isColumnSlice(tensor::ExtractSliceOp slice) {
  RankedTensorType source = slice.getSourceType();
  RankedTensorType result = slice.getType();
  auto offsets = slice.getStaticOffsets();
  if (source.getRank() != result.getRank() || offsets[0] != 0 ||
      llvm::any_of(offsets, ShapedType::isDynamic) ||
      llvm::any_of(slice.getStaticStrides(),
                   [](int64_t step) { return step != 1; }))
    return false;
  // Whole heads: only the second dimension is cut.
  for (int64_t dim = 2; dim < source.getRank(); ++dim)
    if (source.getDimSize(dim) != result.getDimSize(dim))
      return false;
  return true;
}

bool keepsTokens(Operation *reshape) {
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(reshape))
    return expand.getReassociationIndices()[0].size() == 1;
  return cast<tensor::CollapseShapeOp>(reshape)
             .getReassociationIndices()[0]
             .size() == 1;
}

int64_t sliceOffset(tensor::ExtractSliceOp slice) {
  int64_t offset = 0;
  ArrayRef<int64_t> shape = slice.getSourceType().getShape();
  for (auto [dim, first] : llvm::enumerate(slice.getStaticOffsets())) {
    if (dim > 0)
      offset = offset * shape[dim] + first;
  }
  return offset;
}

int64_t firstColumnOf(Value value) {
  int64_t column = 0;
  while (Operation *op = value.getDefiningOp()) {
    if (isa<LinearOp>(op) || op->getNumOperands() == 0)
      break;
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
      column += sliceOffset(slice);
    value = op->getOperand(0);
  }
  return column;
}

bool isWholeRowOp(Operation *op) {
  return isa<RmsNormOp, LayerNormOp, AddRmsNormOp, AddLayerNormOp,
             L2NormalizeOp, ArgmaxOp, PanelArgmaxOp, QuantizeOp>(op);
}

bool isByHead(Operation *op) {
  return cast<RankedTensorType>(op->getOperand(0).getType()).getRank() == 3;
}

bool isStoredByNorm(Value value) {
  if (isPlain(value) ||
      !cast<RankedTensorType>(value.getType()).getElementType().isF32())
    return false;
  bool isReturned = false, isNormalised = false;
  for (Operation *user : value.getUsers()) {
    isReturned |= isa<func::ReturnOp>(user);
    isNormalised |= isWholeRowOp(user) && !isa<ArgmaxOp, PanelArgmaxOp>(user) &&
                    normInput(user) == value;
  }
  // The sum of an add_* norm is normalised by the op that gives it.
  if (auto norm = value.getDefiningOp())
    isNormalised |=
        isa<AddRmsNormOp, AddLayerNormOp>(norm) && normInput(norm) == value;
  return isReturned && isNormalised;
}

static void addOpsBehind(Value value, llvm::SetVector<Operation *> &ops) {
  SmallVector<Value> pending{value};
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val().getDefiningOp();
    if (op && ops.insert(op) && !isa<LinearOp>(op))
      llvm::append_range(pending, op->getOperands());
  }
}

llvm::SetVector<Operation *> opsBehind(Value value) {
  llvm::SetVector<Operation *> ops;
  addOpsBehind(value, ops);
  return ops;
}

Value normInput(Operation *norm) {
  return TypeSwitch<Operation *, Value>(norm)
      .Case<AddRmsNormOp, AddLayerNormOp>(
          [](auto op) { return Value(op.getSum()); })
      .Default([](Operation *op) { return op->getOperand(0); });
}

Value normWeight(Operation *norm) {
  return TypeSwitch<Operation *, Value>(norm)
      .Case<RmsNormOp, AddRmsNormOp, LayerNormOp, AddLayerNormOp>(
          [](auto op) { return Value(op.getWeight()); })
      .Default([](Operation *) { return Value(); });
}

Value normBias(Operation *norm) {
  return TypeSwitch<Operation *, Value>(norm)
      .Case<LayerNormOp, AddLayerNormOp>(
          [](auto op) { return Value(op.getBias()); })
      .Default([](Operation *) { return Value(); });
}

float normEpsilon(Operation *norm) {
  return TypeSwitch<Operation *, float>(norm)
      .Case<RmsNormOp, AddRmsNormOp, LayerNormOp, AddLayerNormOp,
            L2NormalizeOp>(
          [](auto op) { return op.getEpsilon().convertToFloat(); })
      .Default(0.0f);
}

float normOffset(Operation *norm) {
  return TypeSwitch<Operation *, float>(norm)
      .Case<RmsNormOp, AddRmsNormOp>(
          [](auto op) { return op.getOffset().convertToFloat(); })
      .Default(0.0f);
}

} // namespace lathe
