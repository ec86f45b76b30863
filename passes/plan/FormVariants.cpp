//===- FormVariants.cpp - Kernels of their own for few rows ---------------===//
//
// A linear layer on few rows is bound by memory: what is done to its input and
// its result costs nothing beside the weights, but each launch of its own costs
// a fork and a join. So where a call has few rows one kernel does it all:
//
//     norm -> linear -> rotation and append to the cache
//     rounding -> linear -> elementwise
//
// each worker for itself what is before the sums. The launches of many rows
// stay as they are, beside it, since there a row's norm is worth sharing. Which
// of them run, the number of rows of a call says.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/Lathe.h"
#include "dialects/rt/Rt.h"
#include "passes/analysis/KernelRoots.h"
#include "passes/lowering/Contraction.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/RowBuilder.h"
#include "passes/lowering/RowShapes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

#include <numeric>

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FORMVARIANTS
#include "passes/Passes.h.inc"

namespace {

/// The kernel that \p call launches; null if it launches none.
func::FuncOp kernelOf(func::CallOp call, const SymbolTable &table) {
  auto kernel = table.lookup<func::FuncOp>(call.getCallee());
  return kernel && kernel->hasAttr(kKernelAttr) ? kernel : func::FuncOp();
}

Operation *terminatorOf(func::FuncOp kernel) {
  return kernel.getBody().front().getTerminator();
}

//===----------------------------------------------------------------------===//
// What a linear layer's kernel can take in
//===----------------------------------------------------------------------===//

/// Whether each worker may compute the result of \p kernel for itself: it is
/// rows of its own, computed from rows and nothing else.
bool isPrologue(func::FuncOp kernel) {
  if (!isRowKernel(kernel) || kernel.getNumResults() != 1)
    return false;
  bool reaches = kernel
                     .walk([](Operation *op) {
                       return isa<PoolOp, ArgmaxOp, AppendOp, RopeOp>(op)
                                  ? WalkResult::interrupt()
                                  : WalkResult::advance();
                     })
                     .wasInterrupted();
  Operation *last = terminatorOf(kernel)->getOperand(0).getDefiningOp();
  return !reaches && last && !isRowView(last);
}

/// Columns of a head that \p value, a store of a kernel of heads, is made of; 0
/// if it is not computed head by head from argument \p projection alone.
int64_t headSizeFrom(Value value, BlockArgument projection) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getRank() != 3 || firstColumnOf(value) % type.getDimSize(2) != 0)
    return 0;
  while (Operation *op = value.getDefiningOp()) {
    bool isView = isa<tensor::ExpandShapeOp, tensor::ExtractSliceOp>(op);
    if (!isView && !isa<RopeOp, RmsNormOp>(op))
      return 0;
    value = op->getOperand(0);
  }
  return value == projection ? type.getDimSize(2) : 0;
}

/// Columns of the heads that \p kernel makes of its argument \p projection, to
/// rotate them and write them to a cache; 0 if it does something else, or if no
/// number of panels is whole heads.
int64_t headSizeOf(func::FuncOp kernel, BlockArgument projection) {
  constexpr int64_t kPanelColumns = 32, kMostColumns = 256;
  int64_t size = 0;
  for (Value result : terminatorOf(kernel)->getOperands()) {
    Value source = result;
    if (auto append = result.getDefiningOp<AppendOp>())
      source =
          result == append.getNewKeys() ? append.getKey() : append.getValue();
    int64_t own = headSizeFrom(source, projection);
    if (own == 0 || (size != 0 && own != size))
      return 0;
    size = own;
  }
  return std::lcm(size, kPanelColumns) <= kMostColumns ? size : 0;
}

/// Launches that become one: `before` computes the input of `layer`, and
/// `heads` what is made of its result; both may be missing.
struct Chain {
  func::CallOp before, layer, heads;

  /// The launch that gets the variant: the last one.
  func::CallOp last() const { return heads ? heads : layer; }
};

class Finder {
public:
  explicit Finder(const SymbolTable &table) : table(table) {}

  /// The chain whose last launch is \p call; without a layer if there is none.
  Chain chainOf(func::CallOp call) const;

private:
  func::CallOp producer(Value value) const;
  func::CallOp headsProducer(func::CallOp call) const;

  const SymbolTable &table;
};

/// The launch whose result \p value is; null for other values.
func::CallOp Finder::producer(Value value) const {
  auto call = value.getDefiningOp<func::CallOp>();
  return call && kernelOf(call, table) ? call : func::CallOp();
}

/// The launch of the layer whose result alone the heads of \p call are made of,
/// if nothing else reads it.
func::CallOp Finder::headsProducer(func::CallOp call) const {
  func::FuncOp kernel = kernelOf(call, table);
  if (!isRowKernel(kernel) || kernel.getOps<AppendOp>().empty())
    return {};
  for (auto [argument, operand] :
       llvm::zip_equal(kernel.getArguments(), call.getOperands())) {
    func::CallOp source = producer(operand);
    if (!source || source.getNumResults() != 1 || !operand.hasOneUse())
      continue;
    func::FuncOp sourceKernel = kernelOf(source, table);
    LinearOp linear = linearOf(sourceKernel);
    bool isBare = linear && terminatorOf(sourceKernel)->getOperand(0) == linear;
    if (isBare && headSizeOf(kernel, argument) > 0)
      return source;
  }
  return {};
}

Chain Finder::chainOf(func::CallOp call) const {
  Chain chain;
  if (linearOf(kernelOf(call, table)))
    chain.layer = call;
  else if (func::CallOp source = headsProducer(call)) {
    chain.layer = source;
    chain.heads = call;
  }
  if (!chain.layer)
    return chain;
  LinearOp linear = linearOf(kernelOf(chain.layer, table));
  auto input = dyn_cast<BlockArgument>(linear.getInput());
  if (!input)
    return chain;
  func::CallOp before = producer(chain.layer.getOperand(input.getArgNumber()));
  if (before && isPrologue(kernelOf(before, table)))
    chain.before = before;
  return chain;
}

//===----------------------------------------------------------------------===//
// Building kernels
//===----------------------------------------------------------------------===//

/// Writes kernels on operands that are values of an entry.
class KernelWriter {
public:
  /// \p operands are the launch's, in the order of the kernel's parameters.
  KernelWriter(MLIRContext *context, ValueRange operands)
      : builder(context), unknown(builder.getUnknownLoc()), operands(operands) {
    kernel = func::FuncOp::create(unknown, "kernel",
                                  builder.getFunctionType({}, {}));
    owner = kernel;
    body = kernel.addEntryBlock();
    for (Value operand : operands) {
      Value argument = body->addArgument(operand.getType(), unknown);
      // An operand that is there twice is read as the first.
      if (!values.contains(operand))
        values.map(operand, argument);
    }
  }

  /// Adds what \p source, the kernel of \p call, computes.
  void add(func::CallOp call, func::FuncOp source);

  /// The function, returning what \p call, the last one added, returns; its
  /// tied operands are those of \p source, the kernel of \p call.
  OwningOpRef<func::FuncOp> finish(func::CallOp call, func::FuncOp source);

private:
  OpBuilder builder;
  Location unknown;
  ValueRange operands;
  func::FuncOp kernel;
  OwningOpRef<func::FuncOp> owner;
  Block *body;
  IRMapping values; ///< From those of the entry.
};

void KernelWriter::add(func::CallOp call, func::FuncOp source) {
  IRMapping inner;
  for (auto [argument, operand] :
       llvm::zip_equal(source.getArguments(), call.getOperands()))
    inner.map(argument, values.lookup(operand));
  builder.setInsertionPointToEnd(body);
  for (Operation &op : source.getBody().front().without_terminator())
    builder.clone(op, inner);
  // From here on they are these, also where they are operands of the launch.
  for (auto [result, value] :
       llvm::zip_equal(call.getResults(), terminatorOf(source)->getOperands()))
    values.map(result, inner.lookup(value));
}

OwningOpRef<func::FuncOp> KernelWriter::finish(func::CallOp call,
                                               func::FuncOp source) {
  SmallVector<Value> returned;
  for (Value result : call.getResults())
    returned.push_back(values.lookup(result));
  builder.setInsertionPointToEnd(body);
  func::ReturnOp::create(builder, unknown, returned);
  kernel.setFunctionType(builder.getFunctionType(
      body->getArgumentTypes(), ValueRange(returned).getTypes()));
  kernel.setPrivate();
  kernel->setAttr(kKernelAttr, builder.getUnitAttr());
  SmallVector<Attribute> symbols;
  for (StringAttr symbol : kernelSymbols(kernel))
    symbols.push_back(symbol);
  kernel->setAttr(kSymbolsAttr, builder.getArrayAttr(symbols));
  for (unsigned i = 0; i < source.getNumResults(); ++i) {
    auto tied = source.getResultAttrOfType<IntegerAttr>(i, kTiedAttr);
    if (!tied)
      continue;
    Value operand = call.getOperand(tied.getInt());
    int64_t place = llvm::find(operands, operand) - operands.begin();
    kernel.setResultAttr(i, kTiedAttr, builder.getI64IntegerAttr(place));
  }
  return std::move(owner);
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

class VariantFormer {
public:
  explicit VariantFormer(ModuleOp module)
      : module(module), table(module), finder(table) {}

  void run(func::FuncOp entry);

private:
  void form(const Chain &chain);
  func::FuncOp share(OwningOpRef<func::FuncOp> kernel, StringRef stem);
  void skipAbsorbed();

  ModuleOp module;
  SymbolTable table;
  Finder finder;
  /// Kernels by their text with the name "kernel".
  llvm::StringMap<func::FuncOp> shared;
  /// Launches whose results the variants of these launches compute themselves.
  llvm::MapVector<Operation *, llvm::SmallPtrSet<Operation *, 4>> absorbedBy;
  llvm::DenseMap<Operation *, StringAttr> symbolOf;
};

/// The operand list of the kernels of \p chain: those of its last launch, which
/// keep their places, then those of the others that it lacks and that no launch
/// of the chain computes.
SmallVector<Value> operandsOf(const Chain &chain) {
  SmallVector<Value> operands(chain.last().getOperands());
  for (func::CallOp call : {chain.layer, chain.before}) {
    if (!call)
      continue;
    for (Value operand : call.getOperands()) {
      bool isInner = chain.before && operand.getDefiningOp() == chain.before;
      if (!isInner && !llvm::is_contained(operands, operand))
        operands.push_back(operand);
    }
  }
  return operands;
}

func::FuncOp VariantFormer::share(OwningOpRef<func::FuncOp> kernel,
                                  StringRef stem) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  kernel->print(stream, OpPrintingFlags().useLocalScope());
  func::FuncOp &known = shared[text];
  if (known)
    return known;
  kernel->setName((stem + "_" +
                   llvm::utohexstr(llvm::xxh3_64bits(text), /*LowerCase=*/true,
                                   /*Width=*/16))
                      .str());
  known = kernel.release();
  table.insert(known);
  return known;
}

/// The name of \p kernel without the hash at its end.
StringRef stemOf(func::FuncOp kernel) {
  return kernel.getSymName().rsplit('_').first;
}

/// Whether a call may have more rows than a kernel for few takes.
bool hasManyRows(lathe::SymbolOp symbol) {
  return static_cast<int64_t>(symbol.getMaximum()) > kFewRows;
}

IntegerAttr rowLimit(MLIRContext *context) {
  return IntegerAttr::get(IntegerType::get(context, 64), kFewRows);
}

void VariantFormer::form(const Chain &chain) {
  func::CallOp last = chain.last();
  func::FuncOp layerKernel = kernelOf(chain.layer, table);
  StringRef name = symbolOfDim(linearOf(layerKernel).getInput().getType(), 0);
  auto symbol = table.lookup<lathe::SymbolOp>(name);
  MLIRContext *context = module.getContext();
  if (!symbol || symbol.getFixedAtLoad() || last->hasAttr(kVariantsAttr))
    return;
  if (!hasManyRows(symbol)) {
    layerKernel->setAttr(kRowLimitAttr, rowLimit(context));
    return;
  }

  SmallVector<Value> operands = operandsOf(chain);
  func::FuncOp lastKernel = kernelOf(last, table);
  auto build = [&](ArrayRef<func::CallOp> calls) {
    KernelWriter writer(context, operands);
    for (func::CallOp call : calls)
      writer.add(call, kernelOf(call, table));
    return writer.finish(last, lastKernel);
  };
  SmallVector<func::CallOp> calls;
  for (func::CallOp call : {chain.before, chain.layer, chain.heads})
    if (call)
      calls.push_back(call);
  OwningOpRef<func::FuncOp> few = build(calls);
  (*few)->setAttr(kRowLimitAttr, rowLimit(context));
  std::string stem = chain.before ? stemOf(kernelOf(chain.before, table)).str()
                                  : std::string();
  for (func::CallOp call : {chain.layer, chain.heads})
    if (call)
      stem += (stem.empty() ? "" : "_") + stemOf(kernelOf(call, table)).str();
  func::FuncOp fewKernel = share(std::move(few), stem + "_few");
  // The kernel for many rows takes the same operands, and reads its own.
  func::FuncOp manyKernel = lastKernel;
  if (operands.size() > last.getNumOperands())
    manyKernel = share(build({last}), stemOf(lastKernel));

  auto variant = rt::VariantAttr::get(
      context, FlatSymbolRefAttr::get(fewKernel.getSymNameAttr()),
      FlatSymbolRefAttr::get(symbol.getSymNameAttr()), kFewRows);
  last.getOperandsMutable().assign(operands);
  last.setCallee(manyKernel.getSymName());
  last->setAttr(kVariantsAttr, ArrayAttr::get(context, {variant}));
  for (func::CallOp call : ArrayRef(calls).drop_back()) {
    // What reads the layer's result, or that of what is before it.
    Operation *reader = call == chain.before ? chain.layer : chain.heads;
    absorbedBy[call].insert(reader);
    symbolOf[call] = symbol.getSymNameAttr();
  }
}

/// Lets launches alone whose every reader computes the result for itself.
void VariantFormer::skipAbsorbed() {
  OpBuilder builder(module.getContext());
  for (auto &[call, readers] : absorbedBy) {
    bool isAbsorbed = llvm::all_of(call->getUsers(), [&](Operation *user) {
      return readers.contains(user);
    });
    if (!isAbsorbed)
      continue;
    call->setAttr(kSkippedAttr, builder.getI64IntegerAttr(kFewRows));
    call->setAttr(kSkippedSymbolAttr, symbolOf[call]);
  }
  absorbedBy.clear();
}

void VariantFormer::run(func::FuncOp entry) {
  SmallVector<func::CallOp> calls;
  entry.walk([&](func::CallOp call) {
    if (kernelOf(call, table))
      calls.push_back(call);
  });
  // From the last one on: what heads are made of is no chain of its own.
  llvm::SmallPtrSet<Operation *, 16> taken;
  SmallVector<Chain> chains;
  for (func::CallOp call : llvm::reverse(calls)) {
    Chain chain = finder.chainOf(call);
    if (!chain.layer || taken.contains(chain.layer))
      continue;
    taken.insert(chain.layer);
    chains.push_back(chain);
  }
  for (const Chain &chain : llvm::reverse(chains))
    form(chain);
  skipAbsorbed();
}

struct FormVariants : impl::FormVariantsBase<FormVariants> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> entries;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && !function->hasAttr(kKernelAttr))
        entries.push_back(function);
    VariantFormer former(getOperation());
    for (func::FuncOp entry : entries)
      former.run(entry);
    eraseUnusedKernels();
  }

  /// Erases kernels that no launch names any more.
  void eraseUnusedKernels() {
    llvm::DenseSet<StringRef> named;
    getOperation().walk([&](func::CallOp call) {
      named.insert(call.getCallee());
      if (auto variants = call->getAttrOfType<ArrayAttr>(kVariantsAttr))
        for (auto variant : variants.getAsRange<rt::VariantAttr>())
          named.insert(variant.getKernel().getValue());
    });
    for (auto kernel :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (kernel->hasAttr(kKernelAttr) && !named.contains(kernel.getSymName()))
        kernel.erase();
  }
};

} // namespace
} // namespace lathe
