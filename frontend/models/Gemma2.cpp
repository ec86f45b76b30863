//===- Gemma2.cpp - The family gemma2 -------------------------------------===//
//
// Norms before and after attention and MLP, whose weights are stored less 1;
// embeddings times sqrt(C); soft-caps on scores and logits; a scale of the
// scores of its own; every other layer, the first among them, slides.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/Family.h"

#include <cmath>

using namespace lathe;

static bool slidesEven(int64_t layer, int64_t) { return layer % 2 == 0; }

static void nameGemmaNorms(TensorNames &names) {
  names.attentionOutputNorm = "layers.{}.post_attention_layernorm";
  names.mlpNorm = "layers.{}.pre_feedforward_layernorm";
  names.mlpOutputNorm = "layers.{}.post_feedforward_layernorm";
}

/// A soft-cap: 0 where it is null.
static float readSoftcap(ConfigReader &reader, std::string_view key,
                         double fallback) {
  if (reader.contains(key) && !reader.has(key)) {
    reader.ignore({key});
    return 0.0f;
  }
  return float(reader.number(key, fallback, 1e-6, 1e6));
}

void lathe::readGemma2(ConfigReader &reader, TransformerConfig &config) {
  readLlamaLike(reader,
                {.vocabulary = 256000,
                 .hidden = 2304,
                 .intermediate = 9216,
                 .layers = 26,
                 .heads = 8,
                 .kvHeads = 4,
                 .headSize = 256,
                 .context = 8192,
                 .normEpsilon = 1e-6,
                 .tied = true,
                 .activation = "gelu_pytorch_tanh",
                 .bosIds = {2},
                 .eosIds = {1},
                 .padId = 0},
                config);
  config.activation =
      readActivation(reader, "hidden_activation", "gelu_pytorch_tanh");
  bool bias = reader.boolean("attention_bias", false);
  config.queryKeyValueBias = config.outputBias = bias;
  config.normPlace = NormPlace::Sandwich;
  config.normOffset = 1.0f;
  config.embeddingScale = float(std::sqrt(double(config.hidden)));
  double scalar = reader.positive("query_pre_attn_scalar", 256.0);
  config.attentionScales.assign(config.layers, float(1.0 / std::sqrt(scalar)));
  config.attentionSoftcap = readSoftcap(reader, "attn_logit_softcapping", 50.0);
  config.logitSoftcap = readSoftcap(reader, "final_logit_softcapping", 30.0);
  if (reader.contains("sliding_window") && !reader.has("sliding_window"))
    reader.fail("sliding_window", "expected a number of tokens, got null");
  int64_t window = reader.integer("sliding_window", 4096);
  readWindows(reader, config, window, slidesEven);
  nameGemmaNorms(config.names);
}
