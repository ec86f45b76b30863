//===- TransformerConfig.h - What families differ in ------------*- C++ -*-===//
#ifndef LATHE_FRONTEND_MODELS_TRANSFORMERCONFIG_H
#define LATHE_FRONTEND_MODELS_TRANSFORMERCONFIG_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

enum class NormKind {
  /// Mean and variance, with weight and bias.
  Layer,
  /// Root mean square, with weight.
  Rms,
};

/// Where a block's norms stand.
enum class NormPlace {
  /// x + f(norm(x)), and one more norm after the last block.
  Pre,
  /// norm(x + f(x)), and a norm after the embeddings.
  Post,
  /// x + norm(f(norm(x))), and one more norm after the last block.
  Sandwich,
};

/// The functions of one number that configs name; each is an ActivationKind of
/// the dialect.
enum class MlpActivation { Gelu, GeluTanh, Silu, Relu, Tanh, QuickGelu };

/// What stands on top of the last block.
enum class HeadKind {
  /// Nothing: the rows of the last block, and a pooler where there is one.
  None,
  /// Logits of the next token.
  CausalLm,
  /// Logits of each token, after a dense layer, activation and norm.
  MaskedLm,
  /// Logits of each sequence.
  SequenceClassification,
  /// Logits of each token over labels.
  TokenClassification,
};

/// How the logits of a sequence come from its rows.
enum class ClassifierKind {
  /// The pooler's row, then one linear layer (bert).
  Pooler,
  /// The first row, dense, tanh, linear (roberta).
  FirstTanh,
  /// The first row, dense, relu, linear (distilbert).
  FirstRelu,
  /// The last row, one linear layer without bias (decoders).
  Last,
};

enum class RopeKind { Default, Linear, Dynamic, Llama3, Yarn, LongRope };

/// Rotary position embedding as a config describes it. Names of fields in the
/// config stand beside each.
struct RopeConfig {
  RopeKind kind = RopeKind::Default;     ///< rope_type, type
  double theta = 10000.0;                ///< rope_theta
  double partialFactor = 1.0;            ///< partial_rotary_factor
  double factor = 1.0;                   ///< factor
  double lowFrequencyFactor = 1.0;       ///< low_freq_factor (llama3)
  double highFrequencyFactor = 4.0;      ///< high_freq_factor (llama3)
  int64_t originalContext = 0;           ///< original_max_position_embeddings
  std::optional<double> attentionFactor; ///< attention_factor (yarn, longrope)
  double mscale = 0.0;                   ///< mscale (yarn); 0: left out
  double mscaleAllDim = 0.0;             ///< mscale_all_dim (yarn); 0: left out
  double betaFast = 32.0;                ///< beta_fast (yarn), in rotations
  double betaSlow = 1.0;                 ///< beta_slow (yarn), in rotations
  bool truncate = true;                  ///< truncate (yarn)
  std::vector<double> shortFactors;      ///< short_factor (longrope)
  std::vector<double> longFactors;       ///< long_factor (longrope)
  /// Each frequency is divided by its one; empty: none is (rope_freqs in GGUF).
  std::vector<double> divisors;

  bool operator==(const RopeConfig &) const = default;
};

/// How a sentence encoder makes one row of a sequence's rows.
enum class SentencePool { None, Mean, First, Last, Max };

/// Where the weight (N, K) of a linear layer and its bias lie: rows
/// [begin, end) of the tensors `stem.weight` and `stem.bias`, whole where end
/// is 0. Several layers may lie in one tensor of `total` rows.
struct LinearName {
  std::string stem;
  int64_t begin = 0;
  int64_t end = 0;
  int64_t total = 0;

  bool operator==(const LinearName &) const = default;
};

/// Names of the tensors, relative to the base model. `{}` stands for the number
/// of the layer. Empty: the family has no such tensor.
struct TensorNames {
  /// What may stand before the names of the base model, such as "model."; the
  /// first for which the token embeddings exist is used.
  std::vector<std::string> prefixes = {""};

  std::string tokens;     ///< (V, C)
  std::string positions;  ///< (positions, C)
  std::string tokenTypes; ///< (types, C)
  std::string embeddingNorm;

  LinearName query, key, value, output;
  std::string queryNorm, keyNorm;
  /// Pre: before attention. Post: after it. Sandwich: before it.
  std::string attentionNorm;
  /// Sandwich: after attention.
  std::string attentionOutputNorm;
  LinearName gate, up, down;
  /// Pre: before the MLP. Post: after it. Sandwich: before it.
  std::string mlpNorm;
  /// Sandwich: after the MLP.
  std::string mlpOutputNorm;
  std::string finalNorm;
  std::string pooler;

  // Names of heads are not relative to the base model.
  std::string head;              ///< stem of the (V, C) head
  std::string headBias;          ///< the head's bias where it has another name
  std::string headTransform;     ///< stem (masked LM)
  std::string headTransformNorm; ///< (masked LM)
  std::string classifierDense;   ///< stem (FirstTanh, FirstRelu)
  std::string classifier;        ///< stem

  bool operator==(const TensorNames &) const = default;
};

/// A Transformer: everything that its family and its config.json say of it.
/// Sizes are positive, their products fit in 62 bits.
struct TransformerConfig {
  std::string family; ///< model_type
  std::string file;   ///< The config's path, for messages.

  int64_t vocabulary = 0;
  int64_t hidden = 0;       ///< C
  int64_t intermediate = 0; ///< F
  int64_t layers = 0;
  int64_t heads = 0;    ///< H
  int64_t kvHeads = 0;  ///< divides heads
  int64_t headSize = 0; ///< D
  /// Positions that the config allows (max_position_embeddings, less what the
  /// offset of the table takes).
  int64_t context = 0;
  /// The config's name for that, for messages.
  std::string contextField = "max_position_embeddings";

  bool causal = true;
  NormKind norm = NormKind::Rms;
  NormPlace normPlace = NormPlace::Pre;
  float normEpsilon = 1e-6f;
  float normOffset = 0.0f; ///< added to the weight of an RMS norm
  bool embeddingNorm = false;

  MlpActivation activation = MlpActivation::Silu;
  bool gated = true;
  bool queryKeyValueBias = false;
  bool outputBias = false;
  bool mlpBias = false;
  bool queryKeyNorm = false;
  /// Rows of query and key are stored in interleaved pairs: of each head 0,
  /// D/2, 1, D/2 + 1, … (GGUF's llama).
  bool interleavedHeads = false;
  /// Weights of linear layers inside blocks are stored (K, N).
  bool transposedWeights = false;

  std::optional<RopeConfig> rope;
  /// Rows of the table of learned positions; 0: there is none.
  int64_t positionRows = 0;
  /// Row of the table that belongs to position 0.
  int64_t positionOffset = 0;
  int64_t tokenTypes = 0; ///< 0: there are none

  float embeddingScale = 1.0f;
  /// Factor of the scores of each layer's attention.
  std::vector<float> attentionScales;
  /// Window of each layer in tokens, 0: the whole context.
  std::vector<int64_t> windows;
  float attentionSoftcap = 0.0f; ///< 0: none
  float logitSoftcap = 0.0f;     ///< 0: none

  HeadKind head = HeadKind::None;
  ClassifierKind classifier = ClassifierKind::Pooler;
  bool tiedHead = false;
  /// Labels as id2label or num_labels counts them; 0: the config does not say.
  int64_t labels = 0;
  /// Epsilon of the norm in a masked LM's head.
  float headNormEpsilon = 1e-12f;
  MlpActivation headActivation = MlpActivation::Gelu;

  SentencePool pool = SentencePool::None;
  bool normalizeEmbedding = false;
  /// Tokens of a text that `embed` takes (max_seq_length); 0: the context.
  int64_t embedTokens = 0;

  std::vector<int64_t> bosIds;
  std::vector<int64_t> eosIds;
  std::optional<int64_t> padId;

  TensorNames names;

  bool operator==(const TransformerConfig &) const = default;
};

} // namespace lathe

#endif // LATHE_FRONTEND_MODELS_TRANSFORMERCONFIG_H
