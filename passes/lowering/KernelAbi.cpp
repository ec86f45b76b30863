//===- KernelAbi.cpp - Frame of a kernel in machine terms -----------------===//

#include "passes/lowering/KernelAbi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace lathe {

/// LATHE_SCRATCH_HEADER of runtime/abi/KernelAbi.h.
static constexpr int64_t kScratchHeaderBytes = 64;

bool isUnloweredKernel(func::FuncOp function) {
  return function->hasAttr(kKernelAttr) && !function->hasAttr(kTilesAttr) &&
         !function.isExternal();
}

SmallVector<StringAttr> kernelSymbols(func::FuncOp kernel) {
  SmallVector<StringAttr> symbols;
  if (auto names = kernel->getAttrOfType<ArrayAttr>(kSymbolsAttr)) {
    for (Attribute name : names)
      symbols.push_back(cast<StringAttr>(name));
    return symbols;
  }
  FunctionType type = kernel.getFunctionType();
  for (Type part :
       llvm::concat<const Type>(type.getInputs(), type.getResults())) {
    auto tensor = dyn_cast<RankedTensorType>(part);
    auto dims =
        tensor ? dyn_cast_or_null<DimsAttr>(tensor.getEncoding()) : DimsAttr();
    if (!dims)
      continue;
    for (StringAttr name : dims.getNames())
      if (!llvm::is_contained(symbols, name))
        symbols.push_back(name);
  }
  return symbols;
}

/// Loads field \p index of an array of 64-bit fields. What the frame reads
/// does not change while the kernel runs.
static Value loadField(OpBuilder &builder, Location loc, Value array,
                       int64_t index, Type type) {
  Value field =
      buildElementPtr(builder, loc, array, builder.getI64Type(), index);
  return LLVM::LoadOp::create(builder, loc, type, field, /*alignment=*/8,
                              /*isVolatile=*/false, /*isNonTemporal=*/false,
                              /*isInvariant=*/true);
}

KernelFrame KernelFrame::open(func::FuncOp kernel) {
  KernelFrame frame;
  MLIRContext *context = kernel.getContext();
  Location loc = kernel.getLoc();
  frame.kernel = kernel;
  frame.original = cast<func::FuncOp>(kernel->clone());
  frame.symbols = kernelSymbols(kernel);

  // Results that are tied have no buffer of their own.
  unsigned slots = kernel.getNumArguments();
  for (unsigned i = 0; i < kernel.getNumResults(); ++i) {
    auto tied = kernel.getResultAttrOfType<IntegerAttr>(i, kTiedAttr);
    frame.resultSlots.push_back(tied ? tied.getInt() : slots++);
  }

  Type pointer = LLVM::LLVMPointerType::get(context);
  Type i64 = IntegerType::get(context, 64);
  Type i32 = IntegerType::get(context, 32);
  kernel.getBody().dropAllReferences();
  kernel.getBody().getBlocks().clear();
  kernel.removeArgAttrsAttr();
  kernel.removeResAttrsAttr();
  kernel.setFunctionType(
      FunctionType::get(context, {pointer, pointer, i64, i64}, {i32}));
  Block *entry = kernel.addEntryBlock();
  frame.scratchBase = entry->getArgument(1);
  frame.firstTile = entry->getArgument(2);
  frame.lastTile = entry->getArgument(3);

  frame.body = std::make_unique<OpBuilder>(OpBuilder::atBlockBegin(entry));
  OpBuilder &builder = *frame.body;
  Value args = entry->getArgument(0);
  Value bases = loadField(builder, loc, args, 1, pointer);
  Value scalars = loadField(builder, loc, args, 2, pointer);
  frame.launchNumber = loadField(builder, loc, args, 3, i64);
  frame.scratchHeader =
      buildElementPtr(builder, loc, frame.scratchBase, builder.getI8Type(),
                      -kScratchHeaderBytes);
  for (unsigned slot = 0; slot < slots; ++slot)
    frame.buffers.push_back(loadField(builder, loc, bases, slot, pointer));
  for (unsigned i = 0; i < frame.symbols.size(); ++i)
    frame.symbolValues.push_back(loadField(builder, loc, scalars, i, i64));

  // Sizes are needed everywhere: their constants stand in the entry block.
  auto noteSizes = [&](TypeRange types) {
    for (Type type : types)
      if (auto tensor = dyn_cast<RankedTensorType>(type))
        for (int64_t size : tensor.getShape())
          if (!ShapedType::isDynamic(size))
            frame.constants.try_emplace(size);
  };
  noteSizes(frame.source().getArgumentTypes());
  noteSizes(frame.source().getResultTypes());
  frame.source()->walk([&](Operation *op) {
    noteSizes(op->getOperandTypes());
    noteSizes(op->getResultTypes());
  });
  SmallVector<int64_t> sizes;
  for (const auto &constant : frame.constants)
    sizes.push_back(constant.first);
  llvm::sort(sizes);
  for (int64_t size : sizes)
    frame.constants[size] = buildIndex(builder, loc, size);
  return frame;
}

Value KernelFrame::buffer(BlockArgument sourceArgument) const {
  assert(sourceArgument.getOwner() == &source().getBody().front() &&
         "not an argument of the kernel");
  return buffers[sourceArgument.getArgNumber()];
}

Value KernelFrame::resultBuffer(unsigned index) const {
  return buffers[resultSlots[index]];
}

Value KernelFrame::size(RankedTensorType type, int64_t dim) const {
  if (type.isDynamicDim(dim))
    return symbol(symbolOfDim(type, dim));
  Value constant = constants.lookup(type.getDimSize(dim));
  assert(constant && "not a size of the kernel");
  return constant;
}

Value KernelFrame::symbol(StringRef name) const {
  for (auto [symbol, value] : llvm::zip_equal(symbols, symbolValues))
    if (symbol.getValue() == name)
      return value;
  llvm_unreachable("not a symbol of the kernel");
}

AffineExpr KernelFrame::sizeExpr(RankedTensorType type, int64_t dim) const {
  MLIRContext *context = type.getContext();
  if (!type.isDynamicDim(dim))
    return getAffineConstantExpr(type.getDimSize(dim), context);
  StringRef name = symbolOfDim(type, dim);
  for (auto [index, symbol] : llvm::enumerate(symbols))
    if (symbol.getValue() == name)
      return getAffineSymbolExpr(index, context);
  llvm_unreachable("not a symbol of the kernel");
}

void KernelFrame::close(AffineExpr tiles, int64_t scratchBytes) {
  OpBuilder &builder = *body;
  Location loc = kernel.getLoc();
  Value ok =
      arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(0));
  func::ReturnOp::create(builder, loc, ok);
  AffineMap map = AffineMap::get(/*dimCount=*/0, symbols.size(), tiles);
  kernel->setAttr(kTilesAttr, AffineMapAttr::get(map));
  kernel->setAttr(kScratchAttr, builder.getI64IntegerAttr(scratchBytes));
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value buildIndex(OpBuilder &builder, Location loc, int64_t value) {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getI64IntegerAttr(value));
}

Value buildElementPtr(OpBuilder &builder, Location loc, Value base,
                      Type element, Value index) {
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  return LLVM::GEPOp::create(builder, loc, pointer, element, base,
                             ArrayRef<LLVM::GEPArg>{index});
}

Value buildElementPtr(OpBuilder &builder, Location loc, Value base,
                      Type element, int64_t index) {
  // An llvm.getelementptr holds constants of 32 bits only.
  if (index != int32_t(index))
    return buildElementPtr(builder, loc, base, element,
                           buildIndex(builder, loc, index));
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  return LLVM::GEPOp::create(builder, loc, pointer, element, base,
                             ArrayRef<LLVM::GEPArg>{int32_t(index)});
}

/// Bytes of an element of \p type, a number or a vector.
static unsigned elementAlignment(Type type) {
  return getElementTypeOrSelf(type).getIntOrFloatBitWidth() / 8;
}

Value buildLoad(OpBuilder &builder, Location loc, Type type, Value pointer) {
  return LLVM::LoadOp::create(builder, loc, type, pointer,
                              elementAlignment(type));
}

void buildStore(OpBuilder &builder, Location loc, Value value, Value pointer) {
  LLVM::StoreOp::create(builder, loc, value, pointer,
                        elementAlignment(value.getType()));
}

Value buildPrefixMask(OpBuilder &builder, Location loc, int64_t lanes,
                      Value count) {
  auto type = VectorType::get(lanes, builder.getI32Type());
  SmallVector<int32_t> numbers(lanes);
  for (int64_t lane = 0; lane < lanes; ++lane)
    numbers[lane] = lane;
  Value lane = arith::ConstantOp::create(
      builder, loc, DenseIntElementsAttr::get(type, numbers));
  // Clamped first: a count past 2^31 must not wrap around.
  Value bound = arith::MinSIOp::create(builder, loc, count,
                                       buildIndex(builder, loc, lanes));
  bound =
      arith::MaxSIOp::create(builder, loc, bound, buildIndex(builder, loc, 0));
  bound = arith::TruncIOp::create(builder, loc, builder.getI32Type(), bound);
  Value bounds = vector::BroadcastOp::create(builder, loc, type, bound);
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, lane,
                               bounds);
}

Value buildMaskedLoad(OpBuilder &builder, Location loc, VectorType type,
                      Value pointer, Value mask) {
  Value zero =
      arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  return LLVM::MaskedLoadOp::create(builder, loc, type, pointer, mask, zero,
                                    elementAlignment(type));
}

void buildMaskedStore(OpBuilder &builder, Location loc, Value value,
                      Value pointer, Value mask) {
  LLVM::MaskedStoreOp::create(builder, loc, value, pointer, mask,
                              elementAlignment(value.getType()));
}

Value buildWiden(OpBuilder &builder, Location loc, Value value) {
  Type type = value.getType();
  Type element = getElementTypeOrSelf(type);
  auto like = [&](Type other) -> Type {
    auto vector = dyn_cast<VectorType>(type);
    return vector ? Type(vector.clone(other)) : other;
  };
  if (element.isF32())
    return value;
  if (element.isF16())
    return arith::ExtFOp::create(builder, loc, like(builder.getF32Type()),
                                 value);
  assert(element.isBF16() && "no other storage type is widened");
  Type i32 = like(builder.getI32Type());
  Value bits =
      arith::BitcastOp::create(builder, loc, like(builder.getI16Type()), value);
  bits = arith::ExtUIOp::create(builder, loc, i32, bits);
  Value sixteen = arith::ConstantOp::create(
      builder, loc,
      isa<VectorType>(type)
          ? TypedAttr(DenseElementsAttr::get(cast<ShapedType>(i32),
                                             builder.getI32IntegerAttr(16)))
          : TypedAttr(builder.getI32IntegerAttr(16)));
  bits = arith::ShLIOp::create(builder, loc, bits, sixteen);
  return arith::BitcastOp::create(builder, loc, like(builder.getF32Type()),
                                  bits);
}

} // namespace lathe
