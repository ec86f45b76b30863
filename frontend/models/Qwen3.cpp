//===- Qwen3.cpp - The family qwen3 ---------------------------------------===//
//
// A llama that normalises each head of query and key before rope. Windows as
// in qwen2.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/Family.h"

using namespace lathe;

static bool slidesFrom(int64_t layer, int64_t from) { return layer >= from; }

void lathe::readQwen3(ConfigReader &reader, TransformerConfig &config) {
  readLlamaLike(reader,
                {.vocabulary = 151936,
                 .hidden = 4096,
                 .intermediate = 22016,
                 .layers = 32,
                 .heads = 32,
                 .kvHeads = 32,
                 .headSize = 128,
                 .context = 32768,
                 .normEpsilon = 1e-6,
                 .activation = "silu"},
                config);
  bool bias = reader.boolean("attention_bias", false);
  config.queryKeyValueBias = config.outputBias = bias;
  config.queryKeyNorm = true;
  config.names.queryNorm = "layers.{}.self_attn.q_norm";
  config.names.keyNorm = "layers.{}.self_attn.k_norm";
  int64_t fallback = reader.contains("sliding_window") ? 0 : 4096;
  int64_t window = reader.integer("sliding_window", fallback, 0);
  int64_t from = reader.integer("max_window_layers", 28, 0);
  bool slides = reader.boolean("use_sliding_window", false);
  readWindows(reader, config, slides ? window : 0, slidesFrom, from);
  reader.refuse({"mlp_bias"});
}
