//===- DerivedParameters.h - Parameters that passes make --------*- C++ -*-===//
#ifndef LATHE_PASSES_GRAPH_DERIVEDPARAMETERS_H
#define LATHE_PASSES_GRAPH_DERIVEDPARAMETERS_H

#include "dialects/lathe/Lathe.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"

namespace lathe {

/// Makes derived parameters of the parameters that entries read, each once.
class DerivedParameters {
public:
  explicit DerivedParameters(mlir::ModuleOp module) : table(module) {}

  /// What is done to the value of a parameter; the result is of the derived
  /// parameter's type.
  using Transform = llvm::function_ref<mlir::Value(
      mlir::OpBuilder &, mlir::Location, mlir::Value)>;

  /// Lets \p operand, a lathe.get, read the parameter called as its own with
  /// ".\p suffix" behind it instead, of \p type. \p transform builds it the
  /// first time; parameters of one name are one.
  void replace(mlir::OpOperand &operand, llvm::StringRef suffix,
               mlir::RankedTensorType type, Transform transform);

  mlir::SymbolTable &symbols() { return table; }

private:
  mlir::SymbolTable table;
  llvm::DenseMap<std::pair<mlir::Attribute, mlir::Attribute>,
                 mlir::FlatSymbolRefAttr>
      made; ///< By the symbol and the suffix.
};

} // namespace lathe

#endif // LATHE_PASSES_GRAPH_DERIVEDPARAMETERS_H
