//===- Llama.cpp - The family llama ---------------------------------------===//

#include "frontend/models/Family.h"

using namespace lathe;

void lathe::readLlama(ConfigReader &reader, TransformerConfig &config) {
  readLlamaLike(reader,
                {.vocabulary = 32000,
                 .hidden = 4096,
                 .intermediate = 11008,
                 .layers = 32,
                 .heads = 32,
                 .context = 2048,
                 .normEpsilon = 1e-6,
                 .activation = "silu",
                 .bosIds = {1},
                 .eosIds = {2}},
                config);
  bool bias = reader.boolean("attention_bias", false);
  config.queryKeyValueBias = config.outputBias = bias;
  config.mlpBias = reader.boolean("mlp_bias", false);
  readWindows(reader, config, /*window=*/0, nullptr);
  // A llama has no window; some configs carry mistral's field all the same.
  reader.refuse({"sliding_window"});
}
