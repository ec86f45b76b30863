//===- Gpt2.cpp - The family gpt2 -----------------------------------------===//
//
// Layer norms before attention and MLP, learned positions, weights stored
// (K, N), and query, key and value side by side in one tensor.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/Family.h"

#include <cmath>

using namespace lathe;

static void nameGpt2Tensors(int64_t hidden, TensorNames &names) {
  names.prefixes = {"transformer.", ""};
  names.tokens = "wte.weight";
  names.positions = "wpe.weight";
  names.query = {"h.{}.attn.c_attn", 0, hidden, 3 * hidden};
  names.key = {"h.{}.attn.c_attn", hidden, 2 * hidden, 3 * hidden};
  names.value = {"h.{}.attn.c_attn", 2 * hidden, 3 * hidden, 3 * hidden};
  names.output.stem = "h.{}.attn.c_proj";
  names.attentionNorm = "h.{}.ln_1";
  names.up.stem = "h.{}.mlp.c_fc";
  names.down.stem = "h.{}.mlp.c_proj";
  names.mlpNorm = "h.{}.ln_2";
  names.finalNorm = "ln_f";
  names.head = "lm_head";
}

/// The factor of the scores: 1/sqrt(D) unless scale_attn_weights is off, over
/// the layer's number from 1 if scale_attn_by_inverse_layer_idx is on.
static void readScales(ConfigReader &reader, TransformerConfig &config) {
  bool plain = reader.boolean("scale_attn_weights", true);
  bool inverse = reader.boolean("scale_attn_by_inverse_layer_idx", false);
  double scale = plain ? 1.0 / std::sqrt(double(config.headSize)) : 1.0;
  for (int64_t layer = 0; layer < config.layers; ++layer)
    config.attentionScales.push_back(
        float(inverse ? scale / double(layer + 1) : scale));
}

void lathe::readGpt2(ConfigReader &reader, TransformerConfig &config) {
  readLayerNormModel(reader,
                     {.hidden = "n_embd",
                      .intermediate = "n_inner",
                      .layers = "n_layer",
                      .heads = "n_head",
                      .positions = "n_positions"},
                     {.vocabulary = 50257,
                      .hidden = 768,
                      .layers = 12,
                      .heads = 12,
                      .context = 1024,
                      .tied = true,
                      .bosIds = {50256},
                      .eosIds = {50256}},
                     config);
  config.normEpsilon = readEpsilon(reader, "layer_norm_epsilon", 1e-5);
  config.activation = readActivation(reader, "activation_function", "gelu_new");
  config.transposedWeights = true;
  config.classifier = ClassifierKind::Last;
  readScales(reader, config);
  nameGpt2Tensors(config.hidden, config.names);
  config.names.classifier =
      config.head == HeadKind::TokenClassification ? "classifier" : "score";
  // n_ctx is n_positions in old configs; the upcast only matters below f32.
  reader.ignore({"n_ctx", "reorder_and_upcast_attn", "summary_use_proj",
                 "summary_activation", "summary_proj_to_labels",
                 "summary_first_dropout", "summary_type"});
}
