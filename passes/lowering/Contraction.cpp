//===- Contraction.cpp - What a kernel rooted in a linear layer is --------===//

#include "passes/lowering/Contraction.h"

#include "dialects/lathe/QuantRows.h"
#include "passes/lowering/ElementwiseCode.h"
#include "passes/lowering/IntegerDot.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/RowShapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace lathe {

/// Elements of one row of \p type: the product of all sizes but the first.
static int64_t rowElements(RankedTensorType type) {
  int64_t elements = 1;
  for (int64_t size : type.getShape().drop_front())
    elements *= size;
  return elements;
}

/// True if \p type is static but for its rows.
static bool hasStaticRows(RankedTensorType type) {
  return !llvm::any_of(type.getShape().drop_front(), ShapedType::isDynamic);
}

/// The first column that \p slice takes, if it takes all rows of a matrix.
static std::optional<int64_t> firstColumn(tensor::ExtractSliceOp slice) {
  RankedTensorType source = slice.getSourceType();
  if (source.getRank() != 2 || slice.getType().getRank() != 2 ||
      !slice.hasUnitStride() ||
      slice.getType().getDimSize(0) != source.getDimSize(0))
    return std::nullopt;
  ArrayRef<int64_t> offsets = slice.getStaticOffsets();
  if (offsets[0] != 0 || ShapedType::isDynamic(offsets[1]))
    return std::nullopt;
  return offsets[1];
}

std::optional<MatrixView> matrixViewOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() < 2 || !hasStaticRows(type) || rowQuantOf(type))
    return std::nullopt;
  if (auto argument = dyn_cast<BlockArgument>(value))
    return MatrixView{argument, type.getElementType(), rowElements(type), 0};
  Operation *op = value.getDefiningOp();
  if (isRowReshape(op))
    return matrixViewOf(op->getOperand(0));
  auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
  if (!slice)
    return std::nullopt;
  std::optional<int64_t> column = firstColumn(slice);
  std::optional<MatrixView> view = matrixViewOf(slice.getSource());
  if (!column || !view)
    return std::nullopt;
  view->offset += *column;
  return view;
}

bool isForFewRows(func::FuncOp kernel, LinearOp linear) {
  int64_t rows = linear.getInput().getType().getDimSize(0);
  return kernel->hasAttr(kRowLimitAttr) ||
         (!ShapedType::isDynamic(rows) && rows <= kFewRows);
}

/// Terms of a chunk of the sum; all where it is one chain.
static int64_t chunkOf(LinearOp linear) {
  ReduceAttr reduce = linear.getReduceAttr();
  return reduce && reduce.getChunk() > 0
             ? reduce.getChunk()
             : linear.getInput().getType().getDimSize(1);
}

std::optional<DotKind> amxDotOf(LinearOp linear) {
  RankedTensorType input = linear.getInput().getType();
  RankedTensorType weight = linear.getWeight().getType();
  int64_t depth = input.getDimSize(1);
  if (chunkOf(linear) < depth)
    return std::nullopt;
  if (QuantAttr quant = rowQuantOf(input)) {
    if (quant.getGroup() == depth && depth % 64 == 0)
      return DotKind::AmxBytes;
    return std::nullopt;
  }
  if (input.getElementType().isBF16() && weight.getElementType().isBF16() &&
      depth % 32 == 0)
    return DotKind::AmxBf16;
  return std::nullopt;
}

int64_t headSizeOf(func::FuncOp kernel) {
  if (kernel.getOps<LinearOp>().empty())
    return 0;
  for (auto rope : kernel.getOps<RopeOp>())
    return rope.getInput().getType().getDimSize(2);
  for (auto append : kernel.getOps<AppendOp>())
    return append.getKey().getType().getDimSize(2);
  return 0;
}

/// True if every result is whole heads of the sums: rotated, normalised, or
/// written to a cache. Tiles of columns are whole heads too.
static bool matchHeads(func::FuncOp kernel, Contraction &match) {
  ScheduleAttr schedule = match.schedule;
  int64_t tile = schedule.getPanels() * match.packing.getColumns();
  match.resultColumns = match.columns;
  for (Value result : kernel.getBody().front().getTerminator()->getOperands()) {
    auto append = result.getDefiningOp<AppendOp>();
    auto source = append && result == append.getNewValues() ? append.getValue()
                  : append                                  ? append.getKey()
                                                            : result;
    auto heads = cast<RankedTensorType>(source.getType());
    if (heads.getRank() != 3 || heads.getDimSize(2) != match.headSize ||
        firstColumnOf(source) % match.headSize != 0)
      return false;
  }
  return tile % match.headSize == 0;
}

/// True if every result is what \p argmax keeps of rows that can be computed a
/// vector at a time, and tiles of columns are whole panels.
static bool matchPanelArgmax(PanelArgmaxOp argmax,
                             const ElementwiseShape &shape,
                             Contraction &match) {
  ScheduleAttr schedule = match.schedule;
  int64_t tile = schedule.getPanels() * match.packing.getColumns();
  RankedTensorType input = argmax.getInput().getType();
  Operation *end = argmax->getBlock()->getTerminator();
  bool isAll = llvm::all_of(end->getOperands(), [&](Value result) {
    return result.getDefiningOp() == argmax;
  });
  if (!isAll || !input.getElementType().isF32() ||
      argmax.getInput().getDefiningOp<arith::TruncFOp>() ||
      input.getDimSize(1) != shape.columns ||
      !isElementwise(argmax.getInput(), shape))
    return false;
  match.panelArgmax = argmax;
  return tile % kPanelColumns == 0 && kPanelColumns % schedule.getVector() == 0;
}

/// True if every result can be computed a vector at a time from the sums, and
/// notes whether there is a gate on the way.
static bool matchEpilogue(func::FuncOp kernel, Contraction &match) {
  match.headSize = headSizeOf(kernel);
  if (match.headSize > 0)
    return matchHeads(kernel, match);
  Block &body = kernel.getBody().front();
  for (Operation &op : body.without_terminator()) {
    auto gate = dyn_cast<GatedActivationOp>(op);
    // One before the sums is a row op like others.
    if (gate && opsBehind(gate.getResult()).contains(match.linear)) {
      if (match.isGated)
        return false;
      match.isGated = true;
    }
  }
  match.resultColumns = match.isGated ? match.columns / 2 : match.columns;
  if (match.isGated && match.columns % 2 != 0)
    return false;

  ElementwiseShape shape{match.linear.getResult(), match.resultColumns};
  for (auto argmax : body.getOps<PanelArgmaxOp>())
    return matchPanelArgmax(argmax, shape, match);
  for (Value result : body.getTerminator()->getOperands()) {
    auto type = cast<RankedTensorType>(result.getType());
    Type element = type.getElementType();
    bool isRounded =
        element.isBF16() && result.getDefiningOp<arith::TruncFOp>();
    if ((!element.isF32() && !isRounded) || !hasStaticRows(type) ||
        rowElements(type) != match.resultColumns ||
        !isElementwise(result, shape))
      return false;
  }
  return true;
}

Value Contraction::weightBase(const KernelFrame &frame) const {
  LinearOp op = linear;
  return frame.buffer(cast<BlockArgument>(op.getWeight()));
}

/// True if the packed weight is one whose panels the register tile reads.
static bool matchWeight(Contraction &match) {
  RankedTensorType weight = match.linear.getWeight().getType();
  match.packing = dyn_cast_or_null<PackedAttr>(weight.getEncoding());
  if (!isa<BlockArgument>(match.linear.getWeight()) || !match.packing)
    return false;
  Type element = match.weightElement = weight.getElementType();
  bool isNarrow = element.isBF16() || element.isF16();
  int64_t depth = match.packing.getDepth();
  if (match.packing.getQuant())
    return true;
  return (element.isF32() && depth == 1) || (isNarrow && depth == 2);
}

/// True if the schedule asks for no products of AMX, or for those that the
/// types have, in tiles that its registers hold.
static bool matchAmx(Contraction &match) {
  if (!match.isOnAmx())
    return true;
  ScheduleAttr schedule = match.schedule;
  int64_t vectors =
      schedule.getPanels() * match.packing.getColumns() / schedule.getVector();
  return amxDotOf(match.linear) == schedule.getDot() &&
         schedule.getVector() == 16 && vectors % 2 == 0 &&
         (schedule.getRows() == 16 || schedule.getRows() == 32) &&
         schedule.getRows() * schedule.getColumns() <= 32 * 32;
}

/// True if the integers of the input and of the weight can be multiplied: each
/// group of the weight lies in one of the input.
static bool matchQuantisedInput(Contraction &match) {
  match.inputQuant = rowQuantOf(match.inputType);
  match.activationElement = IntegerType::get(match.inputType.getContext(), 8);
  QuantAttr weight = match.packing.getQuant();
  if (!weight || !isIntegerDot(match.schedule.getDot()) ||
      !hasRowLayout(match.inputQuant, match.depth()))
    return false;
  int64_t group = match.inputQuant.getGroup();
  return weight.getGroup() == group || (group == 32 && weight.getGroup() == 16);
}

/// True if the register tile reads activations of this type: quantised beside
/// such weights, f32, or the bf16 that a weight of bf16 is multiplied with in
/// pairs. They stand in an argument, or are computed first.
static bool matchInput(Contraction &match) {
  Value input = match.linear.getInput();
  Type element = match.activationElement = match.inputType.getElementType();
  if (rowQuantOf(match.inputType)) {
    match.hasPrologue = !isa<BlockArgument>(input);
    return matchQuantisedInput(match);
  }
  match.plainInput = matrixViewOf(input);
  match.hasPrologue = !match.plainInput;
  if (element.isF32())
    return match.schedule.getDot() == DotKind::Fma;
  return element.isBF16() && match.weightElement.isBF16();
}

std::optional<Contraction> matchContraction(func::FuncOp kernel) {
  Contraction match;
  for (LinearOp linear : kernel.getOps<LinearOp>()) {
    if (match.linear)
      return std::nullopt;
    match.linear = linear;
  }
  match.schedule = kernel->getAttrOfType<ScheduleAttr>(kScheduleAttr);
  if (!match.linear || !match.schedule || !matchWeight(match))
    return std::nullopt;
  match.isForFewRows = isForFewRows(kernel, match.linear);
  match.inputType = match.linear.getInput().getType();
  match.columns = match.linear.getWeight().getType().getDimSize(0);
  if (match.inputType.isDynamicDim(1) || !matchInput(match))
    return std::nullopt;

  Value bias = match.linear.getBias();
  if (bias && !isa<BlockArgument>(bias))
    return std::nullopt;
  match.chunk = chunkOf(match.linear);
  bool isChunked = match.chunk < match.depth();
  if (isChunked &&
      (match.packing.getQuant() || match.chunk % match.packing.getDepth() != 0))
    return std::nullopt;

  if (!matchEpilogue(kernel, match))
    return std::nullopt;

  // A register tile is made of whole vectors, and a vector of one panel.
  ScheduleAttr schedule = match.schedule;
  int64_t vector = schedule.getVector();
  if (schedule.getRows() < 1 || vector < 1 || schedule.getPanels() < 1 ||
      schedule.getRowBlock() % schedule.getRows() != 0 ||
      match.packing.getColumns() % vector != 0 ||
      schedule.getColumns() % vector != 0 || !matchAmx(match))
    return std::nullopt;
  return match;
}

} // namespace lathe
