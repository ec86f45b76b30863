//===- Qwen3.cpp - The family qwen3 ---------------------------------------===//
//
// A llama that normalises each head of query and key before rope. Windows as
// in qwen2.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/Family.h"

using namespace lathe;

void lathe::readQwen3(ConfigReader &reader, TransformerConfig &config) {
  readQwenLike(reader, /*headSize=*/128, config);
  bool bias = reader.boolean("attention_bias", false);
  config.queryKeyValueBias = config.outputBias = bias;
  config.queryKeyNorm = true;
  config.names.queryNorm = "layers.{}.self_attn.q_norm";
  config.names.keyNorm = "layers.{}.self_attn.k_norm";
}
