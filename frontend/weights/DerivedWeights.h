//===- DerivedWeights.h - Parameters that are computed ----------*- C++ -*-===//
#ifndef LATHE_FRONTEND_WEIGHTS_DERIVEDWEIGHTS_H
#define LATHE_FRONTEND_WEIGHTS_DERIVEDWEIGHTS_H

#include "frontend/models/TransformerConfig.h"
#include "frontend/weights/ModelWeights.h"

#include "mlir/IR/Builders.h"

#include <string>

namespace lathe {

/// Declares at the place of \p builder the lathe.derived \p name of \p type,
/// whose body \p build writes and whose value it returns.
Weight declareDerived(mlir::OpBuilder &builder, const std::string &name,
                      mlir::RankedTensorType type,
                      llvm::function_ref<mlir::Value(mlir::OpBuilder &)> build);

/// Declares the rope's table of \p config for \p context positions, as "rope".
/// Fails as ropeFrequencies() does.
runtime::Result<Weight> declareRopeTable(mlir::OpBuilder &builder,
                                         const TransformerConfig &config,
                                         int64_t context);

} // namespace lathe

#endif // LATHE_FRONTEND_WEIGHTS_DERIVEDWEIGHTS_H
