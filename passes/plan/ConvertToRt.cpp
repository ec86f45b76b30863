//===- ConvertToRt.cpp - Turn entries of launches into the rt dialect -----===//
//
// Values become buffers: each result of a launch has one of its own, but for
// tied results, which take the place of their operand. That is right only while
// nothing reads the operand afterwards, so this is where copies are inserted.
// Memory is given to buffers later, by lathe-plan-memory.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/Lathe.h"
#include "dialects/rt/Rt.h"
#include "passes/analysis/BufferSizes.h"
#include "passes/lowering/KernelAbi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_CONVERTTORT
#include "passes/Passes.h.inc"

namespace {

/// What the conversion of every entry needs to know of the module.
struct Program {
  SmallVector<StringAttr> symbols;
  SmallVector<int64_t> maxima;
  /// Parameters and states that entries read, in the order of their first use.
  llvm::SetVector<Operation *> weights, states;
};

/// Converts one entry.
class EntryConverter {
public:
  EntryConverter(func::FuncOp entry, Program &program, SymbolTable &table)
      : entry(entry), program(program), table(table),
        buffers(entry.getContext()), commands(entry.getContext()),
        bindings(entry.getContext()) {}

  LogicalResult convert();

private:
  /// A buffer, and the values that have lain in it.
  struct Buffer {
    rt::BufferOp op;
    SmallVector<Value, 2> values;
  };
  using BufferIndex = unsigned;

  FailureOr<BufferIndex> addBuffer(Value value, StringRef name,
                                   rt::BufferKind kind);
  LogicalResult addInput(BlockArgument argument);
  LogicalResult addSymbolValue(Operation *op, FlatSymbolRefAttr symbol,
                               rt::BufferKind kind);
  LogicalResult convertCall(func::CallOp call);
  FailureOr<BufferIndex> placeResult(func::CallOp call, unsigned number);
  FailureOr<BufferIndex> placeTied(func::CallOp call, unsigned number,
                                   unsigned operand);
  LogicalResult convertSetState(SetStateOp set);
  LogicalResult convertReturn(func::ReturnOp op);
  LogicalResult convertOp(Operation &op);
  bool isReadAfter(const Buffer &buffer, Operation *op) const;
  bool keepsState(Value value, BufferIndex state) const;
  void copy(Location loc, BufferIndex source, BufferIndex target);
  rt::BufferKind kindOfResult(OpResult result) const;
  FlatSymbolRefAttr refTo(BufferIndex index) {
    return FlatSymbolRefAttr::get(all[index].op.getSymNameAttr());
  }

  func::FuncOp entry;
  Program &program;
  SymbolTable &table;
  /// Three places in the rt.entry: buffers, then bindings, then commands.
  OpBuilder buffers, commands, bindings;
  SmallVector<Buffer> all;
  DenseMap<Value, BufferIndex> bufferOf;
  DenseMap<Attribute, BufferIndex> bufferOfSymbol;
  llvm::StringSet<> names;
  unsigned duplicates = 0;
};

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
  auto op =
      rt::BufferOp::create(buffers, value.getLoc(), unique, kind, type, *bytes);
  all.push_back({op, {value}});
  bufferOf[value] = all.size() - 1;
  return all.size() - 1;
}

LogicalResult EntryConverter::addInput(BlockArgument argument) {
  unsigned number = argument.getArgNumber();
  auto name = entry.getArgAttrOfType<StringAttr>(number, "lathe.name");
  if (!name)
    return entry.emitError("expects input ") << number << " to have lathe.name";
  FailureOr<BufferIndex> buffer =
      addBuffer(argument, name.getValue(), rt::BufferKind::Input);
  if (failed(buffer))
    return failure();

  MLIRContext *context = entry.getContext();
  AffineExpr limit;
  if (auto number64 =
          entry.getArgAttrOfType<IntegerAttr>(number, "lathe.limit"))
    limit = getAffineConstantExpr(number64.getInt(), context);
  if (auto symbol =
          entry.getArgAttrOfType<StringAttr>(number, "lathe.limit_symbol")) {
    const auto *found = llvm::find(program.symbols, symbol);
    if (found == program.symbols.end())
      return entry.emitError(
                 "expects lathe.limit_symbol to name a symbol, got ")
             << symbol;
    limit = getAffineSymbolExpr(found - program.symbols.begin(), context);
  }
  SmallVector<AffineExpr> limits;
  if (limit)
    limits.push_back(limit);
  if (auto pages =
          entry.getArgAttrOfType<StringAttr>(number, "lathe.limit_pages")) {
    const auto *found = llvm::find(program.symbols, pages);
    if (found == program.symbols.end())
      return entry.emitError("expects lathe.limit_pages to name a symbol, got ")
             << pages;
    limits.push_back(
        getAffineSymbolExpr(found - program.symbols.begin(), context) *
        kPagePositions);
  }
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

  // One kernel serves every size; the variant's bound is that of the symbol.
  SmallVector<StringAttr> symbols = kernelSymbols(kernel);
  const auto *found = symbols.empty()
                          ? program.symbols.begin()
                          : llvm::find(program.symbols, symbols.front());
  auto variant = rt::VariantAttr::get(
      call.getContext(), FlatSymbolRefAttr::get(kernel.getSymNameAttr()),
      FlatSymbolRefAttr::get(*found),
      program.maxima[found - program.symbols.begin()]);
  auto name = call->getAttrOfType<StringAttr>("lathe.name");
  rt::LaunchOp::create(
      commands, call.getLoc(), name ? name : kernel.getSymNameAttr(),
      commands.getArrayAttr({variant}), commands.getArrayAttr(places));
  return success();
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

//===----------------------------------------------------------------------===//
// The module around the entries
//===----------------------------------------------------------------------===//

/// The numbers of \p attr, an array attribute of either kind.
SmallVector<int64_t> toNumbers(Attribute attr) {
  if (auto dense = dyn_cast_or_null<DenseI64ArrayAttr>(attr))
    return SmallVector<int64_t>(dense.asArrayRef());
  SmallVector<int64_t> numbers;
  if (auto array = dyn_cast_or_null<ArrayAttr>(attr))
    for (auto number : array.getAsRange<IntegerAttr>())
      numbers.push_back(number.getInt());
  return numbers;
}

void convertModel(ModuleOp module, OpBuilder &builder) {
  auto about = module->getAttrOfType<DictionaryAttr>("lathe.model");
  if (!about)
    about = builder.getDictionaryAttr({});
  auto number = [&](StringRef name, int64_t fallback) {
    auto attr = about.getAs<IntegerAttr>(name);
    return attr ? attr.getInt() : fallback;
  };
  auto text = [&](StringRef name) {
    auto attr = about.getAs<StringAttr>(name);
    return attr ? attr.getValue() : StringRef();
  };
  rt::ModelOp::create(builder, module.getLoc(), text("family"),
                      number("context", 0), number("vocabulary", 0),
                      toNumbers(about.get("bos_ids")),
                      toNumbers(about.get("eos_ids")), number("pad_id", -1),
                      number("embed_tokens", 0), text("generation_config"),
                      number("page_positions", 0));
  rt::ProvenanceOp::create(builder, module.getLoc(), "lathe", "", "");
  module->removeAttr("lathe.model");
}

Program convertSymbols(ModuleOp module, OpBuilder &builder) {
  Program program;
  for (auto symbol : module.getOps<lathe::SymbolOp>()) {
    program.symbols.push_back(symbol.getSymNameAttr());
    program.maxima.push_back(symbol.getMaximum());
    rt::SymbolOp::create(builder, symbol.getLoc(), symbol.getSymName(),
                         symbol.getMinimum(), symbol.getMaximum(),
                         symbol.getFixedAtLoad());
  }
  // Launches choose their kernel by a symbol, so there always is one.
  if (program.symbols.empty()) {
    program.symbols.push_back(builder.getStringAttr("one"));
    program.maxima.push_back(1);
    rt::SymbolOp::create(builder, module.getLoc(), "one", 1, 1,
                         /*fixed_at_load=*/true);
  }
  return program;
}

template <typename OpT>
LogicalResult declare(OpBuilder &builder, Operation *symbol,
                      const Program &program) {
  auto type = cast<RankedTensorType>(
      symbol->getAttrOfType<TypeAttr>("type").getValue());
  FailureOr<AffineMap> bytes = sizeInBytes(type, program.symbols);
  if (failed(bytes))
    return symbol->emitError("expects a tensor whose size the symbols of the "
                             "module give, got ")
           << type;
  OpT::create(builder, symbol->getLoc(), SymbolTable::getSymbolName(symbol),
              type, *bytes);
  return success();
}

/// Adds to \p kept, which has the ops that entries read, what those come from.
void addSources(llvm::SetVector<Operation *> &kept, SymbolTable &table) {
  for (size_t index = 0; index < kept.size(); ++index)
    kept[index]->walk([&](GetOp get) {
      if (Operation *source = table.lookup(get.getSymbol()))
        kept.insert(source);
    });
}

struct ConvertToRt : impl::ConvertToRtBase<ConvertToRt> {
  void runOnOperation() override {
    if (failed(convert(getOperation())))
      signalPassFailure();
  }

  static LogicalResult convert(ModuleOp module) {
    SmallVector<func::FuncOp> entries, kernels;
    for (auto function : module.getOps<func::FuncOp>())
      (function->hasAttr(kKernelAttr) ? kernels : entries).push_back(function);
    for (func::FuncOp entry : entries)
      if (entry.isExternal() || !entry.getBody().hasOneBlock())
        return entry.emitError("expects an entry of one block");

    SymbolTable table(module);
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    convertModel(module, builder);
    Program program = convertSymbols(module, builder);
    // An entry that is the first op of the module is where the builder stands,
    // and goes away.
    Operation *last = &*std::prev(builder.getInsertionPoint());
    for (func::FuncOp entry : entries)
      if (failed(EntryConverter(entry, program, table).convert()))
        return failure();
    builder.setInsertionPointAfter(last);
    declareKernels(builder, kernels);
    for (Operation *weight : program.weights)
      if (failed(declare<rt::WeightOp>(builder, weight, program)))
        return failure();
    for (Operation *state : program.states)
      if (failed(declare<rt::StateOp>(builder, state, program)))
        return failure();
    moveSources(module, program, kernels, table);
    return success();
  }

  static void declareKernels(OpBuilder &builder,
                             ArrayRef<func::FuncOp> kernels) {
    for (func::FuncOp kernel : kernels) {
      SmallVector<Attribute> scalars;
      for (StringAttr symbol : kernelSymbols(kernel))
        scalars.push_back(FlatSymbolRefAttr::get(symbol));
      auto declared =
          rt::KernelOp::create(builder, kernel.getLoc(), kernel.getSymName(),
                               builder.getArrayAttr(scalars));
      declared.getBody().emplaceBlock();
    }
  }

  /// Moves kernels, and what weights come from, to modules of their own, where
  /// their names do not meet those of the rt ops. Drops the other parameters.
  static void moveSources(ModuleOp module, Program &program,
                          ArrayRef<func::FuncOp> kernels, SymbolTable &table) {
    addSources(program.weights, table);
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    auto weightsModule =
        ModuleOp::create(builder, module.getLoc(), rt::kWeightsModule);
    auto kernelsModule =
        ModuleOp::create(builder, module.getLoc(), rt::kKernelsModule);
    for (func::FuncOp kernel : kernels)
      kernel->moveBefore(kernelsModule.getBody(),
                         kernelsModule.getBody()->end());
    for (Operation &op : llvm::make_early_inc_range(*module.getBody())) {
      if (program.weights.contains(&op))
        op.moveBefore(weightsModule.getBody(), weightsModule.getBody()->end());
      else if (isa<lathe::SymbolOp, ParameterOp, DerivedOp, StateOp>(op))
        op.erase();
    }
  }
};

} // namespace
} // namespace lathe
