//===- NameValues.cpp - Give each value of an entry a name of its own -----===//
//
// First of all passes: what it names stays comparable whatever the others do.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "passes/analysis/ValueNames.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_NAMEVALUES
#include "passes/Passes.h.inc"

namespace {

/// Hands out names that no other value of one entry has.
class Names {
public:
  void reserve(StringRef name) { taken.insert(name); }

  /// \p wanted if it is free, else with the next number at its end.
  std::string unique(StringRef wanted, bool numbered) {
    std::string name = wanted.str();
    while (numbered || !taken.insert(name).second) {
      name = wanted.str() + "." + std::to_string(++numbers[wanted]);
      numbered = false;
    }
    return name;
  }

private:
  llvm::StringSet<> taken;
  llvm::StringMap<unsigned> numbers;
};

struct NameValues : impl::NameValuesBase<NameValues> {
  void runOnOperation() override {
    for (auto entry : getOperation().getOps<func::FuncOp>()) {
      if (entry.isExternal())
        continue;
      Names names;
      for (unsigned index = 0; index < entry.getNumArguments(); ++index)
        if (auto name = entry.getArgAttrOfType<StringAttr>(index, "lathe.name"))
          names.reserve(name);
      entry.walk([&](Operation *op) {
        if (op != entry && hasNamedResults(op))
          nameOp(op, names);
      });
    }
  }

  static void nameOp(Operation *op, Names &names) {
    std::string name = nameOfValue(op->getResult(0));
    bool unnamed = name.empty();
    if (unnamed)
      name = op->getName().stripDialect().str();
    auto attr = StringAttr::get(op->getContext(), names.unique(name, unnamed));
    for (unsigned index = 1; index < op->getNumResults(); ++index)
      names.reserve((attr.getValue() + "." + Twine(index)).str());
    Location loc = op->getLoc();
    if (auto old = dyn_cast<NameLoc>(loc))
      loc = old.getChildLoc();
    op->setLoc(NameLoc::get(attr, loc));
  }
};

} // namespace
} // namespace lathe
