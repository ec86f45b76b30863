//===- Mistral.cpp - The family mistral -----------------------------------===//
//
// A llama whose layers all slide over the last `sliding_window` tokens. A
// config that leaves the field out has a window of 4096; null is none.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/Family.h"

#include <algorithm>

using namespace lathe;

void lathe::readMistral(ConfigReader &reader, TransformerConfig &config) {
  readLlamaLike(reader,
                {.vocabulary = 32000,
                 .hidden = 4096,
                 .intermediate = 14336,
                 .layers = 32,
                 .heads = 32,
                 .kvHeads = 8,
                 .context = 131072,
                 .normEpsilon = 1e-6,
                 .activation = "silu",
                 .bosIds = {1},
                 .eosIds = {2}},
                config);
  int64_t fallback = reader.contains("sliding_window") ? 0 : 4096;
  int64_t window = reader.integer("sliding_window", fallback);
  readWindows(reader, config, window, [](int64_t, int64_t) { return true; });
  // The reference does not read layer_types here: every layer slides.
  bool alike = std::all_of(config.windows.begin(), config.windows.end(),
                           [&](int64_t w) { return w == window; });
  if (!alike)
    reader.unsupported("layer_types", "layers of two kinds are not supported "
                                      "in the family mistral");
  reader.refuse({"attention_bias", "mlp_bias"});
}
