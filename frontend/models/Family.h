//===- Family.h - What a model family says of its configs -------*- C++ -*-===//
#ifndef LATHE_FRONTEND_MODELS_FAMILY_H
#define LATHE_FRONTEND_MODELS_FAMILY_H

#include "frontend/models/ConfigReader.h"
#include "frontend/models/TransformerConfig.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

/// One row of the registry.
struct Family {
  /// What config.json calls it: model_type.
  std::string_view name;
  /// What its classes are called: "Llama" of LlamaForCausalLM.
  std::string_view classPrefix;
  /// What a config without `architectures` means.
  HeadKind defaultHead;
  /// Reads the fields of this family. `config.family` and `config.head` are
  /// set. Errors stay in the reader.
  void (*read)(ConfigReader &reader, TransformerConfig &config);
};

/// All families, in the order of their names.
std::span<const Family> families();

/// Reads a config.json of any family; \p notes gets a line for each field that
/// nobody knows. InvalidFile for values that are wrong or contradict each
/// other, Unsupported for what is not done here; both name the field.
runtime::Result<TransformerConfig> readConfig(const runtime::Json &json,
                                              std::vector<std::string> &notes);

//===----------------------------------------------------------------------===//
// For the families' files
//===----------------------------------------------------------------------===//

/// What a family assumes where config.json leaves a field out.
struct Defaults {
  int64_t vocabulary = 0;
  int64_t hidden = 0;
  int64_t intermediate = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  std::optional<int64_t> kvHeads = std::nullopt; ///< Nothing: as many as heads.
  std::optional<int64_t> headSize = std::nullopt; ///< Nothing: hidden / heads.
  int64_t context = 0;
  double normEpsilon = 1e-6;
  bool tied = false;
  std::string activation = {};
  std::vector<int64_t> bosIds = {};
  std::vector<int64_t> eosIds = {};
  std::optional<int64_t> padId = std::nullopt;
};

/// What a family calls its sizes in config.json.
struct SizeNames {
  std::string_view hidden = "hidden_size";
  std::string_view intermediate = "intermediate_size";
  std::string_view layers = "num_hidden_layers";
  std::string_view heads = "num_attention_heads";
  std::string_view positions = "max_position_embeddings";
};

/// Reads sizes, special ids and whether the head is tied. A field but for the
/// intermediate size may also have the name that most families use.
void readSizes(ConfigReader &reader, const SizeNames &names,
               const Defaults &defaults, TransformerConfig &config);

/// readSizes() for families of layer norms, learned positions, one head of key
/// and value for each of query, and biases on every linear layer.
void readLayerNormModel(ConfigReader &reader, const SizeNames &names,
                        const Defaults &defaults, TransformerConfig &config);

/// What bert and its descendants are: every token sees all others, and norms
/// stand behind the embeddings, attention and MLP.
void setEncoder(TransformerConfig &config);

/// The epsilon of a norm that \p key gives.
float readEpsilon(ConfigReader &reader, std::string_view key, double fallback);

/// Reads the fields that the decoders with RMS norms, rope and gated MLPs
/// share (llama and its descendants), and names their tensors.
void readLlamaLike(ConfigReader &reader, const Defaults &defaults,
                   TransformerConfig &config);

/// Reads what qwen2 and qwen3 share: readLlamaLike with their defaults, and
/// windows of the layers from max_window_layers on, with use_sliding_window.
/// \p headSize is the default of head_dim; nothing: hidden / heads.
void readQwenLike(ConfigReader &reader, std::optional<int64_t> headSize,
                  TransformerConfig &config);

/// Reads the fields that bert and roberta share, whose sizes are those of the
/// first bert unless said, and names the tensors of the base model. Of
/// \p defaults the vocabulary and ids count.
void readBertLike(ConfigReader &reader, Defaults defaults,
                  TransformerConfig &config);

/// Fails at \p key unless \p part, above 0, divides \p whole.
void requireDivides(ConfigReader &reader, std::string_view key, int64_t part,
                    std::string_view wholeName, int64_t whole);

/// Reads bos, eos and pad ids.
void readIds(ConfigReader &reader, const Defaults &defaults,
             TransformerConfig &config);

/// The function that \p key names; fails with Unsupported for another.
MlpActivation readActivation(ConfigReader &reader, std::string_view key,
                             std::string fallback);

/// Sets the window of each layer: layer_types where there is one (whose
/// "sliding_attention" layers have \p window), else \p slides(layer).
/// \p window 0: no layer may slide.
void readWindows(ConfigReader &reader, TransformerConfig &config,
                 int64_t window, bool (*slides)(int64_t layer, int64_t from),
                 int64_t from = 0);

/// Same scale for each layer: headSize^-0.5.
void setPlainScales(TransformerConfig &config);

void readBert(ConfigReader &reader, TransformerConfig &config);
void readRoberta(ConfigReader &reader, TransformerConfig &config);
void readDistilBert(ConfigReader &reader, TransformerConfig &config);
void readGpt2(ConfigReader &reader, TransformerConfig &config);
void readLlama(ConfigReader &reader, TransformerConfig &config);
void readMistral(ConfigReader &reader, TransformerConfig &config);
void readQwen2(ConfigReader &reader, TransformerConfig &config);
void readQwen3(ConfigReader &reader, TransformerConfig &config);
void readGemma2(ConfigReader &reader, TransformerConfig &config);
void readPhi3(ConfigReader &reader, TransformerConfig &config);

} // namespace lathe

#endif // LATHE_FRONTEND_MODELS_FAMILY_H
