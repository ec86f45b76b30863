//===- Qwen2.cpp - The family qwen2 ---------------------------------------===//
//
// A llama with biases on query, key and value. With use_sliding_window the
// layers from max_window_layers on slide.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/Family.h"

using namespace lathe;

static bool slidesFrom(int64_t layer, int64_t from) { return layer >= from; }

void lathe::readQwenLike(ConfigReader &reader, std::optional<int64_t> headSize,
                         TransformerConfig &config) {
  readLlamaLike(reader,
                {.vocabulary = 151936,
                 .hidden = 4096,
                 .intermediate = 22016,
                 .layers = 32,
                 .heads = 32,
                 .kvHeads = 32,
                 .headSize = headSize,
                 .context = 32768,
                 .normEpsilon = 1e-6,
                 .activation = "silu"},
                config);
  int64_t fallback = reader.contains("sliding_window") ? 0 : 4096;
  int64_t window = reader.integer("sliding_window", fallback, 0);
  int64_t from = reader.integer("max_window_layers", 28, 0);
  bool slides = reader.boolean("use_sliding_window", false);
  readWindows(reader, config, slides ? window : 0, slidesFrom, from);
  reader.refuse({"mlp_bias", "use_mrope"});
}

void lathe::readQwen2(ConfigReader &reader, TransformerConfig &config) {
  readQwenLike(reader, /*headSize=*/std::nullopt, config);
  config.queryKeyValueBias = true;
}
