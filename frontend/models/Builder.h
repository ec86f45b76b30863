//===- Builder.h - A model's config and weights to IR -----------*- C++ -*-===//
#ifndef LATHE_FRONTEND_MODELS_BUILDER_H
#define LATHE_FRONTEND_MODELS_BUILDER_H

#include "frontend/models/TransformerConfig.h"
#include "frontend/weights/ModelWeights.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/DenseMap.h"

#include <string>
#include <vector>

namespace lathe {

/// What the pages of a cache are stored in.
enum class CacheType { F32, Bf16, Q8 };

/// The ranges of a module's symbols, and what its states are made of.
struct ModelLimits {
  int64_t context = 0;   ///< Positions of a sequence.
  int64_t maxTokens = 0; ///< Tokens of a call.
  int64_t maxSlots = 0;  ///< Sequences of a cache.
  CacheType cache = CacheType::F32;
};

/// Declares the symbols and states that the entries of \p config use at the
/// end of \p module.
void declareSymbols(const TransformerConfig &config, const ModelLimits &limits,
                    mlir::ModuleOp module);

/// Adds the entries of docs/design.md, 8.1, that \p config calls for: forward,
/// forward_hidden, embed where there is a pooling head, step and step_greedy
/// for causal language models. All activations are f32.
void buildEntries(const TransformerConfig &config, const ModelWeights &weights,
                  const ModelLimits &limits, mlir::ModuleOp module);

//===----------------------------------------------------------------------===//
// For the files that build the parts of a model
//===----------------------------------------------------------------------===//

/// The arguments of an entry; null where it has none.
struct EntryInputs {
  mlir::Value tokens;     ///< (T)
  mlir::Value positions;  ///< (T)
  mlir::Value sequences;  ///< (T)
  mlir::Value tokenTypes; ///< (T)
  mlir::Value rows;       ///< (R)
  mlir::Value pageTable;  ///< (slots, slot pages)
};

/// Builds the body of one entry. Every op is located at a name such as
/// "layers.3.query", which says what its result is.
class EntryBuilder {
public:
  EntryBuilder(const TransformerConfig &config, const ModelWeights &weights,
               CacheType cache, mlir::Block *block);

  // Embeddings.cpp
  /// The rows that enter the first block. (T, C)
  mlir::Value embeddings();

  // Attention.cpp
  /// Attention of block \p layer on \p input, with its projections. (T, C)
  mlir::Value attention(mlir::Value input, int64_t layer);

  // Mlp.cpp
  /// The MLP of block \p layer on \p input. (T, C)
  mlir::Value mlp(mlir::Value input, int64_t layer);

  // Builder.cpp
  /// Block \p layer on \p input. (T, C)
  mlir::Value block(mlir::Value input, int64_t layer);
  /// The rows after the last block, without the final norm; each block's input
  /// and the result are appended to \p hidden. (T, C)
  mlir::Value blocks(std::vector<mlir::Value> &hidden);
  /// The final norm of \p input, where the model has one.
  mlir::Value finalNorm(mlir::Value input);

  // Heads.cpp
  /// Logits of a language model for the rows of \p input. (rows, V)
  mlir::Value languageHead(mlir::Value input);
  /// tanh of a dense layer of each sequence's first row. (S, C)
  mlir::Value pooler(mlir::Value input);
  /// Logits of each sequence. (S, labels)
  mlir::Value sequenceClassifier(mlir::Value input);
  /// Logits of each token. (T, labels)
  mlir::Value tokenClassifier(mlir::Value input);
  /// A sentence's embedding. (S, C)
  mlir::Value embedding(mlir::Value input);

  // Ops that several parts use.
  mlir::Value get(const Weight &weight);
  mlir::Value linear(mlir::Value input, const LinearWeights &weights,
                     const llvm::Twine &name);
  mlir::Value norm(mlir::Value input, const NormWeights &weights,
                   const llvm::Twine &name);
  mlir::Value activation(mlir::Value input, MlpActivation kind);
  mlir::Value gather(mlir::Value table, mlir::Value indices,
                     float scale = 1.0f);
  mlir::Value sum(mlir::Value lhs, mlir::Value rhs, const llvm::Twine &name);
  /// Names what the next ops compute.
  void locate(const llvm::Twine &name);

  EntryInputs inputs;
  mlir::ImplicitLocOpBuilder builder;

private:
  mlir::Value heads(mlir::Value input, int64_t count);
  mlir::Value joinHeads(mlir::Value input);
  mlir::Value attend(mlir::Value query, mlir::Value key, mlir::Value value,
                     int64_t layer);
  mlir::Value attendCached(mlir::Value query, mlir::Value key,
                           mlir::Value value, int64_t layer);
  mlir::Value poolRows(mlir::Value input, SentencePool kind,
                       const llvm::Twine &name);

  const TransformerConfig &config;
  const ModelWeights &weights;
  CacheType cache;
  /// A parameter is read once in an entry.
  llvm::DenseMap<mlir::Attribute, mlir::Value> values;
  /// T, once an op needed it.
  mlir::Value tokenCount;
};

/// "layers.3.keys": the state with the keys, or values, of a block.
std::string stateName(int64_t layer, const char *what);
/// The type of that state: key pages (pages, Hkv, D, 32), value pages
/// (pages, Hkv, 32, D).
mlir::RankedTensorType keyPagesType(const TransformerConfig &config,
                                    CacheType cache,
                                    mlir::MLIRContext *context);
mlir::RankedTensorType valuePagesType(const TransformerConfig &config,
                                      CacheType cache,
                                      mlir::MLIRContext *context);

/// \p type with another last size.
mlir::RankedTensorType withColumns(mlir::Type type, int64_t columns);

} // namespace lathe

#endif // LATHE_FRONTEND_MODELS_BUILDER_H
