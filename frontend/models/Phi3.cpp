//===- Phi3.cpp - The family phi3 -----------------------------------------===//
//
// A llama whose query, key and value lie in one tensor, and gate and up
// projection in another.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/Family.h"

using namespace lathe;

void lathe::readPhi3(ConfigReader &reader, TransformerConfig &config) {
  readLlamaLike(reader,
                {.vocabulary = 32064,
                 .hidden = 3072,
                 .intermediate = 8192,
                 .layers = 32,
                 .heads = 32,
                 .context = 4096,
                 .normEpsilon = 1e-5,
                 .activation = "silu",
                 .bosIds = {1},
                 .eosIds = {32000},
                 .padId = 32000},
                config);
  int64_t window = reader.integer("sliding_window", 0);
  readWindows(reader, config, window, [](int64_t, int64_t) { return true; });
  reader.refuse({"attention_bias", "mlp_bias"});

  int64_t q = config.heads * config.headSize;
  int64_t kv = config.kvHeads * config.headSize;
  int64_t all = q + 2 * kv;
  TensorNames &names = config.names;
  std::string fused = "layers.{}.self_attn.qkv_proj";
  names.query = {fused, 0, q, all};
  names.key = {fused, q, q + kv, all};
  names.value = {fused, q + kv, all, all};
  int64_t f = config.intermediate;
  names.gate = {"layers.{}.mlp.gate_up_proj", 0, f, 2 * f};
  names.up = {"layers.{}.mlp.gate_up_proj", f, 2 * f, 2 * f};
}
