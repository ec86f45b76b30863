//===- ConvertToRt.cpp - Turn entries of launches into the rt dialect -----===//
//
// EntryConverter turns values into buffers, and this declares what is around
// the entries. Memory is given to buffers later, by lathe-plan-memory.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "passes/analysis/BufferSizes.h"
#include "passes/analysis/KernelCosts.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/plan/EntryConverter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_CONVERTTORT
#include "passes/Passes.h.inc"

namespace {

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
                      number("page_positions", 0),
                      about.getAs<DictionaryAttr>("chat_templates"));
  rt::ProvenanceOp::create(builder, module.getLoc(), "lathe", "", "");
  module->removeAttr("lathe.model");
}

RtProgram convertSymbols(ModuleOp module, OpBuilder &builder) {
  RtProgram program;
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
                      const RtProgram &program) {
  auto type = cast<RankedTensorType>(
      symbol->getAttrOfType<TypeAttr>("type").getValue());
  FailureOr<AffineMap> bytes = sizeInBytes(type, program.symbols);
  if (failed(bytes))
    return symbol->emitError("expects a tensor whose size the symbols of the "
                             "module give, got ")
           << type;
  OpT::create(builder, symbol->getLoc(), SymbolTable::getSymbolName(symbol),
              storedType(type), *bytes);
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

/// Says what \p kernel does, where that can be said.
void declareCost(OpBuilder &builder, func::FuncOp kernel,
                 const RtProgram &program) {
  FailureOr<KernelCost> cost =
      countKernelCost(kernel, program.symbols, program.maxima);
  if (failed(cost))
    return;
  rt::CostOp::create(builder, kernel.getLoc(), cost->flops,
                     builder.getAffineMapArrayAttr(cost->reads),
                     builder.getAffineMapArrayAttr(cost->writes),
                     cost->pairs.empty() ? ArrayAttr()
                                         : builder.getArrayAttr(cost->pairs),
                     cost->arithmetic);
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
    RtProgram program = convertSymbols(module, builder);
    // An entry that is the first op of the module is where the builder stands,
    // and goes away.
    Operation *last = &*std::prev(builder.getInsertionPoint());
    for (func::FuncOp entry : entries)
      if (failed(EntryConverter(entry, program, table).convert()))
        return failure();
    builder.setInsertionPointAfter(last);
    declareKernels(builder, kernels, program);
    for (Operation *weight : program.weights)
      if (failed(declare<rt::WeightOp>(builder, weight, program)))
        return failure();
    for (Operation *state : program.states)
      if (failed(declare<rt::StateOp>(builder, state, program)))
        return failure();
    moveSources(module, program, kernels, table);
    return success();
  }

  static void declareKernels(OpBuilder &builder, ArrayRef<func::FuncOp> kernels,
                             const RtProgram &program) {
    for (func::FuncOp kernel : kernels) {
      SmallVector<Attribute> scalars;
      for (StringAttr symbol : kernelSymbols(kernel))
        scalars.push_back(FlatSymbolRefAttr::get(symbol));
      auto declared =
          rt::KernelOp::create(builder, kernel.getLoc(), kernel.getSymName(),
                               builder.getArrayAttr(scalars));
      OpBuilder body =
          OpBuilder::atBlockBegin(&declared.getBody().emplaceBlock());
      declareCost(body, kernel, program);
    }
  }

  /// Moves kernels, and what weights come from, to modules of their own, where
  /// their names do not meet those of the rt ops. Drops the other parameters.
  static void moveSources(ModuleOp module, RtProgram &program,
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
