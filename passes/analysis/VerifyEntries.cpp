//===- VerifyEntries.cpp - Check what the artifact will take on trust -----===//
//
// A kernel reads row indices[t] of a table and does not look whether there is
// one: the runtime has held every element of an input against its limit before.
// So the limits must be right, which no type says. This runs first, on modules
// that people write by hand too.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/Lathe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/ConvertUTF.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_VERIFYENTRIES
#include "passes/Passes.h.inc"

namespace {

/// The largest index and count that an i32 holds.
constexpr int64_t kLargestIndex = (int64_t(1) << 31) - 1;

/// Chat templates, and bytes of one and of its name: what the runtime accepts.
constexpr size_t kMostTemplates = 64;
constexpr size_t kLongestTemplate = 1 << 20;
constexpr size_t kLongestTemplateName = 256;

/// The exclusive bound of the elements of an input.
struct Limit {
  std::optional<int64_t> constant; ///< lathe.limit
  StringRef symbol;                ///< lathe.limit_symbol
  StringRef pages;                 ///< lathe.limit_pages: 32 times this symbol
};

class EntryChecker {
public:
  EntryChecker(func::FuncOp entry, SymbolTable &table)
      : entry(entry), table(table) {}

  LogicalResult check();

private:
  LogicalResult checkAttributes();
  LogicalResult checkInput(unsigned number);
  LogicalResult checkSymbol(unsigned number, StringRef name);
  LogicalResult checkOp(Operation &op);
  LogicalResult checkRows(Operation &op, Value indices, RankedTensorType table);
  LogicalResult checkPages(Operation &op, Value positions, Value sequences,
                           Value pageTable, RankedTensorType pages);
  FailureOr<Limit> limitOf(Operation &op, Value indices);
  InFlightDiagnostic inputError(unsigned number) {
    return entry.emitError("input ") << number << ": ";
  }

  func::FuncOp entry;
  SymbolTable &table;
};

/// An attribute that the compiler knows, and whether its kind is right.
bool isKnown(NamedAttribute attribute, bool &isRight) {
  StringRef name = attribute.getName();
  isRight = true;
  if (name == "lathe.name" || name == "lathe.limit_symbol" ||
      name == "lathe.limit_pages")
    isRight = isa<StringAttr>(attribute.getValue());
  else if (name == "lathe.limit")
    isRight = isa<IntegerAttr>(attribute.getValue());
  else if (name == "lathe.entry")
    isRight = isa<UnitAttr>(attribute.getValue());
  else
    return !name.starts_with("lathe.");
  return true;
}

LogicalResult EntryChecker::checkAttributes() {
  SmallVector<NamedAttribute> all =
      llvm::to_vector(entry->getDiscardableAttrs());
  for (unsigned i = 0; i < entry.getNumArguments(); ++i)
    llvm::append_range(all, function_interface_impl::getArgAttrs(entry, i));
  for (unsigned i = 0; i < entry.getNumResults(); ++i)
    llvm::append_range(all, function_interface_impl::getResultAttrs(entry, i));
  for (NamedAttribute attribute : all) {
    bool isRight = false;
    if (!isKnown(attribute, isRight))
      return entry.emitError("has the unknown attribute '")
             << attribute.getName() << "'";
    if (!isRight)
      return entry.emitError("has an attribute of the wrong kind: ")
             << attribute.getName() << " = " << attribute.getValue();
  }
  return success();
}

LogicalResult EntryChecker::checkSymbol(unsigned number, StringRef name) {
  if (name.empty() || table.lookup<SymbolOp>(name))
    return success();
  return inputError(number) << "there is no lathe.symbol @" << name;
}

LogicalResult EntryChecker::checkInput(unsigned number) {
  auto type = dyn_cast<RankedTensorType>(entry.getArgument(number).getType());
  if (!type)
    return inputError(number) << "expects a ranked tensor";
  auto limit = entry.getArgAttrOfType<IntegerAttr>(number, "lathe.limit");
  auto symbol =
      entry.getArgAttrOfType<StringAttr>(number, "lathe.limit_symbol");
  auto pages = entry.getArgAttrOfType<StringAttr>(number, "lathe.limit_pages");
  for (StringAttr name : {symbol, pages})
    if (name && failed(checkSymbol(number, name.getValue())))
      return failure();
  if (limit && (limit.getInt() < 1 || limit.getInt() > kLargestIndex))
    return inputError(number) << "expects a lathe.limit of 1 to "
                              << kLargestIndex << ", got " << limit;
  if (limit && symbol)
    return inputError(number)
           << "expects lathe.limit or lathe.limit_symbol, not both";
  if (isa<IntegerType>(type.getElementType()) && !limit && !symbol && !pages)
    return inputError(number) << "expects a lathe.limit or lathe.limit_symbol: "
                                 "what its elements are below";
  return success();
}

/// The limit of \p indices, which must be an input of the entry, or computed so
/// that it has one.
FailureOr<Limit> EntryChecker::limitOf(Operation &op, Value indices) {
  if (auto argmax = indices.getDefiningOp<ArgmaxOp>()) {
    if (argmax.getPlaces())
      return limitOf(op, argmax.getPlaces());
    return Limit{argmax.getInput().getType().getDimSize(1), {}, {}};
  }
  if (auto argmax = indices.getDefiningOp<PanelArgmaxOp>())
    return Limit{argmax.getInput().getType().getDimSize(1), {}, {}};
  auto argument = dyn_cast<BlockArgument>(indices);
  if (!argument)
    return op.emitError("expects indices that are an input of the entry");
  unsigned number = argument.getArgNumber();
  Limit limit;
  if (auto value = entry.getArgAttrOfType<IntegerAttr>(number, "lathe.limit"))
    limit.constant = value.getInt();
  if (auto name =
          entry.getArgAttrOfType<StringAttr>(number, "lathe.limit_symbol"))
    limit.symbol = name.getValue();
  if (auto name =
          entry.getArgAttrOfType<StringAttr>(number, "lathe.limit_pages"))
    limit.pages = name.getValue();
  return limit;
}

/// Rows of \p type, indexed by \p indices.
LogicalResult EntryChecker::checkRows(Operation &op, Value indices,
                                      RankedTensorType type) {
  FailureOr<Limit> limit = limitOf(op, indices);
  if (failed(limit))
    return failure();
  StringRef symbol = symbolOfDim(type, 0);
  if (type.isDynamicDim(0)
          ? !symbol.empty() && limit->symbol == symbol
          : limit->constant && *limit->constant <= type.getDimSize(0))
    return success();
  InFlightDiagnostic error = op.emitError("expects indices below the ");
  if (type.isDynamicDim(0))
    error << "symbol '" << symbol << "'";
  else
    error << type.getDimSize(0);
  return error << " rows of " << type << " (lathe.limit, lathe.limit_symbol)";
}

LogicalResult EntryChecker::checkPages(Operation &op, Value positions,
                                       Value sequences, Value pageTable,
                                       RankedTensorType pages) {
  auto tableType = cast<RankedTensorType>(pageTable.getType());
  if (failed(checkRows(op, sequences, tableType)) ||
      failed(checkRows(op, pageTable, pages)))
    return failure();
  FailureOr<Limit> limit = limitOf(op, positions);
  if (failed(limit))
    return failure();
  StringRef symbol = symbolOfDim(tableType, 1);
  bool isStaticFit =
      !tableType.isDynamicDim(1) && limit->constant &&
      *limit->constant <= tableType.getDimSize(1) * kPagePositions;
  if (isStaticFit || (!symbol.empty() && limit->pages == symbol))
    return success();
  return op.emitError("expects positions with lathe.limit_pages = \"")
         << symbol << "\", the columns of the page table";
}

LogicalResult EntryChecker::checkOp(Operation &op) {
  return TypeSwitch<Operation *, LogicalResult>(&op)
      .Case([&](GatherOp gather) {
        return checkRows(op, gather.getIndices(), gather.getTable().getType());
      })
      .Case([&](RopeOp rope) {
        return checkRows(op, rope.getPositions(), rope.getTable().getType());
      })
      .Case([&](PoolOp pool) {
        return checkRows(op, pool.getSequences(), pool.getType());
      })
      .Case<AppendOp, CachedAttentionOp>([&](auto cached) {
        return checkPages(op, cached.getPositions(), cached.getSequences(),
                          cached.getPageTable(), cached.getKeys().getType());
      })
      .Default(success());
}

LogicalResult EntryChecker::check() {
  if (failed(checkAttributes()))
    return failure();
  for (unsigned number = 0; number < entry.getNumArguments(); ++number)
    if (failed(checkInput(number)))
      return failure();
  for (Operation &op : entry.getOps())
    if (failed(checkOp(op)))
      return failure();
  return success();
}

/// Whether \p text is UTF-8 of at most \p limit bytes without a 0.
bool isText(StringRef text, size_t limit) {
  const auto *begin = reinterpret_cast<const llvm::UTF8 *>(text.begin());
  return text.size() <= limit && !text.contains('\0') &&
         llvm::isLegalUTF8String(
             &begin, reinterpret_cast<const llvm::UTF8 *>(text.end()));
}

bool isControl(char c) { return (c >= 0 && c < 0x20) || c == 0x7F; }

/// Checks the chat templates of `lathe.model`: the runtime does the same.
LogicalResult checkTemplates(ModuleOp module, NamedAttribute field) {
  auto templates = dyn_cast<DictionaryAttr>(field.getValue());
  bool isRight = templates && templates.size() <= kMostTemplates &&
                 llvm::all_of(templates, [](NamedAttribute chatTemplate) {
                   StringRef name = chatTemplate.getName();
                   auto text = dyn_cast<StringAttr>(chatTemplate.getValue());
                   return !name.empty() && llvm::none_of(name, isControl) &&
                          isText(name, kLongestTemplateName) && text &&
                          isText(text.getValue(), kLongestTemplate);
                 });
  if (isRight)
    return success();
  return module.emitError("lathe.model: chat_templates: expects at most ")
         << kMostTemplates << " texts of UTF-8 without a 0 of at most "
         << kLongestTemplate << " bytes, by names of at most "
         << kLongestTemplateName << " bytes without control characters";
}

/// Checks the attributes of the module and its `lathe.model`.
LogicalResult checkModel(ModuleOp module) {
  for (NamedAttribute attribute : module->getDiscardableAttrs()) {
    StringRef name = attribute.getName();
    bool isRight =
        name == "lathe.model"       ? isa<DictionaryAttr>(attribute.getValue())
        : name == "lathe.tokenizer" ? isa<StringAttr>(attribute.getValue())
                                    : !name.starts_with("lathe.");
    if (!isRight)
      return module.emitError("has an attribute that is unknown or of the "
                              "wrong kind: ")
             << attribute.getName() << " = " << attribute.getValue();
  }
  auto model = module->getAttrOfType<DictionaryAttr>("lathe.model");
  if (!model)
    return success();
  for (NamedAttribute field : model) {
    StringRef name = field.getName();
    bool isText = name == "family" || name == "generation_config";
    bool isCount = name == "context" || name == "vocabulary" ||
                   name == "embed_tokens" || name == "page_positions";
    if (isText && !isa<StringAttr>(field.getValue()))
      return module.emitError("lathe.model: ") << name << ": expects a string";
    if (name == "chat_templates" && failed(checkTemplates(module, field)))
      return failure();
    auto number = dyn_cast<IntegerAttr>(field.getValue());
    if (isCount &&
        (!number || number.getInt() < 0 || number.getInt() > kLargestIndex))
      return module.emitError("lathe.model: ")
             << name << ": expects 0 to " << kLargestIndex << ", got "
             << field.getValue();
    if (name == "page_positions" && number.getInt() != 0 &&
        number.getInt() != kPagePositions)
      return module.emitError("lathe.model: page_positions: expects 0 or ")
             << kPagePositions << ", got " << field.getValue();
  }
  return success();
}

struct VerifyEntries : impl::VerifyEntriesBase<VerifyEntries> {
  void runOnOperation() override {
    markAllAnalysesPreserved();
    ModuleOp module = getOperation();
    if (failed(checkModel(module)))
      return signalPassFailure();
    SymbolTable table(module);
    bool hasEntry = false;
    for (auto function : module.getOps<func::FuncOp>()) {
      // Kernels that stand in a module already are checked by their entry.
      if (!function->hasAttr("lathe.entry")) {
        if (function.isPrivate())
          continue;
        function.emitError(
            "expects the attribute lathe.entry, or to be private");
        return signalPassFailure();
      }
      hasEntry = true;
      if (failed(EntryChecker(function, table).check()))
        return signalPassFailure();
    }
    if (!hasEntry) {
      module.emitError("expects a function with the attribute lathe.entry");
      signalPassFailure();
    }
  }
};

} // namespace
} // namespace lathe
