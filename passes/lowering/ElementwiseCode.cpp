//===- ElementwiseCode.cpp - Elementwise ops on vectors of a row ----------===//

#include "passes/lowering/ElementwiseCode.h"

#include "passes/lowering/Contraction.h"
#include "passes/lowering/UpstreamOps.h"
#include "passes/lowering/VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace lathe {

bool isRowReshape(Operation *op) {
  auto keepsRows = [](ArrayRef<ReassociationIndices> groups) {
    return !groups.empty() && groups.front().size() == 1;
  };
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return keepsRows(expand.getReassociationIndices());
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op))
    return keepsRows(collapse.getReassociationIndices());
  return false;
}

/// The number that \p op is everywhere, if it is such a constant.
static std::optional<float> splatOf(Operation *op) {
  auto constant = dyn_cast<arith::ConstantOp>(op);
  auto value = constant ? dyn_cast<SplatElementsAttr>(constant.getValue())
                        : SplatElementsAttr();
  if (!value || !value.getElementType().isF32())
    return std::nullopt;
  return value.getSplatValue<APFloat>().convertToFloat();
}

bool isVectorElementwise(Operation *op) {
  if (!isUpstreamElementwise(op) &&
      !isa<ActivationOp, GatedActivationOp, SoftcapOp>(op))
    return false;
  // Nothing here rounds to a narrower type, nor loads integers.
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  bool isNumber = type.getElementType().isF32() || isa<arith::CmpFOp>(op);
  return isNumber && !isa<arith::SIToFPOp>(op);
}

bool isElementwise(Value value, const ElementwiseShape &shape) {
  if (value == shape.root)
    return true;
  if (std::optional<MatrixView> view = matrixViewOf(value))
    return view->element.isF32() || view->element.isBF16() ||
           view->element.isF16();
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isRowReshape(op) || splatOf(op))
    return op->getNumOperands() == 0 || isElementwise(op->getOperand(0), shape);
  // Only what a kernel returns is rounded.
  if (isa<arith::TruncFOp>(op))
    return llvm::all_of(op->getUsers(), llvm::IsaPred<func::ReturnOp>) &&
           isElementwise(op->getOperand(0), shape);
  if (!isVectorElementwise(op))
    return false;
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    return isElementwise(operand, shape);
  });
}

Value ElementwiseCode::evaluate(Value value, const Place &place,
                                int64_t shift) {
  std::pair<Value, int64_t> key(value, shift);
  if (Value vector = known.lookup(key))
    return vector;
  Value vector;
  if (value == rootValue)
    vector = root(place, shift);
  else if (matrixViewOf(value))
    vector = load(value, place, shift);
  else
    vector = compute(value.getDefiningOp(), place, shift);
  known[key] = vector;
  return vector;
}

Value ElementwiseCode::load(Value value, const Place &place, int64_t shift) {
  OpBuilder &builder = frame.builder();
  std::optional<MatrixView> view = matrixViewOf(value);
  Value stride = buildIndex(builder, loc, view->rowStride);
  Value index = arith::MulIOp::create(builder, loc, place.row, stride);
  index = arith::AddIOp::create(builder, loc, index, place.column);
  Value pointer = buildElementPtr(builder, loc, frame.buffer(view->argument),
                                  view->element, index);
  pointer = buildElementPtr(builder, loc, pointer, view->element,
                            view->offset + shift);
  auto type = VectorType::get(place.lanes, view->element);
  Value vector = place.mask
                     ? buildMaskedLoad(builder, loc, type, pointer, place.mask)
                     : buildLoad(builder, loc, type, pointer);
  return buildWiden(builder, loc, vector);
}

Value ElementwiseCode::compute(Operation *op, const Place &place,
                               int64_t shift) {
  OpBuilder &builder = frame.builder();
  Type type = VectorType::get(place.lanes, builder.getF32Type());
  if (std::optional<float> splat = splatOf(op))
    return buildFloat(builder, loc, type, *splat);
  auto operand = [&](unsigned i) {
    return evaluate(op->getOperand(i), place, shift);
  };
  // What stores a rounded result rounds it.
  if (isRowReshape(op) || isa<arith::TruncFOp>(op))
    return operand(0);
  if (auto activation = dyn_cast<ActivationOp>(op))
    return buildActivation(builder, loc, activation.getKind(), operand(0),
                           activation.getRounded());
  if (auto softcap = dyn_cast<SoftcapOp>(op))
    return buildSoftcap(builder, loc, operand(0),
                        softcap.getCap().convertToFloat());
  if (auto gate = dyn_cast<GatedActivationOp>(op)) {
    Value input = gate.getInput();
    int64_t half = gate.getInput().getType().getDimSize(1) / 2;
    Value gated = buildActivation(builder, loc, gate.getKind(),
                                  evaluate(input, place, shift));
    return arith::MulFOp::create(builder, loc, gated,
                                 evaluate(input, place, shift + half));
  }
  SmallVector<Value> operands;
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    operands.push_back(operand(i));
  return buildUpstreamF32(builder, loc, op, operands);
}

} // namespace lathe
