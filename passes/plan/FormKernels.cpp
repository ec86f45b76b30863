//===- FormKernels.cpp - Outline each entry's ops into kernels ------------===//
//
// In three steps: ops are put into groups (KernelGroups), each group becomes a
// function and a call at the place of its last op (Outliner), and what nothing
// reads any more, views above all, is erased. A kernel's function is found by
// its text, so equal groups share one.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/Lathe.h"
#include "passes/analysis/ValueNames.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/plan/KernelGroups.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FORMKERNELS
#include "passes/Passes.h.inc"

namespace {

/// What the name of a kernel says of \p op.
StringRef shortName(Operation *op) {
  if (isa<arith::AddFOp>(op))
    return "add";
  if (isa<arith::MulFOp>(op))
    return "mul";
  return op->getName().stripDialect();
}

/// The operand that result \p number of \p op updates in place, or null.
Value tiedOperand(Operation *op, unsigned number) {
  auto append = dyn_cast<AppendOp>(op);
  if (!append)
    return {};
  return number == 0 ? append.getKeys() : append.getValues();
}

/// The kernel function of one group while it is built.
class KernelBuilder {
public:
  explicit KernelBuilder(const KernelGroup &group)
      : group(group), members(group.begin(), group.end()),
        builder(group.front()->getContext()) {}

  /// Builds the function, in no module and without a name of its own. Null,
  /// with an error, if a view is of a kind that no kernel resolves.
  OwningOpRef<func::FuncOp> build();

  /// Values of the entry that become operands, and results that it replaces.
  llvm::SetVector<Value> operands;
  SmallVector<OpResult> results;

private:
  void findResults();
  bool isRead(OpResult result) const;
  /// The value in the kernel that stands for \p value of the entry.
  Value map(Value value);
  Value cloneView(Operation *view);
  Value cloneCondition(Operation *condition);
  bool resolveSizes(Operation *view);
  void addAttributes(func::FuncOp kernel);

  const KernelGroup &group;
  llvm::SmallPtrSet<Operation *, 8> members;
  OpBuilder builder;
  IRMapping mapping;
  Block *body = nullptr;
  Location unknown = builder.getUnknownLoc();
  bool isValid = true;
};

bool KernelBuilder::isRead(OpResult result) const {
  return llvm::any_of(result.getUsers(),
                      [&](Operation *user) { return !members.contains(user); });
}

void KernelBuilder::findResults() {
  for (Operation *op : group)
    for (OpResult result : op->getResults())
      if (isRead(result))
        results.push_back(result);
  // A kernel that nothing reads still is one launch of something.
  if (results.empty())
    llvm::append_range(results, group.back()->getResults());
}

/// Computes the sizes of \p view, an op of the kernel, from its source, so that
/// no size is an operand. False where they are not those of the source's rows.
bool KernelBuilder::resolveSizes(Operation *view) {
  builder.setInsertionPoint(view);
  Value source = view->getOperand(0);
  auto sizeOf = [&](int64_t dim) -> Value {
    return tensor::DimOp::create(builder, unknown, source, dim);
  };
  unsigned next = 0;
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(view)) {
    if (!slice.getOffsets().empty() || !slice.getStrides().empty())
      return false;
    for (auto [dim, size] : llvm::enumerate(slice.getStaticSizes())) {
      if (!ShapedType::isDynamic(size))
        continue;
      if (slice.getStaticOffsets()[dim] != 0)
        return false;
      slice.getSizesMutable()[next++].assign(sizeOf(dim));
    }
    return true;
  }

  auto expand = dyn_cast<tensor::ExpandShapeOp>(view);
  if (!expand)
    return true;
  for (auto [dim, indices] : llvm::enumerate(expand.getReassociationIndices()))
    for (int64_t index : indices) {
      if (!ShapedType::isDynamic(expand.getStaticOutputShape()[index]))
        continue;
      if (indices.size() != 1)
        return false;
      expand.getOutputShapeMutable()[next++].assign(sizeOf(dim));
    }
  return true;
}

Value KernelBuilder::cloneView(Operation *view) {
  Value source = map(view->getOperand(0));
  Operation *clone = view->cloneWithoutRegions();
  clone->setLoc(unknown);
  builder.setInsertionPointToEnd(body);
  builder.insert(clone);
  clone->setOperand(0, source);
  if (!resolveSizes(clone)) {
    view->emitError("expects a view of whole rows whose sizes are those of its "
                    "source");
    isValid = false;
  }
  builder.setInsertionPointToEnd(body);
  return clone->getResult(0);
}

/// Its operands are floats and so no conditions: one level is enough.
Value KernelBuilder::cloneCondition(Operation *condition) {
  SmallVector<Value> inputs;
  for (Value operand : condition->getOperands())
    inputs.push_back(map(operand));
  Operation *clone = condition->clone(mapping);
  clone->setOperands(inputs);
  clone->setLoc(unknown);
  clone->setDiscardableAttrs(DictionaryAttr::get(condition->getContext()));
  body->push_back(clone);
  return clone->getResult(0);
}

Value KernelBuilder::map(Value value) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  Operation *definition = value.getDefiningOp();
  Value mapped;
  if (definition && isView(definition)) {
    mapped = cloneView(definition);
  } else if (definition && definition->hasTrait<OpTrait::ConstantLike>()) {
    Operation *clone = definition->clone();
    clone->setLoc(unknown);
    body->push_back(clone);
    mapped = clone->getResult(0);
  } else if (definition && isCondition(definition)) {
    mapped = cloneCondition(definition);
  } else {
    operands.insert(value);
    mapped = body->addArgument(value.getType(), unknown);
  }
  mapping.map(value, mapped);
  return mapped;
}

OwningOpRef<func::FuncOp> KernelBuilder::build() {
  findResults();
  auto kernel =
      func::FuncOp::create(unknown, "kernel", builder.getFunctionType({}, {}));
  OwningOpRef<func::FuncOp> owner(kernel);
  body = kernel.addEntryBlock();
  for (Operation *op : group) {
    if (isView(op)) {
      map(op->getResult(0));
      continue;
    }
    SmallVector<Value> inputs;
    for (Value operand : op->getOperands())
      inputs.push_back(map(operand));
    Operation *clone = op->clone(mapping);
    clone->setOperands(inputs);
    clone->setLoc(unknown);
    clone->setDiscardableAttrs(DictionaryAttr::get(op->getContext()));
    body->push_back(clone);
  }

  SmallVector<Value> returned;
  for (OpResult result : results)
    returned.push_back(mapping.lookup(result));
  builder.setInsertionPointToEnd(body);
  func::ReturnOp::create(builder, unknown, returned);
  kernel.setFunctionType(builder.getFunctionType(
      body->getArgumentTypes(), ValueRange(returned).getTypes()));
  kernel.setPrivate();
  addAttributes(kernel);
  if (!isValid)
    return {};
  return owner;
}

void KernelBuilder::addAttributes(func::FuncOp kernel) {
  kernel->setAttr(kKernelAttr, builder.getUnitAttr());
  SmallVector<Attribute> symbols;
  for (StringAttr symbol : kernelSymbols(kernel))
    symbols.push_back(symbol);
  kernel->setAttr(kSymbolsAttr, builder.getArrayAttr(symbols));
  for (auto [index, result] : llvm::enumerate(results)) {
    Value tied = tiedOperand(result.getOwner(), result.getResultNumber());
    auto argument = dyn_cast_or_null<BlockArgument>(
        tied ? mapping.lookupOrNull(tied) : Value());
    if (argument)
      kernel.setResultAttr(index, kTiedAttr,
                           builder.getI64IntegerAttr(argument.getArgNumber()));
  }
}

class Outliner {
public:
  explicit Outliner(ModuleOp module) : module(module), table(module) {}

  LogicalResult outline(const KernelGroup &group);

private:
  func::FuncOp shareKernel(OwningOpRef<func::FuncOp> kernel,
                           const KernelGroup &group);

  ModuleOp module;
  SymbolTable table;
  /// By the text of the kernel with the name "kernel".
  llvm::StringMap<func::FuncOp> kernels;
};

func::FuncOp Outliner::shareKernel(OwningOpRef<func::FuncOp> kernel,
                                   const KernelGroup &group) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  kernel->print(stream, OpPrintingFlags().useLocalScope());
  func::FuncOp &shared = kernels[text];
  if (shared)
    return shared;

  // The name says what the kernel does, for profiles, and is the same in every
  // model that has it, for the cache.
  std::string name;
  for (Operation *op : ArrayRef(group).take_front(4))
    if (!isView(op))
      name += (shortName(op) + "_").str();
  name += llvm::utohexstr(llvm::xxh3_64bits(text), /*LowerCase=*/true,
                          /*Width=*/16);
  kernel->setName(name);
  shared = kernel.release();
  table.insert(shared);
  return shared;
}

LogicalResult Outliner::outline(const KernelGroup &group) {
  KernelBuilder kernelBuilder(group);
  OwningOpRef<func::FuncOp> built = kernelBuilder.build();
  if (!built)
    return failure();
  func::FuncOp kernel = shareKernel(std::move(built), group);

  OpBuilder builder(group.back());
  SmallVector<Location> locs;
  for (Operation *op : group)
    locs.push_back(op->getLoc());
  auto call = func::CallOp::create(builder, builder.getFusedLoc(locs), kernel,
                                   kernelBuilder.operands.getArrayRef());
  SmallVector<Attribute> names;
  // A launch is called as the last value that it makes; one that only updates
  // others, as the first of these.
  Attribute name;
  for (auto [index, result] : llvm::enumerate(kernelBuilder.results)) {
    names.push_back(builder.getStringAttr(nameOfValue(result)));
    if (!name || !kernel.getResultAttr(index, kTiedAttr))
      name = names.back();
    result.replaceAllUsesWith(call.getResult(index));
  }
  call->setAttr("lathe.name", name);
  call->setAttr("lathe.results", builder.getArrayAttr(names));
  for (Operation *op : llvm::reverse(group))
    op->erase();
  return success();
}

/// Erases views, sizes and constants of \p block that nothing reads any more.
void eraseDeadOps(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

struct FormKernels : impl::FormKernelsBase<FormKernels> {
  using FormKernelsBase::FormKernelsBase;

  void runOnOperation() override {
    SmallVector<func::FuncOp> entries;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && !function->hasAttr(kKernelAttr))
        entries.push_back(function);

    Outliner outliner(getOperation());
    for (func::FuncOp entry : entries) {
      if (!entry.getBody().hasOneBlock()) {
        entry.emitError("expects an entry of one block");
        return signalPassFailure();
      }
      Block &body = entry.getBody().front();
      FailureOr<SmallVector<KernelGroup>> groups = groupOps(body, fuse);
      if (failed(groups))
        return signalPassFailure();
      for (const KernelGroup &group : *groups)
        if (failed(outliner.outline(group)))
          return signalPassFailure();
      eraseDeadOps(body);
    }
  }
};

} // namespace
} // namespace lathe
