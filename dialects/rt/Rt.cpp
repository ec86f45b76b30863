//===- Rt.cpp - The rt dialect and the verifiers of its ops ---------------===//

#include "dialects/rt/Rt.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/TypeSwitch.h"

#include <utility>

using namespace mlir;
using namespace lathe::rt;

#include "dialects/rt/RtDialect.cpp.inc"
#include "dialects/rt/RtEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/rt/RtAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/rt/RtOps.cpp.inc"

void RtDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/rt/RtAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/rt/RtOps.cpp.inc"
      >();
}

bool lathe::rt::isElementType(Type type) {
  return isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(type) ||
         type.isInteger(8) || type.isInteger(32) || type.isInteger(64);
}

//===----------------------------------------------------------------------===//
// What several ops ask for
//===----------------------------------------------------------------------===//

/// Checks that \p map gives one size as a function of the symbols.
static LogicalResult verifySize(Operation *op, StringRef name, AffineMap map) {
  if (map.getNumDims() == 0 && map.getNumResults() == 1)
    return success();
  return op->emitOpError("expects ")
         << name << " to be a map of no dimensions to one size, got "
         << map.getNumDims() << " dimensions and " << map.getNumResults()
         << " results";
}

static LogicalResult verifyBuffer(Operation *op, Type type, AffineMap bytes) {
  Type element = cast<RankedTensorType>(type).getElementType();
  if (!isElementType(element)) // C2
    return op->emitOpError("expects an element type of the artifact's schema, "
                           "got ")
           << element;
  return verifySize(op, "bytes", bytes); // C1
}

/// Returns the buffer \p name of the entry that holds \p op; emits an error
/// and returns null if there is none.
static BufferOp findBuffer(Operation *op, FlatSymbolRefAttr name,
                           SymbolTableCollection &tables) {
  auto buffer = tables.lookupSymbolIn<BufferOp>(op->getParentOp(), name);
  if (!buffer)
    op->emitOpError("names ") << name << ", which is no buffer of the entry";
  return buffer;
}

/// Checks that \p name is an \p OpT of the module that holds \p op.
template <typename OpT>
static LogicalResult verifyRef(Operation *op, FlatSymbolRefAttr name,
                               SymbolTableCollection &tables) {
  auto module = op->getParentOfType<ModuleOp>();
  if (module && tables.lookupSymbolIn<OpT>(module, name))
    return success();
  return op->emitOpError("names ")
         << name << ", which is no " << OpT::getOperationName();
}

//===----------------------------------------------------------------------===//
// The program
//===----------------------------------------------------------------------===//

LogicalResult ModelOp::verify() {
  for (auto [name, value] : {std::pair("context_length", getContextLength()),
                             {"vocabulary", getVocabulary()},
                             {"embed_tokens", getEmbedTokens()},
                             {"page_positions", getPagePositions()}})
    if (static_cast<int64_t>(value) < 0) // C1
      return emitOpError("expects ") << name << " not to be negative, got "
                                     << static_cast<int64_t>(value);
  if (DictionaryAttr templates = getChatTemplatesAttr())
    for (NamedAttribute chatTemplate : templates)
      if (!isa<StringAttr>(chatTemplate.getValue())) // C2
        return emitOpError("expects chat templates of strings, got ")
               << chatTemplate.getValue();
  return success();
}

LogicalResult lathe::rt::SymbolOp::verify() {
  int64_t minimum = getMinimum(), maximum = getMaximum();
  if (minimum < 0 || minimum > maximum) // C1
    return emitOpError("expects 0 <= minimum <= maximum, got [")
           << minimum << ", " << maximum << "]";
  return success();
}

LogicalResult KernelOp::verifyRegions() {
  llvm::SmallPtrSet<Attribute, 4> targets;
  bool hasCost = false;
  for (Operation &op : *getBody().begin()) {
    auto code = dyn_cast<CodeOp>(op);
    bool isRight = code ? targets.insert(code.getTargetAttr()).second
                        : isa<CostOp>(op) && !std::exchange(hasCost, true);
    if (!isRight) // C1
      return op.emitOpError("stands in a kernel, which holds one rt.code a "
                            "target and at most one rt.cost");
  }
  return success();
}

/// Checks the numbers of \p pairs for a launch of \p operands.
static LogicalResult verifyPairs(Operation *op, PairsAttr pairs,
                                 int64_t operands) {
  for (int64_t operand : {pairs.getSequences(), pairs.getPositions(),
                          pairs.getKeys(), pairs.getValues()})
    if (operand < 0 || operand >= operands) // C3
      return op->emitOpError("expects pairs of operands below ")
             << operands << ", got " << operand;
  for (int64_t number : {pairs.getFlops(), pairs.getWindow(),
                         pairs.getKeyBytes(), pairs.getValueBytes()})
    if (number < 0) // C3
      return op->emitOpError("expects pairs of numbers >= 0, got ") << number;
  return success();
}

LogicalResult CostOp::verify() {
  if (failed(verifySize(*this, "flops", getFlops()))) // C1
    return failure();
  for (AffineMap map : getWrites().getAsValueRange<AffineMapAttr>())
    if (failed(verifySize(*this, "writes", map))) // C1
      return failure();
  for (AffineMap map : getReads().getAsValueRange<AffineMapAttr>())
    if ((map.getNumDims() != 0 || map.getNumResults() == 0) &&
        failed(verifySize(*this, "reads", map))) // C1
      return failure();
  if (getReads().size() != getWrites().size()) // C2
    return emitOpError("expects as many reads as writes, got ")
           << getReads().size() << " and " << getWrites().size();
  if (getPairs())
    for (auto pairs : getPairs()->getAsRange<PairsAttr>())
      if (failed(verifyPairs(*this, pairs, getReads().size())))
        return failure();
  return success();
}

LogicalResult CodeOp::verify() {
  int64_t scratch = getScratchBytes();
  if (scratch < 0) // C2
    return emitOpError("expects scratch bytes >= 0, got ") << scratch;
  return verifySize(*this, "tiles", getTiles()); // C1
}

LogicalResult CodeOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyRef<TargetOp>(*this, getTargetAttr(), tables); // C3
}

LogicalResult WeightOp::verify() {
  return verifyBuffer(*this, getType(), getBytes());
}

LogicalResult StateOp::verify() {
  return verifyBuffer(*this, getType(), getBytes());
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

LogicalResult EntryOp::verify() {
  if (getPeak() && getPeak()->getNumDims() != 0) // C3
    return emitOpError("expects a peak without dimensions, got ")
           << getPeak()->getNumDims();
  return success();
}

LogicalResult EntryOp::verifyRegions() {
  Block &body = *getBody().begin();
  size_t buffers = llvm::range_size(body.getOps<BufferOp>());
  int64_t previous = 0;
  for (auto plan : body.getOps<PlanOp>()) {
    if (plan.getOffsets().size() != buffers) // C1
      return plan.emitOpError("expects an offset for each of the ")
             << buffers << " buffers, got " << plan.getOffsets().size();
    if (static_cast<int64_t>(plan.getArenaBytes()) < previous) // C2
      return plan.emitOpError("expects an arena of at least ")
             << previous << " bytes, that of the plan before, got "
             << plan.getArenaBytes();
    previous = plan.getArenaBytes();
  }
  return success();
}

LogicalResult BufferOp::verify() {
  return verifyBuffer(*this, getType(), getBytes());
}

LogicalResult InputOp::verify() {
  if (!getLimit() ||
      (getLimit()->getNumDims() == 0 && getLimit()->getNumResults() > 0))
    return success();
  return verifySize(*this, "limit", *getLimit()); // C1
}

/// Checks that \p name is a buffer of the entry and of \p kind.
static LogicalResult verifyBinding(Operation *op, FlatSymbolRefAttr name,
                                   BufferKind kind,
                                   SymbolTableCollection &tables) {
  BufferOp buffer = findBuffer(op, name, tables);
  if (!buffer)
    return failure();
  if (buffer.getKind() != kind)
    return op->emitOpError("expects a buffer of kind ")
           << stringifyBufferKind(kind) << ", got "
           << stringifyBufferKind(buffer.getKind());
  return success();
}

LogicalResult InputOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyBinding(*this, getBufferAttr(), BufferKind::Input, tables); // C2
}

LogicalResult OutputOp::verifySymbolUses(SymbolTableCollection &tables) {
  return verifyBinding(*this, getBufferAttr(), BufferKind::Output,
                       tables); // C1
}

LogicalResult LaunchOp::verify() {
  if (getVariants().empty()) // C1
    return emitOpError("expects at least one variant");
  auto last = cast<VariantAttr>(getVariants()[getVariants().size() - 1]);
  int64_t skipped = getSkippedTo().value_or(-1);
  if (skipped >= last.getMaximum()) // C3
    return emitOpError("expects to run for some value of ")
           << last.getSymbol() << ", got skipped to " << skipped << " of "
           << last.getMaximum();
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &tables) {
  for (auto variant : getVariants().getAsRange<VariantAttr>()) // C2
    if (failed(verifyRef<KernelOp>(*this, variant.getKernel(), tables)) ||
        failed(verifyRef<SymbolOp>(*this, variant.getSymbol(), tables)))
      return failure();
  for (auto buffer : getBuffers().getAsRange<FlatSymbolRefAttr>())
    if (!findBuffer(*this, buffer, tables))
      return failure();
  return success();
}

LogicalResult CopyOp::verifySymbolUses(SymbolTableCollection &tables) {
  BufferOp source = findBuffer(*this, getSourceAttr(), tables);
  BufferOp target = findBuffer(*this, getTargetAttr(), tables);
  if (!source || !target)
    return failure();
  if (source.getBytes() != target.getBytes()) // C1
    return emitOpError("expects buffers of equal size, got ")
           << source.getBytesAttr() << " and " << target.getBytesAttr();
  return success();
}

LogicalResult CopyOp::canonicalize(CopyOp copy, PatternRewriter &rewriter) {
  if (copy.getSourceAttr() != copy.getTargetAttr())
    return rewriter.notifyMatchFailure(copy, "copies between two buffers");
  rewriter.eraseOp(copy);
  return success();
}

LogicalResult FillOp::verify() {
  int64_t value = getValue();
  if (value < 0 || value > 255) // C1
    return emitOpError("expects a byte in [0, 255], got ") << value;
  return success();
}

LogicalResult FillOp::verifySymbolUses(SymbolTableCollection &tables) {
  return success(findBuffer(*this, getTargetAttr(), tables)); // C2
}

LogicalResult PlanOp::verify() {
  int64_t arena = getArenaBytes(), live = getLiveBytes();
  bool negative =
      llvm::any_of(getOffsets(), [](int64_t offset) { return offset < 0; });
  if (live < 0 || live > arena || negative) // C1
    return emitOpError("expects 0 <= live bytes <= arena bytes and offsets >= "
                       "0, got ")
           << live << " live bytes in an arena of " << arena;
  return success();
}
