//===- LatheComputeVerifiers.cpp - What ODS cannot say of computing -------===//
//
// Rows, linear layers and attention. Each check carries the label of the
// constraint in the op's definition that it holds up. Two sizes agree if both
// are the same number, or both are dynamic and named by the same symbol.
//
//===----------------------------------------------------------------------===//

#include "dialects/lathe/Lathe.h"
#include "dialects/lathe/LatheVerifiers.h"

using namespace mlir;
using namespace lathe;

//===----------------------------------------------------------------------===//
// What several ops ask
//===----------------------------------------------------------------------===//

/// Whether \p a and \p b have the same size in dimensions \p dimA and \p dimB.
static bool sizesAgree(RankedTensorType a, int64_t dimA, RankedTensorType b,
                       int64_t dimB) {
  return a.getDimSize(dimA) == b.getDimSize(dimB) &&
         symbolOfDim(a, dimA) == symbolOfDim(b, dimB);
}

static bool isFiniteFrom0(const APFloat &value) {
  return value.isZero() || isFiniteAbove0(value);
}

/// Checks that \p operand has as many elements as \p input has tokens, that is
/// the size of its first dimension.
static LogicalResult verifyPerToken(Operation *op, StringRef name,
                                    RankedTensorType operand,
                                    RankedTensorType input) {
  if (sizesAgree(operand, 0, input, 0))
    return success();
  return op->emitOpError("expects ") << name << " of one element a token, got "
                                     << operand << " for " << input;
}

/// Checks that \p row, the operand \p name, has the size of the last dimension
/// of \p input, a number.
static LogicalResult verifyRow(Operation *op, StringRef name,
                               RankedTensorType row, RankedTensorType input) {
  int64_t rowSize = input.getShape().back();
  if (ShapedType::isDynamic(rowSize))
    return op->emitOpError("expects a static last dimension, got ") << input;
  if (row.getDimSize(0) == rowSize)
    return success();
  return op->emitOpError("expects a ")
         << name << " of " << rowSize
         << " elements, the last dimension of the input, got "
         << row.getDimSize(0);
}

/// Checks what every norm asks of its epsilon.
static LogicalResult verifyEpsilon(Operation *op, const APFloat &epsilon) {
  if (isFiniteAbove0(epsilon))
    return success();
  return op->emitOpError("expects a finite epsilon > 0");
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

LogicalResult GatherOp::verify() {
  RankedTensorType result = getType();
  if (!sizesAgree(result, 0, getIndices().getType(), 0)) // C1
    return emitOpError("expects one row for each index, got ")
           << result << " for " << getIndices().getType();
  RankedTensorType table = getTable().getType();
  if (isPacked(result) || !sizesAgree(result, 1, table, 1)) // C2
    return emitOpError("expects rows of the width of the table, got ")
           << result << " from " << table;
  if (!getScale().isFinite()) // C3
    return emitOpError("expects a finite scale");
  return success();
}

LogicalResult ActivationOp::verify() {
  if (getRounded() && getKind() != ActivationKind::Gelu) // C2
    return emitOpError("expects 'rounded' only with gelu");
  return success();
}

LogicalResult RmsNormOp::verify() {
  if (failed(verifyRow(*this, "weight", getWeight().getType(),
                       getInput().getType()))) // C2
    return failure();
  return verifyEpsilon(*this, getEpsilon()); // C3
}

LogicalResult LayerNormOp::verify() {
  if (failed(verifyRow(*this, "weight", getWeight().getType(),
                       getInput().getType()))) // C2
    return failure();
  return verifyEpsilon(*this, getEpsilon()); // C3
}

LogicalResult AddRmsNormOp::verify() {
  if (failed(verifyRow(*this, "weight", getWeight().getType(),
                       getLhs().getType()))) // C2
    return failure();
  return verifyEpsilon(*this, getEpsilon()); // C3
}

LogicalResult AddLayerNormOp::verify() {
  if (failed(verifyRow(*this, "weight", getWeight().getType(),
                       getLhs().getType()))) // C2
    return failure();
  return verifyEpsilon(*this, getEpsilon()); // C3
}

LogicalResult QuantizeOp::verify() {
  RankedTensorType input = getInput().getType();
  RankedTensorType result = getType();
  if (!result.getElementType().isF32() ||
      result.getShape() != input.getShape()) // C1
    return emitOpError(
               "expects a result of f32 of the shape of the input, got ")
           << result << " for " << input;
  QuantAttr quant = getQuant();
  int64_t half = int64_t(1) << (quant.bits() - 1);
  int64_t zero = quant.getQuantum().isSignedInteger() ? 0 : half;
  if (quant.getMinimum() || quant.getBlock() != 0 ||
      quant.getZero() != zero) // C2
    return emitOpError("expects a quant without minimum and block, and a zero "
                       "of ")
           << zero << ", got " << quant;
  int64_t size = input.getDimSize(1);
  if (ShapedType::isDynamic(size) || size % quant.getGroup() != 0) // C3
    return emitOpError("expects a static row of whole groups of ")
           << quant.getGroup() << ", got " << input;
  QuantAttr stored = rowQuantOf(result);
  auto plain = input.clone(result.getElementType());
  if ((stored && stored != quant) || rowQuantOf(input) ||
      result != withRowQuant(plain, stored)) // C4
    return emitOpError("expects a result of the input's encoding, with or "
                       "without its quant, got ")
           << result;
  return success();
}

LogicalResult GatedActivationOp::verify() {
  RankedTensorType input = getInput().getType();
  RankedTensorType result = getType();
  if (!sizesAgree(input, 0, result, 0) || result.isDynamicDim(1) ||
      input.getDimSize(1) != 2 * result.getDimSize(1)) // C1
    return emitOpError("expects a result of half the input's columns, got ")
           << input << " and " << result;
  if (input.getElementType() != result.getElementType()) // C2
    return emitOpError("expects a result of the input's element type, got ")
           << input.getElementType() << " and " << result.getElementType();
  return success();
}

LogicalResult SoftcapOp::verify() {
  if (isFiniteAbove0(getCap())) // C2
    return success();
  return emitOpError("expects a finite cap > 0");
}

LogicalResult L2NormalizeOp::verify() {
  if (getInput().getType().isDynamicDim(getInput().getType().getRank() - 1))
    return emitOpError("expects a static last dimension, got ") // C2
           << getInput().getType();
  return verifyEpsilon(*this, getEpsilon()); // C3
}

LogicalResult PoolOp::verify() {
  RankedTensorType input = getInput().getType();
  if (failed(verifyPerToken(*this, "sequences", getSequences().getType(),
                            input))) // C1
    return failure();
  if (!sizesAgree(input, 1, getType(), 1) ||
      input.getElementType() != getType().getElementType()) // C2
    return emitOpError("expects rows of the input's type, got ")
           << getType() << " for " << input;
  return success();
}

LogicalResult ArgmaxOp::verify() {
  RankedTensorType input = getInput().getType();
  if (failed(verifyPerToken(*this, "a result", getType(), input))) // C1
    return failure();
  if (input.isDynamicDim(1) || input.getDimSize(1) == 0) // C2
    return emitOpError("expects a static row of one element or more, got ")
           << input;
  if (getPlaces() && (!sizesAgree(getPlaces().getType(), 0, input, 0) ||
                      !sizesAgree(getPlaces().getType(), 1, input, 1))) // C3
    return emitOpError("expects places of the shape of the input, got ")
           << getPlaces().getType() << " for " << input;
  return success();
}

LogicalResult PanelArgmaxOp::verify() {
  RankedTensorType input = getInput().getType();
  RankedTensorType values = getValues().getType();
  RankedTensorType places = getPlaces().getType();
  if (!sizesAgree(values, 0, input, 0) ||
      !sizesAgree(places, 0, input, 0)) // C1
    return emitOpError("expects a row for each of the input, got ")
           << values << " and " << places << " for " << input;
  if (input.isDynamicDim(1) || input.getDimSize(1) == 0) // C2
    return emitOpError("expects a static row of one element or more, got ")
           << input;
  int64_t panels = llvm::divideCeil(input.getDimSize(1), kPanelColumns);
  if (values.getDimSize(1) != panels || places.getDimSize(1) != panels) // C3
    return emitOpError("expects a column for each of ")
           << panels << " panels, got " << values << " and " << places;
  return success();
}

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::verify() {
  RankedTensorType input = getInput().getType();
  RankedTensorType weight = getWeight().getType();
  RankedTensorType result = getType();
  if (!weight.hasStaticShape() ||
      input.getDimSize(1) != weight.getDimSize(1)) // C1
    return emitOpError("expects a static weight of ")
           << input.getDimSize(1) << " columns, as the input has, got "
           << weight;
  if (!sizesAgree(result, 0, input, 0) ||
      result.getDimSize(1) != weight.getDimSize(0)) // C2
    return emitOpError("expects a row for each of the input and a column for "
                       "each of the weight's rows, got ")
           << result;
  if (getBias() &&
      getBias().getType().getDimSize(0) != weight.getDimSize(0)) // C3
    return emitOpError("expects a bias of ")
           << weight.getDimSize(0) << " elements, one for each row of the "
           << "weight, got " << getBias().getType().getDimSize(0);
  if (weight.getElementTypeBitWidth() > input.getElementTypeBitWidth()) // C4
    return emitOpError("expects a weight no wider than the input, got ")
           << weight.getElementType() << " and " << input.getElementType();
  if (isPacked(input) || isPacked(result) || rowQuantOf(result)) // C5
    return emitOpError("expects only the weight to be packed, and a plain "
                       "result");
  return success();
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

LogicalResult RopeOp::verify() {
  RankedTensorType input = getInput().getType();
  if (failed(verifyPerToken(*this, "positions", getPositions().getType(),
                            input))) // C2
    return failure();
  RankedTensorType table = getTable().getType();
  int64_t width = table.getDimSize(1);
  if (!table.hasStaticShape() || width < 2 || width % 2 != 0 ||
      width > input.getDimSize(2)) // C3
    return emitOpError("expects a static table of an even width up to ")
           << input.getDimSize(2) << ", got " << table;
  return success();
}

/// Checks the attributes that both attentions have.
static LogicalResult verifyScores(Operation *op, const APFloat &scale,
                                  int64_t window, const APFloat &softcap) {
  if (!isFiniteAbove0(scale))
    return op->emitOpError("expects a finite scale > 0");
  if (window < 0)
    return op->emitOpError("expects a window of 0 (none) or more, got ")
           << window;
  if (!isFiniteFrom0(softcap))
    return op->emitOpError("expects a finite softcap of 0 (none) or more");
  return success();
}

/// Checks that the heads of \p query share those of keys, \p keyHeads.
static LogicalResult verifyHeads(Operation *op, RankedTensorType query,
                                 int64_t keyHeads) {
  int64_t heads = query.getDimSize(1);
  if (!ShapedType::isDynamic(heads) && keyHeads > 0 && heads % keyHeads == 0)
    return success();
  return op->emitOpError("expects query heads that are a multiple of the key "
                         "heads, got ")
         << heads << " and " << keyHeads;
}

LogicalResult AttentionOp::verify() {
  RankedTensorType query = getQuery().getType();
  RankedTensorType key = getKey().getType();
  if (!sizesAgree(query, 0, key, 0) || query.isDynamicDim(2) ||
      query.getDimSize(2) != key.getDimSize(2)) // C2
    return emitOpError(
               "expects a key of the query's tokens and head size, got ")
           << key << " for " << query;
  if (failed(verifyHeads(*this, query, key.getDimSize(1)))) // C3
    return failure();
  if (failed(verifyPerToken(*this, "sequences", getSequences().getType(),
                            query))) // C4
    return failure();
  return verifyScores(*this, getScale(), getWindow(), getSoftcap()); // C5
}

/// Checks that \p keys and \p values are the pages of heads of \p headSize,
/// stored alike.
static LogicalResult verifyPages(Operation *op, RankedTensorType keys,
                                 RankedTensorType values, int64_t headSize) {
  int64_t heads = keys.getDimSize(1);
  bool agree = sizesAgree(keys, 0, values, 0) &&
               !ShapedType::isDynamic(heads) &&
               !ShapedType::isDynamic(headSize) &&
               keys.getShape().drop_front() ==
                   ArrayRef<int64_t>{heads, headSize, kPagePositions} &&
               values.getShape().drop_front() ==
                   ArrayRef<int64_t>{heads, kPagePositions, headSize};
  if (!agree)
    return op->emitOpError("expects pages of (heads, ")
           << headSize << ", " << kPagePositions << ") and (heads, "
           << kPagePositions << ", " << headSize << "), got " << keys << " and "
           << values;
  if (keys.getElementType() == values.getElementType() &&
      rowQuantOf(keys) == rowQuantOf(values))
    return success();
  return op->emitOpError("expects keys and values of one element type and "
                         "quant, got ")
         << keys << " and " << values;
}

LogicalResult AppendOp::verify() {
  RankedTensorType key = getKey().getType();
  if (key != getValue().getType()) // C2
    return emitOpError("expects key and value of one type, got ")
           << key << " and " << getValue().getType();
  if (failed(verifyPages(*this, getKeys().getType(), getValues().getType(),
                         key.getDimSize(2)))) // C3
    return failure();
  if (key.getDimSize(1) != getKeys().getType().getDimSize(1)) // C4
    return emitOpError("expects pages of ")
           << key.getDimSize(1) << " heads, got "
           << getKeys().getType().getDimSize(1);
  if (failed(verifyPerToken(*this, "positions", getPositions().getType(),
                            key))) // C5
    return failure();
  return verifyPerToken(*this, "sequences", getSequences().getType(),
                        key); // C5
}

LogicalResult CachedAttentionOp::verify() {
  RankedTensorType query = getQuery().getType();
  if (failed(verifyPages(*this, getKeys().getType(), getValues().getType(),
                         query.getDimSize(2)))) // C2
    return failure();
  if (failed(verifyHeads(*this, query,
                         getKeys().getType().getDimSize(1)))) // C3
    return failure();
  if (failed(verifyPerToken(*this, "positions", getPositions().getType(),
                            query)) ||
      failed(verifyPerToken(*this, "sequences", getSequences().getType(),
                            query))) // C4
    return failure();
  return verifyScores(*this, getScale(), getWindow(), getSoftcap()); // C5
}
