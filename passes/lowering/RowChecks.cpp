//===- RowChecks.cpp - Which kernels can be written row by row ------------===//

#include "dialects/lathe/QuantPages.h"
#include "dialects/lathe/QuantRows.h"
#include "passes/lowering/RowBuilder.h"
#include "passes/lowering/RowShapes.h"
#include "passes/lowering/UpstreamOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe {

bool isRowKernel(func::FuncOp kernel) {
  return !kernel
              .walk([](Operation *op) {
                return isa<LinearOp, AttentionOp, CachedAttentionOp>(op)
                           ? WalkResult::interrupt()
                           : WalkResult::advance();
              })
              .wasInterrupted();
}

/// What no row op can be without: rows of known size, in a known number type.
static LogicalResult checkType(Operation *op, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return success();
  Type element = tensor.getElementType();
  bool isNumber = element.isF32() || element.isF16() || element.isBF16() ||
                  element.isInteger(32);
  // What compares and what selects agree between themselves.
  bool isCondition =
      element.isInteger(1) && isa<arith::CmpFOp, arith::SelectOp>(op);
  if (!isNumber && !isCondition)
    return op->emitOpError("has elements of ")
           << element << ", which a row kernel cannot compute with";
  bool isAppended = isQuantPages(tensor) && isa<AppendOp>(op);
  if (rowQuantOf(tensor) && !isAppended &&
      !isa<QuantizeOp, GatherOp, func::ReturnOp>(op))
    return op->emitOpError("reads quantised rows as numbers: ") << tensor;
  if (tensor.getRank() == 0 || tensor.getRank() > 4)
    return op->emitOpError("has a tensor of rank ")
           << tensor.getRank() << " where a row kernel takes 1 to 4";
  // The page table is read by number, not by rows.
  if (!isa<AppendOp>(op) &&
      llvm::any_of(tensor.getShape().drop_front(), ShapedType::isDynamic))
    return op->emitOpError("has rows of unknown size: ") << tensor;
  if (isWholeRowOp(op) && type == op->getOperand(0).getType() &&
      (tensor.getRank() < 2 || tensor.getRank() > 3))
    return op->emitOpError("has an input of rank ")
           << tensor.getRank() << " where a row kernel takes 2 or 3";
  return success();
}

/// \p operand must be an argument of the kernel, because it is not read in the
/// order of the rows.
static LogicalResult checkArgument(Operation *op, Value operand) {
  if (isa<BlockArgument>(operand))
    return success();
  return op->emitOpError("reads a computed value where a row kernel needs one "
                         "of its arguments");
}

static LogicalResult checkArguments(Operation *op) {
  SmallVector<Value> arguments;
  TypeSwitch<Operation *>(op)
      .Case([&](GatherOp gather) {
        arguments = {gather.getTable(), gather.getIndices()};
      })
      .Case([&](RopeOp rope) {
        arguments = {rope.getPositions(), rope.getTable()};
      })
      .Case([&](PoolOp pool) { arguments = {pool.getSequences()}; })
      .Case([&](ArgmaxOp argmax) {
        if (argmax.getPlaces())
          arguments = {argmax.getPlaces()};
      })
      .Case([&](AppendOp append) {
        arguments = {append.getKeys(), append.getValues(),
                     append.getPositions(), append.getSequences(),
                     append.getPageTable()};
      })
      .Default([](Operation *) {});
  for (Value argument : arguments)
    if (failed(checkArgument(op, argument)))
      return failure();
  for (Value row : {normWeight(op), normBias(op)})
    if (row && !storedRowOf(row))
      return op->emitOpError(
          "reads a weight that its kernel computes, or whose "
          "elements are no neighbours");
  return success();
}

static LogicalResult checkSlice(tensor::ExtractSliceOp slice) {
  if (!isColumnSlice(slice))
    return slice.emitOpError("is not a slice of whole columns");
  if (slice.getSourceType().getRank() == 3 && !isPlain(slice.getSource()))
    return slice.emitOpError(
        "takes some of the heads that its kernel computes");
  return success();
}

static LogicalResult checkReshape(Operation *reshape) {
  if (!keepsTokens(reshape))
    return reshape->emitOpError("mixes the first dimension with others");
  bool isReturned = llvm::all_of(reshape->getUsers(), [](Operation *user) {
    return isa<func::ReturnOp>(user);
  });
  if (isa<tensor::CollapseShapeOp>(reshape) &&
      !isPlain(reshape->getOperand(0)) && !isReturned)
    return reshape->emitOpError("joins computed heads that are used again");
  return success();
}

static LogicalResult checkView(Operation *view) {
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(view))
    return checkSlice(slice);
  return checkReshape(view);
}

/// True if norms alone read \p view, or views of it: as their weights, which
/// have a check of their own.
static bool isOnlyStoredRow(Operation *view) {
  SmallVector<Operation *> pending{view};
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val();
    for (Operation *user : op->getUsers()) {
      Value value = op->getResult(0);
      if (isRowView(user))
        pending.push_back(user);
      else if (normInput(user) == value ||
               (normWeight(user) != value && normBias(user) != value))
        return false;
    }
  }
  return true;
}

static LogicalResult checkUse(Operation *op) {
  auto isReturned = [](Value value) {
    return llvm::any_of(value.getUsers(), [](Operation *user) {
      return isa<func::ReturnOp>(user);
    });
  };
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<tensor::ExtractSliceOp, tensor::ExpandShapeOp,
            tensor::CollapseShapeOp>([&](auto view) {
        return isOnlyStoredRow(view) ? success() : checkView(view);
      })
      .Case([&](AppendOp append) -> LogicalResult {
        if (isReturned(append.getNewKeys()) &&
            isReturned(append.getNewValues()))
          return success();
        return append.emitOpError("has a result that the kernel drops");
      })
      .Case([&](ArgmaxOp argmax) -> LogicalResult {
        if (isReturned(argmax.getResult()) && argmax->hasOneUse())
          return success();
        return argmax.emitOpError("is not the result of its kernel");
      })
      .Case([&](PanelArgmaxOp argmax) -> LogicalResult {
        bool isStored = llvm::all_of(argmax.getResults(), [&](Value result) {
          return result.use_empty() ||
                 (isReturned(result) && result.hasOneUse());
        });
        if (isStored)
          return success();
        return argmax.emitOpError("is not the result of its kernel");
      })
      .Case([&](QuantizeOp quantize) -> LogicalResult {
        if (!hasRowLayout(quantize.getQuant(),
                          quantize.getType().getDimSize(1)))
          return quantize.emitOpError(
                     "rounds to numbers that have no layout as "
                     "rows: ")
                 << quantize.getQuant();
        bool isRead = isa<func::ReturnOp, LinearOp>(*quantize->user_begin());
        if (quantize->hasOneUse() && isRead)
          return success();
        return quantize.emitOpError("is not the result of its kernel");
      })
      .Case([&](PoolOp pool) -> LogicalResult {
        if (isPlain(pool.getInput()))
          return success();
        return pool.emitOpError("reads rows that the kernel computes");
      })
      .Case([&](arith::ConstantOp constant) -> LogicalResult {
        // Sizes are numbers beside the tensors.
        if (!isa<ShapedType>(constant.getType()) ||
            (isa<SplatElementsAttr>(constant.getValue()) &&
             isa<FloatType>(getElementTypeOrSelf(constant.getType()))))
          return success();
        return constant.emitOpError("is not one float for all elements");
      })
      .Case<RmsNormOp, LayerNormOp, AddRmsNormOp, AddLayerNormOp, L2NormalizeOp,
            ActivationOp, GatedActivationOp, SoftcapOp, GatherOp, RopeOp,
            tensor::DimOp, func::ReturnOp>([](auto) { return success(); })
      .Default([](Operation *other) -> LogicalResult {
        if (isUpstreamElementwise(other))
          return success();
        return other->emitOpError("has no lowering in a row kernel");
      });
}

/// Rows of a quantised table are decoded by octets, which the loops over the
/// halves of a rotation could cut.
static LogicalResult checkTable(GatherOp gather, bool rotates) {
  auto packed =
      dyn_cast_or_null<PackedAttr>(gather.getTable().getType().getEncoding());
  if (packed && packed.getQuant() && rotates)
    return gather.emitOpError("reads a quantised table in a kernel that "
                              "rotates");
  return success();
}

/// Rotations shape the loops over a head: all of a kernel must agree, and no
/// norm may come after one.
static LogicalResult checkRotations(func::FuncOp kernel) {
  int64_t width = 0;
  bool rotates = !kernel.getOps<RopeOp>().empty();
  auto result = kernel.walk([&](Operation *op) -> WalkResult {
    if (auto gather = dyn_cast<GatherOp>(op);
        gather && failed(checkTable(gather, rotates)))
      return WalkResult::interrupt();
    if (auto rope = dyn_cast<RopeOp>(op)) {
      int64_t columns = rope.getTable().getType().getDimSize(1);
      if (width != 0 && width != columns)
        return rope.emitOpError("rotates ")
               << columns << " columns where another one of the kernel rotates "
               << width;
      width = columns;
    }
    if (isWholeRowOp(op))
      for (Operation *source : opsBehind(op->getOperand(0)))
        if (isa<RopeOp>(source))
          return op->emitOpError("reads rotated heads");
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// Checks what \p op of a row kernel asks by itself.
static LogicalResult checkOp(Operation *op) {
  for (Type type : llvm::concat<Type>(llvm::to_vector(op->getOperandTypes()),
                                      llvm::to_vector(op->getResultTypes())))
    if (failed(checkType(op, type)))
      return failure();
  return failure(failed(checkUse(op)) || failed(checkArguments(op)));
}

LogicalResult checkRowValues(func::FuncOp kernel, ArrayRef<Value> targets,
                             Value root) {
  llvm::SetVector<Operation *> ops;
  for (Value target : targets)
    ops.insert_range(opsBehind(target));
  for (Operation *op : ops) {
    bool isRoot = root && op == root.getDefiningOp();
    if (!isRoot && failed(checkOp(op)))
      return failure();
  }
  return checkRotations(kernel);
}

LogicalResult checkRowKernel(func::FuncOp kernel) {
  if (!kernel.getBody().hasOneBlock() || kernel.getNumResults() == 0)
    return kernel.emitOpError("is not a kernel of one block with a result");
  for (Operation &op : kernel.getBody().front())
    if (failed(checkOp(&op)))
      return failure();
  Operation *end = kernel.getBody().front().getTerminator();
  RankedTensorType first = countedTypeOf(end->getOperand(0));
  for (Value value : end->getOperands()) {
    RankedTensorType type = countedTypeOf(value);
    if (type.getDimSize(0) != first.getDimSize(0) ||
        symbolOfDim(type, 0) != symbolOfDim(first, 0))
      return kernel.emitOpError("has results of different numbers of rows");
  }
  return checkRotations(kernel);
}

} // namespace lathe
