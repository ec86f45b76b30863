//===- ModelWeights.h - A checkpoint's tensors as parameters ----*- C++ -*-===//
#ifndef LATHE_FRONTEND_WEIGHTS_MODELWEIGHTS_H
#define LATHE_FRONTEND_WEIGHTS_MODELWEIGHTS_H

#include "frontend/models/TransformerConfig.h"
#include "runtime/formats/Checkpoint.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"

#include <string>
#include <vector>

namespace lathe {

/// A lathe.parameter or lathe.derived of the module; null: there is none.
struct Weight {
  mlir::FlatSymbolRefAttr symbol;
  mlir::RankedTensorType type;

  explicit operator bool() const { return bool(symbol); }
};

/// weight (N, K) and bias (N) of a linear layer.
struct LinearWeights {
  Weight weight;
  Weight bias;

  explicit operator bool() const { return bool(weight); }
};

/// weight and bias (C) of a norm; RMS norms have no bias.
struct NormWeights {
  Weight weight;
  Weight bias;
};

/// The weights of one block. Which are there: TensorNames.
struct LayerWeights {
  NormWeights attentionNorm, attentionOutputNorm, mlpNorm, mlpOutputNorm;
  LinearWeights query, key, value, output;
  LinearWeights gate, up, down;
  Weight queryNorm, keyNorm;
};

struct ModelWeights {
  Weight tokens;     ///< (V, C)
  Weight positions;  ///< (context, C): row p belongs to position p
  Weight tokenTypes; ///< (types, C)
  Weight rope;       ///< (context, rotated elements of a head)
  NormWeights embeddingNorm, finalNorm;
  std::vector<LayerWeights> layers;
  LinearWeights pooler;
  LinearWeights head;          ///< (V, C)
  LinearWeights headTransform; ///< (C, C)
  NormWeights headTransformNorm;
  LinearWeights classifierDense; ///< (C, C)
  LinearWeights classifier;      ///< (labels, C)
};

/// What declareWeights works on.
struct WeightSources {
  const TransformerConfig &config;
  const runtime::Checkpoint &checkpoint;
  /// Of the checkpoint, for messages.
  std::string directory;
  /// Positions that the model is built for.
  int64_t context;
};

/// Declares at the end of \p module a lathe.parameter for each tensor that the
/// model reads, and a lathe.derived for each that is not used as it is stored.
/// InvalidFile for a tensor that is missing or of a shape that contradicts
/// config.json, Unsupported for elements that are no f32, f16 or bf16. Tensors
/// that nothing reads give a line of \p notes.
runtime::Result<ModelWeights> declareWeights(const WeightSources &sources,
                                             mlir::ModuleOp module,
                                             std::vector<std::string> &notes);

} // namespace lathe

#endif // LATHE_FRONTEND_WEIGHTS_MODELWEIGHTS_H
