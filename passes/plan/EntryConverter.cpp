//===- EntryConverter.cpp - One entry in the rt dialect -------------------===//
//
// Each result of a launch has a buffer of its own, but for tied results, which
// take the place of their operand. That is right only while nothing reads the
// operand afterwards, so this is where copies are inserted.
//
//===----------------------------------------------------------------------===//

#include "passes/plan/EntryConverter.h"

#include "passes/analysis/BufferSizes.h"
#include "passes/lowering/KernelAbi.h"

using namespace mlir;

namespace lathe {

FailureOr<EntryConverter::BufferIndex>
EntryConverter::addBuffer(Value value, StringRef name, rt::BufferKind kind) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  FailureOr<AffineMap> bytes =
      type ? sizeInBytes(type, program.symbols) : FailureOr<AffineMap>();
  if (failed(bytes) || !rt::isElementType(type.getElementType()))
    return emitError(value.getLoc(), "expects a tensor whose size the symbols "
                                     "of the module give, got ")
           << value.getType();

  std::string unique = name.empty() ? "v" : name.str();
  for (std::string base = unique; !names.insert(unique).second;)
    unique = base + "." + std::to_string(++duplicates);
  auto op = rt::BufferOp::create(buffers, value.getLoc(), unique, kind,
                                 storedType(type), *bytes);
  all.push_back({op, {value}});
  bufferOf[value] = all.size() - 1;
  return all.size() - 1;
}

/// The symbol of the module that \p attribute of an input names, as a number;
/// null without the attribute.
FailureOr<AffineExpr> EntryConverter::symbolLimit(unsigned input,
                                                  StringRef attribute) {
  auto symbol = entry.getArgAttrOfType<StringAttr>(input, attribute);
  if (!symbol)
    return AffineExpr();
  const auto *found = llvm::find(program.symbols, symbol);
  if (found == program.symbols.end())
    return entry.emitError("expects ")
           << attribute << " to name a symbol, got " << symbol;
  return getAffineSymbolExpr(found - program.symbols.begin(),
                             entry.getContext());
}

LogicalResult EntryConverter::addInput(BlockArgument argument) {
  unsigned number = argument.getArgNumber();
  auto name = entry.getArgAttrOfType<StringAttr>(number, "lathe.name");
  if (!name)
    return entry.emitError("expects input ") << number << " to have lathe.name";
  FailureOr<BufferIndex> buffer =
      addBuffer(argument, name.getValue(), rt::BufferKind::Input);
  FailureOr<AffineExpr> symbol = symbolLimit(number, "lathe.limit_symbol");
  FailureOr<AffineExpr> pages = symbolLimit(number, "lathe.limit_pages");
  if (failed(buffer) || failed(symbol) || failed(pages))
    return failure();

  MLIRContext *context = entry.getContext();
  SmallVector<AffineExpr> limits;
  if (*symbol)
    limits.push_back(*symbol);
  else if (auto constant =
               entry.getArgAttrOfType<IntegerAttr>(number, "lathe.limit"))
    limits.push_back(getAffineConstantExpr(constant.getInt(), context));
  if (*pages)
    limits.push_back(*pages * kPagePositions);
  AffineMapAttr map;
  if (!limits.empty())
    map = AffineMapAttr::get(
        AffineMap::get(0, program.symbols.size(), limits, context));
  rt::InputOp::create(bindings, argument.getLoc(), name, refTo(*buffer), map);
  return success();
}

LogicalResult EntryConverter::addSymbolValue(Operation *op,
                                             FlatSymbolRefAttr symbol,
                                             rt::BufferKind kind) {
  Value value = op->getResult(0);
  auto known = bufferOfSymbol.find(symbol);
  if (known != bufferOfSymbol.end()) {
    // A second reader of a state sees what the first one saw only if nothing
    // has been written meanwhile.
    Buffer &buffer = all[known->second];
    if (llvm::any_of(buffer.values, [](Value other) {
          return isa_and_nonnull<func::CallOp>(other.getDefiningOp());
        }))
      return op->emitError("expects the state to be read before it changes");
    buffer.values.push_back(value);
    bufferOf[value] = known->second;
    return success();
  }
  names.erase(symbol.getValue());
  FailureOr<BufferIndex> buffer = addBuffer(value, symbol.getValue(), kind);
  if (failed(buffer))
    return failure();
  bufferOfSymbol[symbol] = *buffer;
  auto &used = kind == rt::BufferKind::State ? program.states : program.weights;
  used.insert(table.lookup(symbol.getAttr()));
  return success();
}

bool EntryConverter::isReadAfter(const Buffer &buffer, Operation *op) const {
  return llvm::any_of(buffer.values, [&](Value value) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      return op->isBeforeInBlock(user);
    });
  });
}

/// Whether \p value, or what updates it in place, becomes the value of the
/// state that lies in buffer \p state.
bool EntryConverter::keepsState(Value value, BufferIndex state) const {
  for (unsigned step = 0; step < 1024; ++step) {
    Value next;
    for (OpOperand &use : value.getUses()) {
      if (auto set = dyn_cast<SetStateOp>(use.getOwner()))
        return bufferOfSymbol.lookup(set.getSymbolAttr()) == state;
      auto call = dyn_cast<func::CallOp>(use.getOwner());
      auto kernel =
          call ? table.lookup<func::FuncOp>(call.getCallee()) : func::FuncOp();
      for (unsigned number = 0; kernel && number < call.getNumResults();
           ++number) {
        auto tied = kernel.getResultAttrOfType<IntegerAttr>(number, kTiedAttr);
        if (tied && tied.getInt() == use.getOperandNumber())
          next = call.getResult(number);
      }
    }
    if (!next)
      return false;
    value = next;
  }
  return false;
}

void EntryConverter::copy(Location loc, BufferIndex source,
                          BufferIndex target) {
  rt::CopyOp::create(commands, loc, refTo(source), refTo(target));
}

rt::BufferKind EntryConverter::kindOfResult(OpResult result) const {
  bool isReturned =
      llvm::any_of(result.getUsers(), llvm::IsaPred<func::ReturnOp>);
  return isReturned ? rt::BufferKind::Output : rt::BufferKind::Temporary;
}

FailureOr<EntryConverter::BufferIndex>
EntryConverter::placeTied(func::CallOp call, unsigned number,
                          unsigned operand) {
  OpResult result = call->getOpResult(number);
  BufferIndex old = bufferOf.lookup(call.getOperand(operand));
  rt::BufferKind kind = all[old].op.getKind();
  bool mayChange = kind == rt::BufferKind::Temporary ||
                   kind == rt::BufferKind::Output ||
                   (kind == rt::BufferKind::State && keepsState(result, old));
  if (mayChange && !isReadAfter(all[old], call) &&
      kindOfResult(result) == rt::BufferKind::Temporary) {
    all[old].values.push_back(result);
    bufferOf[result] = old;
    return old;
  }
  FailureOr<BufferIndex> fresh = placeResult(call, number);
  if (succeeded(fresh))
    copy(call.getLoc(), old, *fresh);
  return fresh;
}

FailureOr<EntryConverter::BufferIndex>
EntryConverter::placeResult(func::CallOp call, unsigned number) {
  OpResult result = call->getOpResult(number);
  auto resultNames = call->getAttrOfType<ArrayAttr>("lathe.results");
  StringAttr name;
  if (resultNames && number < resultNames.size())
    name = dyn_cast<StringAttr>(resultNames[number]);
  return addBuffer(result, name ? name.getValue() : StringRef(),
                   kindOfResult(result));
}

LogicalResult EntryConverter::convertCall(func::CallOp call) {
  auto kernel = table.lookup<func::FuncOp>(call.getCallee());
  if (!kernel || !kernel->hasAttr(kKernelAttr))
    return call.emitError("expects the callee to be a kernel");

  SmallVector<Attribute> places;
  SmallVector<std::optional<BufferIndex>> moved(call.getNumOperands());
  SmallVector<BufferIndex> untied;
  SmallVector<BufferIndex> operands;
  for (Value operand : call.getOperands())
    operands.push_back(bufferOf.lookup(operand));
  for (unsigned number = 0; number < call.getNumResults(); ++number) {
    auto tied = kernel.getResultAttrOfType<IntegerAttr>(number, kTiedAttr);
    FailureOr<BufferIndex> buffer = tied
                                        ? placeTied(call, number, tied.getInt())
                                        : placeResult(call, number);
    if (failed(buffer))
      return failure();
    if (tied)
      operands[tied.getInt()] = *buffer;
    else
      untied.push_back(*buffer);
  }
  for (BufferIndex index : llvm::concat<BufferIndex>(operands, untied))
    places.push_back(refTo(index));

  auto name = call->getAttrOfType<StringAttr>("lathe.name");
  rt::LaunchOp::create(commands, call.getLoc(),
                       name ? name : kernel.getSymNameAttr(),
                       variantsOf(call, kernel), commands.getArrayAttr(places),
                       call->getAttrOfType<IntegerAttr>(kSkippedAttr));
  return success();
}

/// The variants of \p call, of which \p kernel serves what the others do not.
ArrayAttr EntryConverter::variantsOf(func::CallOp call,
                                     func::FuncOp kernel) const {
  SmallVector<Attribute> variants;
  FlatSymbolRefAttr symbol;
  if (auto few = call->getAttrOfType<ArrayAttr>(kVariantsAttr)) {
    llvm::append_range(variants, few);
    symbol = cast<rt::VariantAttr>(few[0]).getSymbol();
  } else {
    SmallVector<StringAttr> symbols = kernelSymbols(kernel);
    symbol = FlatSymbolRefAttr::get(symbols.empty() ? program.symbols.front()
                                                    : symbols.front());
  }
  if (auto skipped = call->getAttrOfType<StringAttr>(kSkippedSymbolAttr))
    symbol = FlatSymbolRefAttr::get(skipped);
  // The last bound is that of the symbol.
  const auto *found = llvm::find(program.symbols, symbol.getAttr());
  variants.push_back(rt::VariantAttr::get(
      call.getContext(), FlatSymbolRefAttr::get(kernel.getSymNameAttr()),
      symbol, program.maxima[found - program.symbols.begin()]));
  return ArrayAttr::get(call.getContext(), variants);
}

LogicalResult EntryConverter::convertSetState(SetStateOp set) {
  auto state = bufferOfSymbol.find(set.getSymbolAttr());
  if (state == bufferOfSymbol.end())
    return set.emitError("expects the entry to read the state that it sets");
  BufferIndex source = bufferOf.lookup(set.getValue());
  if (source == state->second)
    return success();
  if (isReadAfter(all[state->second], set))
    return set.emitError("expects no read of the state's old value after this");
  copy(set.getLoc(), source, state->second);
  return success();
}

LogicalResult EntryConverter::convertReturn(func::ReturnOp op) {
  llvm::SmallDenseSet<BufferIndex> bound;
  for (auto [number, value] : llvm::enumerate(op.getOperands())) {
    auto name = entry.getResultAttrOfType<StringAttr>(number, "lathe.name");
    if (!name)
      return entry.emitError("expects output ")
             << number << " to have lathe.name";
    BufferIndex buffer = bufferOf.lookup(value);
    bool isOwn = all[buffer].op.getKind() == rt::BufferKind::Output &&
                 bound.insert(buffer).second;
    if (!isOwn) {
      FailureOr<BufferIndex> output =
          addBuffer(value, name.getValue(), rt::BufferKind::Output);
      if (failed(output))
        return failure();
      copy(op.getLoc(), buffer, *output);
      bufferOf[value] = buffer;
      buffer = *output;
    }
    rt::OutputOp::create(bindings, op.getLoc(), name, refTo(buffer));
  }
  return success();
}

LogicalResult EntryConverter::convertOp(Operation &op) {
  if (auto get = dyn_cast<GetOp>(op))
    return addSymbolValue(get, get.getSymbolAttr(), rt::BufferKind::Weight);
  if (auto get = dyn_cast<GetStateOp>(op))
    return addSymbolValue(get, get.getSymbolAttr(), rt::BufferKind::State);
  if (auto set = dyn_cast<SetStateOp>(op))
    return convertSetState(set);
  if (auto call = dyn_cast<func::CallOp>(op))
    return convertCall(call);
  if (auto returned = dyn_cast<func::ReturnOp>(op))
    return convertReturn(returned);
  return op.emitError("expects an entry of launches, got '")
         << op.getName() << "'";
}

LogicalResult EntryConverter::convert() {
  OpBuilder builder(entry);
  auto converted = rt::EntryOp::create(builder, entry.getLoc(),
                                       entry.getSymName(), AffineMapAttr());
  Block *body = builder.createBlock(&converted.getBody());
  // Two marks keep the three lists apart while all of them grow.
  OpBuilder marks = OpBuilder::atBlockEnd(body);
  auto mark = [&] {
    return rt::FillOp::create(marks, entry.getLoc(), "mark", 0);
  };
  Operation *endOfBuffers = mark(), *endOfBindings = mark();
  buffers.setInsertionPoint(endOfBuffers);
  bindings.setInsertionPoint(endOfBindings);
  commands.setInsertionPointToEnd(body);

  // A weight or state must be able to bear its own name.
  entry.walk([&](Operation *op) {
    if (isa<GetOp, GetStateOp>(op))
      names.insert(op->getAttrOfType<FlatSymbolRefAttr>("symbol").getValue());
  });
  for (BlockArgument argument : entry.getArguments())
    if (failed(addInput(argument)))
      return failure();
  for (Operation &op : entry.getBody().front())
    if (failed(convertOp(op)))
      return failure();

  endOfBuffers->erase();
  endOfBindings->erase();
  entry.erase();
  return success();
}

} // namespace lathe
