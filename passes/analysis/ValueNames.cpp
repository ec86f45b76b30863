//===- ValueNames.cpp - The graph's names of values -----------------------===//

#include "passes/analysis/ValueNames.h"

#include "dialects/lathe/Lathe.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

/// Appends the names in \p loc, outermost and first ones first.
static void collectNames(Location loc, SmallVectorImpl<StringAttr> &names) {
  loc->walk([&](Location inner) {
    if (auto name = dyn_cast<NameLoc>(inner)) {
      names.push_back(name.getName());
      return WalkResult::skip();
    }
    return WalkResult::advance();
  });
}

bool lathe::hasNamedResults(Operation *op) {
  if (op->getNumResults() == 0 || matchPattern(op, m_Constant()))
    return false;
  return !isa<GetOp, GetStateOp, tensor::DimOp, tensor::ExpandShapeOp,
              tensor::CollapseShapeOp, tensor::ExtractSliceOp>(op);
}

std::string lathe::nameOfValue(OpResult result) {
  Operation *op = result.getOwner();
  SmallVector<StringAttr> names;
  collectNames(op->getLoc(), names);
  if (names.empty())
    return "";
  unsigned number = result.getResultNumber();
  if (names.size() == op->getNumResults())
    return names[number].str();
  std::string name = names.back().str();
  return number == 0 ? name : name + "." + std::to_string(number);
}
