//===- Family.cpp - Config fields that several families share -------------===//

#include "frontend/models/Family.h"

#include "frontend/models/Rope.h"

#include <algorithm>
#include <cmath>

using namespace lathe;

MlpActivation lathe::readActivation(ConfigReader &reader, std::string_view key,
                                    std::string fallback) {
  struct Row {
    std::string_view name;
    MlpActivation activation;
  };
  // Several names of the reference are one formula.
  static constexpr Row rows[] = {
      {"gelu", MlpActivation::Gelu},
      {"gelu_python", MlpActivation::Gelu},
      {"gelu_new", MlpActivation::GeluTanh},
      {"gelu_fast", MlpActivation::GeluTanh},
      {"gelu_accurate", MlpActivation::GeluTanh},
      {"gelu_pytorch_tanh", MlpActivation::GeluTanh},
      {"gelu_python_tanh", MlpActivation::GeluTanh},
      {"silu", MlpActivation::Silu},
      {"swish", MlpActivation::Silu},
      {"relu", MlpActivation::Relu},
      {"tanh", MlpActivation::Tanh},
      {"quick_gelu", MlpActivation::QuickGelu},
  };
  std::string name = reader.text(key, std::move(fallback));
  for (const Row &row : rows)
    if (row.name == name)
      return row.activation;
  reader.unsupported(key, "the function \"" + name + "\" is not supported");
  return MlpActivation::Gelu;
}

void lathe::requireDivides(ConfigReader &reader, std::string_view key,
                           int64_t part, std::string_view wholeName,
                           int64_t whole) {
  if (whole % part == 0)
    return;
  reader.fail(key, std::to_string(part) + " does not divide " +
                       std::string(wholeName) + ", " + std::to_string(whole));
}

void lathe::readIds(ConfigReader &reader, const Defaults &defaults,
                    TransformerConfig &config) {
  config.bosIds = reader.ids("bos_token_id", defaults.bosIds);
  config.eosIds = reader.ids("eos_token_id", defaults.eosIds);
  config.padId = defaults.padId;
  if (reader.contains("pad_token_id")) {
    // Some configs write -1 for none.
    std::optional<int64_t> id = reader.optionalInteger("pad_token_id", -1);
    config.padId = id && *id >= 0 ? id : std::nullopt;
  }
}

void lathe::setPlainScales(TransformerConfig &config) {
  float scale = float(1.0 / std::sqrt(double(config.headSize)));
  config.attentionScales.assign(config.layers, scale);
}

void lathe::readWindows(ConfigReader &reader, TransformerConfig &config,
                        int64_t window,
                        bool (*slides)(int64_t layer, int64_t from),
                        int64_t from) {
  config.windows.assign(config.layers, 0);
  if (!reader.has("layer_types")) {
    for (int64_t layer = 0; layer < config.layers; ++layer)
      if (window && slides(layer, from))
        config.windows[layer] = window;
    return;
  }
  std::vector<std::string> types = reader.texts("layer_types");
  if (reader.isOk() && types.size() != size_t(config.layers))
    reader.fail("layer_types", "expected one for each of the " +
                                   std::to_string(config.layers) +
                                   " layers, got " +
                                   std::to_string(types.size()));
  if (!reader.isOk())
    return;
  for (size_t layer = 0; layer < types.size(); ++layer) {
    if (types[layer] == "full_attention")
      continue;
    if (types[layer] != "sliding_attention")
      reader.unsupported("layer_types",
                         "the kind \"" + types[layer] + "\" of layer " +
                             std::to_string(layer) + " is not supported");
    else if (window == 0)
      reader.fail("layer_types", "layer " + std::to_string(layer) +
                                     " slides, but there is no window");
    config.windows[layer] = window;
  }
}

void lathe::readSizes(ConfigReader &reader, const SizeNames &names,
                      const Defaults &defaults, TransformerConfig &config) {
  constexpr SizeNames common;
  std::string_view hidden = reader.firstOf({names.hidden, common.hidden});
  std::string_view layers = reader.firstOf({names.layers, common.layers});
  std::string_view heads = reader.firstOf({names.heads, common.heads});
  std::string_view positions =
      reader.firstOf({names.positions, common.positions});
  config.vocabulary = reader.integer("vocab_size", defaults.vocabulary);
  config.hidden = reader.integer(hidden, defaults.hidden);
  config.intermediate = reader.integer(
      names.intermediate,
      defaults.intermediate ? defaults.intermediate : 4 * config.hidden);
  config.layers = reader.integer(layers, defaults.layers, 1, 1 << 12);
  config.heads = reader.integer(heads, defaults.heads);
  config.contextField = positions;
  config.context = reader.integer(positions, defaults.context, 1, 1 << 24);
  config.windows.assign(config.layers, 0);
  config.tiedHead = reader.boolean("tie_word_embeddings", defaults.tied);
  readIds(reader, defaults, config);
  for (std::string_view name :
       {names.hidden, names.layers, names.heads, names.positions, common.hidden,
        common.layers, common.heads, common.positions})
    reader.ignore({name});
}

/// Heads that share out hidden_size.
static void shareHeads(ConfigReader &reader, const SizeNames &names,
                       TransformerConfig &config) {
  requireDivides(reader, names.heads, config.heads, names.hidden,
                 config.hidden);
  config.headSize = std::max<int64_t>(config.hidden / config.heads, 1);
}

float lathe::readEpsilon(ConfigReader &reader, std::string_view key,
                         double fallback) {
  return float(reader.number(key, fallback, 1e-30, 1.0));
}

void lathe::readLayerNormModel(ConfigReader &reader, const SizeNames &names,
                               const Defaults &defaults,
                               TransformerConfig &config) {
  readSizes(reader, names, defaults, config);
  config.kvHeads = config.heads;
  shareHeads(reader, names, config);
  config.positionRows = config.context;
  config.norm = NormKind::Layer;
  config.gated = false;
  config.queryKeyValueBias = config.outputBias = config.mlpBias = true;
}

void lathe::setEncoder(TransformerConfig &config) {
  config.causal = false;
  config.normPlace = NormPlace::Post;
  config.embeddingNorm = true;
  setPlainScales(config);
}

/// Heads of key and value, and the size of a head; heads and hidden are known.
static void readHeads(ConfigReader &reader, const Defaults &defaults,
                      TransformerConfig &config) {
  int64_t kvFallback = reader.contains("num_key_value_heads")
                           ? config.heads
                           : defaults.kvHeads.value_or(config.heads);
  config.kvHeads = reader.integer("num_key_value_heads", kvFallback);
  requireDivides(reader, "num_key_value_heads", config.kvHeads,
                 "num_attention_heads", config.heads);
  if (!defaults.headSize && !reader.has("head_dim")) {
    shareHeads(reader, {}, config);
    reader.ignore({"head_dim"});
    return;
  }
  config.headSize =
      reader.integer("head_dim", defaults.headSize.value_or(1), 1, 1 << 16);
}

static void nameLlamaTensors(TensorNames &names) {
  names.prefixes = {"model.", ""};
  names.tokens = "embed_tokens.weight";
  names.query.stem = "layers.{}.self_attn.q_proj";
  names.key.stem = "layers.{}.self_attn.k_proj";
  names.value.stem = "layers.{}.self_attn.v_proj";
  names.output.stem = "layers.{}.self_attn.o_proj";
  names.attentionNorm = "layers.{}.input_layernorm";
  names.gate.stem = "layers.{}.mlp.gate_proj";
  names.up.stem = "layers.{}.mlp.up_proj";
  names.down.stem = "layers.{}.mlp.down_proj";
  names.mlpNorm = "layers.{}.post_attention_layernorm";
  names.finalNorm = "norm";
  names.head = "lm_head";
  names.classifier = "score";
}

void lathe::readLlamaLike(ConfigReader &reader, const Defaults &defaults,
                          TransformerConfig &config) {
  readSizes(reader, {}, defaults, config);
  readHeads(reader, defaults, config);
  config.activation = readActivation(reader, "hidden_act", defaults.activation);
  config.normEpsilon =
      readEpsilon(reader, "rms_norm_eps", defaults.normEpsilon);
  config.classifier = ClassifierKind::Last;
  if (reader.isOk())
    readRope(reader, config);
  setPlainScales(config);
  nameLlamaTensors(config.names);
  reader.ignore({"attention_dropout", "pretraining_tp", "rope_interleaved"});
}

static void nameBertTensors(TensorNames &names) {
  names.tokens = "embeddings.word_embeddings.weight";
  names.positions = "embeddings.position_embeddings.weight";
  names.tokenTypes = "embeddings.token_type_embeddings.weight";
  names.embeddingNorm = "embeddings.LayerNorm";
  names.query.stem = "encoder.layer.{}.attention.self.query";
  names.key.stem = "encoder.layer.{}.attention.self.key";
  names.value.stem = "encoder.layer.{}.attention.self.value";
  names.output.stem = "encoder.layer.{}.attention.output.dense";
  names.attentionNorm = "encoder.layer.{}.attention.output.LayerNorm";
  names.up.stem = "encoder.layer.{}.intermediate.dense";
  names.down.stem = "encoder.layer.{}.output.dense";
  names.mlpNorm = "encoder.layer.{}.output.LayerNorm";
  names.pooler = "pooler.dense";
}

void lathe::readBertLike(ConfigReader &reader, Defaults defaults,
                         TransformerConfig &config) {
  defaults.hidden = 768;
  defaults.intermediate = 3072;
  defaults.layers = defaults.heads = 12;
  defaults.context = 512;
  defaults.tied = true;
  readLayerNormModel(reader, {}, defaults, config);
  setEncoder(config);
  config.tokenTypes = reader.integer("type_vocab_size", 2);
  config.normEpsilon = config.headNormEpsilon =
      readEpsilon(reader, "layer_norm_eps", 1e-12);
  config.activation = readActivation(reader, "hidden_act", "gelu");
  nameBertTensors(config.names);

  std::string kind = reader.text("position_embedding_type", "absolute");
  if (kind != "absolute")
    reader.unsupported("position_embedding_type",
                       "\"" + kind + "\" is not supported");
}
