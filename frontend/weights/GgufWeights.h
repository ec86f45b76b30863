//===- GgufWeights.h - A GGUF file's tensors as parameters ------*- C++ -*-===//
#ifndef LATHE_FRONTEND_WEIGHTS_GGUFWEIGHTS_H
#define LATHE_FRONTEND_WEIGHTS_GGUFWEIGHTS_H

#include "frontend/models/TransformerConfig.h"
#include "frontend/weights/ModelWeights.h"
#include "runtime/formats/Gguf.h"

#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// What declareGgufWeights works on.
struct GgufSources {
  const TransformerConfig &config;
  const runtime::Gguf &file;
  /// What parameters call the file: its name in the module's folder.
  std::string name;
  /// Positions that the model is built for.
  int64_t context;
};

/// Declares at the end of \p module a lathe.parameter for each tensor of the
/// file, of a type with an encoding where it is stored in blocks, and a
/// lathe.derived for what is not used as it is stored: plain values of blocks,
/// rows of query and key in the order of the rope op, the rope's table.
/// InvalidFile for a tensor that is missing or of a shape that contradicts the
/// metadata, Unsupported for element types that are not done here and for
/// tensors that the model has no place for.
runtime::Result<ModelWeights> declareGgufWeights(const GgufSources &sources,
                                                 mlir::ModuleOp module);

} // namespace lathe

#endif // LATHE_FRONTEND_WEIGHTS_GGUFWEIGHTS_H
