//===- LatheVerifiers.cpp - What ODS cannot say of symbols and weights ----===//
//
// Each check carries the label of the constraint in LatheOps.td that it holds
// up; rows, linear layers and attention are in LatheComputeVerifiers.cpp.
//
//===----------------------------------------------------------------------===//

#include "dialects/lathe/LatheVerifiers.h"
#include "dialects/lathe/Lathe.h"
#include "dialects/lathe/PackedQuant.h"
#include "dialects/lathe/QuantRows.h"

#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace lathe;

//===----------------------------------------------------------------------===//
// What several ops ask
//===----------------------------------------------------------------------===//

static bool isQuantized(RankedTensorType type) {
  return isa_and_nonnull<QuantAttr>(type.getEncoding());
}

/// Checks that \p type, of the symbol \p op, has no dynamic size.
static LogicalResult verifyStatic(Operation *op, RankedTensorType type) {
  if (type.hasStaticShape())
    return success();
  return op->emitOpError("expects a static shape, got ") << type;
}

/// Checks that \p result is \p shape of the element type of \p input.
static LogicalResult verifyResult(Operation *op, RankedTensorType input,
                                  ArrayRef<int64_t> shape,
                                  RankedTensorType result) {
  auto quant = dyn_cast_or_null<QuantAttr>(input.getEncoding());
  if (quant && (shape.empty() || shape.back() != input.getShape().back()))
    return op->emitOpError("expects the rows of a quantised input to stay "
                           "whole, got ")
           << input << " and " << result;
  auto expected = RankedTensorType::get(shape, input.getElementType(), quant);
  if (result == expected)
    return success();
  return op->emitOpError("expects a result of ")
         << expected << ", got " << result;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

/// Checks that pages of \p shape can be quantised by \p quant.
static LogicalResult
verifyQuantPages(QuantAttr quant, ArrayRef<int64_t> shape, Type element,
                 function_ref<InFlightDiagnostic()> emitError) {
  int64_t group = quant.getGroup();
  bool isPages = shape.drop_front(2) == ArrayRef{group, kPagePositions} ||
                 shape.drop_front(2) == ArrayRef{kPagePositions, group};
  if (isPages && !ShapedType::isDynamic(shape[1]) && element.isF32() &&
      hasRowLayout(quant, group))
    return success();
  return emitError() << "expects quantised pages of f32, of static heads of "
                     << group << " signed bytes by " << kPagePositions
                     << ", each position with a scale of f32";
}

LogicalResult
DimsAttr::verifyEncoding(ArrayRef<int64_t> shape, Type element,
                         function_ref<InFlightDiagnostic()> emitError) const {
  int64_t dynamic = llvm::count_if(shape, ShapedType::isDynamic);
  if (dynamic != static_cast<int64_t>(getNames().size())) // C1
    return emitError() << "expects one name for each of the " << dynamic
                       << " dynamic sizes, got " << getNames().size();
  if (!getQuant())
    return success();
  if (shape.size() == 4) // C3
    return verifyQuantPages(getQuant(), shape, element, emitError);
  // The rows may be many or few, but not long or short.
  return getQuant().verifyEncoding(shape.take_back(), element, emitError); // C2
}

LogicalResult PackedAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t columns, int64_t depth,
                                 QuantAttr quant) {
  if (quant && depth != 8)
    return emitError() << "expects a depth of 8 with quant, got " << depth;
  if (columns >= 1 && depth >= 1)
    return success();
  return emitError() << "expects columns and depth of 1 or more, got "
                     << columns << " and " << depth;
}

LogicalResult
PackedAttr::verifyEncoding(ArrayRef<int64_t> shape, Type element,
                           function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() != 2 || ShapedType::isDynamicShape(shape) ||
      !isa<FloatType>(element))
    return emitError() << "expects a packed weight to be a static matrix of "
                          "floats";
  if (!getQuant())
    return success();
  if (!hasPackedLayout(getQuant(), shape[1]))
    return emitError() << "has no packed layout for rows of " << shape[1]
                       << " elements with " << getQuant();
  return getQuant().verifyEncoding(shape, element, emitError);
}

/// Whether \p type is an integer with or without a sign, of 2 to 8 bits.
static bool isSmallInteger(Type type) {
  auto integer = dyn_cast<IntegerType>(type);
  return integer && !integer.isSignless() && integer.getWidth() >= 2 &&
         integer.getWidth() <= 8;
}

LogicalResult QuantAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                Type quantum, int64_t group, Type scale,
                                Type minimum, int64_t zero, int64_t block) {
  if (!isSmallInteger(quantum)) // C1
    return emitError() << "expects a quantum such as ui4 or si8, got "
                       << quantum;
  int64_t zeros = quantum.isSignedInteger()
                      ? 1
                      : int64_t(1) << quantum.getIntOrFloatBitWidth();
  if (group < 1 || zero < 0 || zero >= zeros) // C2
    return emitError() << "expects a group of 1 or more and a zero below "
                       << zeros << ", got " << group << " and " << zero;
  if (block == 0 && !scale.isF16() && !scale.isBF16() && !scale.isF32()) // C3
    return emitError() << "expects a float scale where there is no block, got "
                       << scale;
  if (block != 0 &&
      (!isSmallInteger(scale) || block < 0 || block % group)) // C3
    return emitError()
           << "expects an integer scale and a multiple of the group "
              "of "
           << group << " as block, got " << scale << " and " << block;
  if (minimum && minimum != scale) // C4
    return emitError() << "expects a minimum of the scale's type, " << scale
                       << ", got " << minimum;
  return success();
}

LogicalResult
QuantAttr::verifyEncoding(ArrayRef<int64_t> shape, Type element,
                          function_ref<InFlightDiagnostic()> emitError) const {
  if (!shape.empty() && !ShapedType::isDynamicShape(shape) && element.isF32() &&
      shape.back() % unit() == 0) // C5
    return success();
  return emitError() << "expects a quantised tensor to be static, of f32, with "
                        "rows of a multiple of "
                     << unit() << " elements";
}

LogicalResult ReduceAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t chunk) {
  if (chunk >= 0)
    return success();
  return emitError() << "expects a chunk of 0 or more terms, got " << chunk;
}

//===----------------------------------------------------------------------===//
// Symbols: sizes, parameters, state
//===----------------------------------------------------------------------===//

LogicalResult SymbolOp::verify() {
  int64_t minimum = getMinimum();
  int64_t maximum = getMaximum();
  if (minimum < 0 || maximum < 1 || minimum > maximum) // C1
    return emitOpError("expects 0 <= minimum <= maximum and a maximum of 1 or "
                       "more, got ")
           << minimum << " and " << maximum;
  return success();
}

LogicalResult ParameterOp::verify() {
  if (failed(verifyStatic(*this, cast<RankedTensorType>(getType())))) // C1
    return failure();
  if (getFile().empty() || getFile().starts_with("/")) // C2
    return emitOpError("expects a file relative to the module, got '")
           << getFile() << "'";
  if (getKey().empty()) // C3
    return emitOpError("expects a key that is not empty");
  return success();
}

/// Whether \p op may stand in the region of a derived parameter.
static bool isWeightTransform(Operation &op) {
  return isa<GetOp, ConcatOp, SliceOp, PermuteOp, ReshapeOp, CastOp, PackOp,
             QuantizeOp, RopeTableOp, YieldOp>(op);
}

LogicalResult DerivedOp::verify() {
  auto type = cast<RankedTensorType>(getType());
  if (failed(verifyStatic(*this, type))) // C1
    return failure();

  Block &body = getBody().front();
  for (Operation &op : body)
    if (!isWeightTransform(op)) { // C2
      InFlightDiagnostic error =
          emitOpError("expects only weight transforms in its body, got ")
          << op.getName();
      error.attachNote(op.getLoc()) << "not a weight transform";
      return error;
    }

  YieldOp yield;
  if (!body.empty())
    yield = dyn_cast<YieldOp>(body.back());
  if (!yield || yield.getNumOperands() != 1 ||
      yield.getOperand(0).getType() != type) // C3
    return emitOpError("expects its body to yield one value of ") << type;
  return success();
}

LogicalResult StateOp::verify() {
  auto type = cast<RankedTensorType>(getType());
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.isDynamicDim(dim) && symbolOfDim(type, dim).empty()) // C1
      return emitOpError("expects a name for each dynamic size, got ") << type;
  return success();
}

/// Checks that the symbol \p name that \p op uses is one of \p Ops (C1) and has
/// \p type (C2).
template <typename... Ops>
static LogicalResult
verifySymbolUse(Operation *op, SymbolTableCollection &tables,
                FlatSymbolRefAttr name, StringRef kind, Type type) {
  Operation *symbol = tables.lookupNearestSymbolFrom(op, name);
  if (!symbol || !isa<Ops...>(symbol)) // C1
    return op->emitOpError("expects the name of a ")
           << kind << ", got '" << name.getValue() << "'";
  Type declared = symbol->getAttrOfType<TypeAttr>("type").getValue();
  if (declared == type) // C2
    return success();
  InFlightDiagnostic error = op->emitOpError("expects the declared type ")
                             << declared << ", got " << type;
  error.attachNote(symbol->getLoc()) << "declared here";
  return error;
}

// A `lathe.derived` is no symbol table: its body reads the names of the module
// around it.
LogicalResult GetOp::verifySymbolUses(SymbolTableCollection &tables) {
  Operation *symbol = tables.lookupNearestSymbolFrom(*this, getSymbolAttr());
  if (isQuantized(getType()) && isa_and_nonnull<ParameterOp>(symbol) &&
      !(*this)->getParentOfType<DerivedOp>()) // C3
    return emitOpError("expects a quantised parameter to be read by a "
                       "lathe.derived only, got ")
           << getType();
  return verifySymbolUse<ParameterOp, DerivedOp>(
      *this, tables, getSymbolAttr(), "parameter or derived parameter",
      getType());
}

LogicalResult GetStateOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifySymbolUse<StateOp>(*this, tables, getSymbolAttr(), "state",
                                  getType());
}

LogicalResult SetStateOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifySymbolUse<StateOp>(*this, tables, getSymbolAttr(), "state",
                                  getValue().getType());
}

//===----------------------------------------------------------------------===//
// Weight transforms
//===----------------------------------------------------------------------===//

/// Checks that \p dimension is one of \p type.
static LogicalResult verifyDimension(Operation *op, int64_t dimension,
                                     RankedTensorType type) {
  if (dimension >= 0 && dimension < type.getRank())
    return success();
  return op->emitOpError("expects a dimension below ")
         << type.getRank() << ", got " << dimension;
}

LogicalResult ConcatOp::verify() {
  if (getInputs().empty()) // C1
    return emitOpError("expects one input or more");
  int64_t dimension = getDimension();
  auto first = cast<RankedTensorType>(getInputs().front().getType());
  if (failed(verifyDimension(*this, dimension, first))) // C2
    return failure();

  SmallVector<int64_t> shape(first.getShape());
  shape[dimension] = 0;
  for (Type type : getInputs().getTypes()) {
    auto input = cast<RankedTensorType>(type);
    SmallVector<int64_t> others(input.getShape());
    if (input.getRank() == first.getRank())
      others[dimension] = first.getDimSize(dimension);
    if (!input.hasStaticShape() || ArrayRef(others) != first.getShape() ||
        input.getElementType() != first.getElementType() ||
        input.getEncoding() != first.getEncoding()) // C3
      return emitOpError("expects inputs that differ in dimension ")
             << dimension << " only, got " << first << " and " << input;
    shape[dimension] += input.getDimSize(dimension);
  }
  return verifyResult(*this, first, shape, getType()); // C4
}

LogicalResult SliceOp::verify() {
  RankedTensorType input = getInput().getType();
  int64_t dimension = getDimension();
  if (failed(verifyDimension(*this, dimension, input))) // C1
    return failure();
  int64_t begin = getBegin();
  int64_t end = getEnd();
  if (begin < 0 || begin >= end || end > input.getDimSize(dimension)) // C2
    return emitOpError("expects a range within [0, ")
           << input.getDimSize(dimension) << "), got [" << begin << ", " << end
           << ")";
  SmallVector<int64_t> shape(input.getShape());
  shape[dimension] = end - begin;
  return verifyResult(*this, input, shape, getType()); // C3
}

LogicalResult PermuteOp::verify() {
  RankedTensorType input = getInput().getType();
  int64_t rank = input.getRank();
  llvm::SmallBitVector seen(rank);
  for (int64_t dim : getOrder())
    if (dim >= 0 && dim < rank)
      seen.set(dim);
  if (static_cast<int64_t>(getOrder().size()) != rank || !seen.all()) // C1
    return emitOpError("expects an order that names each of the ")
           << rank << " dimensions once";
  if (isQuantized(input) && getOrder().back() != rank - 1)
    return emitOpError("expects the rows of a quantised input to stay whole");
  SmallVector<int64_t> shape;
  for (int64_t dim : getOrder())
    shape.push_back(input.getDimSize(dim));
  return verifyResult(*this, input, shape, getType()); // C2
}

LogicalResult ReshapeOp::verify() {
  RankedTensorType input = getInput().getType();
  if (!input.hasStaticShape() || !getType().hasStaticShape() ||
      input.getNumElements() != getType().getNumElements()) // C1
    return emitOpError(
               "expects a result of as many elements as the input, got ")
           << input << " and " << getType();
  return verifyResult(*this, input, getType().getShape(), getType()); // C2
}

LogicalResult CastOp::verify() {
  RankedTensorType input = getInput().getType();
  Attribute encoding = isQuantized(input) ? Attribute() : input.getEncoding();
  if (input.getShape() != getType().getShape() ||
      encoding != getType().getEncoding()) // C1
    return emitOpError("expects a result of the shape of the input, got ")
           << input << " and " << getType();
  return success();
}

LogicalResult PackOp::verify() {
  RankedTensorType input = getInput().getType();
  if (isPacked(input)) // C1
    return emitOpError("expects an input that is not packed, got ") << input;
  auto packing = dyn_cast_or_null<PackedAttr>(getType().getEncoding());
  auto unpacked =
      RankedTensorType::get(getType().getShape(), getType().getElementType(),
                            packing ? Attribute(packing.getQuant()) : nullptr);
  if (!packing || unpacked != input) // C2
    return emitOpError("expects a packed result of the input's shape, got ")
           << getType();
  return success();
}

LogicalResult RopeTableOp::verify() {
  int64_t frequencies = getFrequencies().size();
  if (!getType().hasStaticShape() || frequencies == 0 ||
      getType().getDimSize(1) != 2 * frequencies) // C1
    return emitOpError("expects a result of two columns for each of the ")
           << frequencies << " frequencies, got " << getType();
  if (!isFiniteAbove0(getScale())) // C2
    return emitOpError("expects a finite scale > 0");
  return success();
}
