//===- StoredNames.cpp - What checkpoints call their tensors --------------===//

#include "frontend/weights/StoredNames.h"

using namespace lathe;

std::string lathe::inLayer(const std::string &pattern, int64_t layer) {
  size_t hole = pattern.find("{}");
  if (hole == std::string::npos)
    return pattern;
  return pattern.substr(0, hole) + std::to_string(layer) +
         pattern.substr(hole + 2);
}

std::string lathe::legacyName(std::string_view name) {
  constexpr std::string_view weight = "LayerNorm.weight",
                             bias = "LayerNorm.bias";
  if (name.ends_with(weight))
    return std::string(name.substr(0, name.size() - weight.size())) +
           "LayerNorm.gamma";
  if (name.ends_with(bias))
    return std::string(name.substr(0, name.size() - bias.size())) +
           "LayerNorm.beta";
  return {};
}

bool lathe::isBuffer(std::string_view name) {
  return name.ends_with("position_ids") || name.ends_with(".attn.bias") ||
         name.ends_with(".attn.masked_bias") ||
         name.ends_with("rotary_emb.inv_freq") ||
         name.ends_with("token_type_ids");
}
