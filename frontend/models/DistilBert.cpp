//===- DistilBert.cpp - The family distilbert -----------------------------===//
//
// A bert without token types and pooler, under names of its own.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/Family.h"

#include <algorithm>

using namespace lathe;

static void nameDistilBertTensors(TensorNames &names) {
  names.prefixes = {"distilbert.", ""};
  names.tokens = "embeddings.word_embeddings.weight";
  names.positions = "embeddings.position_embeddings.weight";
  names.embeddingNorm = "embeddings.LayerNorm";
  names.query.stem = "transformer.layer.{}.attention.q_lin";
  names.key.stem = "transformer.layer.{}.attention.k_lin";
  names.value.stem = "transformer.layer.{}.attention.v_lin";
  names.output.stem = "transformer.layer.{}.attention.out_lin";
  names.attentionNorm = "transformer.layer.{}.sa_layer_norm";
  names.up.stem = "transformer.layer.{}.ffn.lin1";
  names.down.stem = "transformer.layer.{}.ffn.lin2";
  names.mlpNorm = "transformer.layer.{}.output_layer_norm";
  names.head = "vocab_projector";
  names.headTransform = "vocab_transform";
  names.headTransformNorm = "vocab_layer_norm";
  names.classifierDense = "pre_classifier";
  names.classifier = "classifier";
}

void lathe::readDistilBert(ConfigReader &reader, TransformerConfig &config) {
  config.vocabulary = reader.integer("vocab_size", 30522);
  config.hidden = reader.integer(reader.firstOf({"dim", "hidden_size"}), 768);
  config.intermediate = reader.integer("hidden_dim", 4 * 768);
  config.layers = reader.integer(
      reader.firstOf({"n_layers", "num_hidden_layers"}), 6, 1, 1 << 12);
  std::string_view heads = reader.firstOf({"n_heads", "num_attention_heads"});
  config.heads = reader.integer(heads, 12);
  requireDivides(reader, heads, config.heads, "dim", config.hidden);
  config.kvHeads = config.heads;
  config.headSize = std::max<int64_t>(config.hidden / config.heads, 1);
  config.positionRows =
      reader.integer("max_position_embeddings", 512, 1, 1 << 24);
  config.context = config.positionRows;
  config.causal = false;
  config.norm = NormKind::Layer;
  config.normPlace = NormPlace::Post;
  config.embeddingNorm = true;
  config.normEpsilon = config.headNormEpsilon = 1e-12f;
  config.activation = readActivation(reader, "activation", "gelu");
  config.headActivation = config.activation;
  config.gated = false;
  config.queryKeyValueBias = config.outputBias = config.mlpBias = true;
  config.tiedHead = reader.boolean("tie_word_embeddings", true);
  config.classifier = ClassifierKind::FirstRelu;
  readIds(reader, {.padId = 0}, config);
  setPlainScales(config);
  config.windows.assign(config.layers, 0);
  nameDistilBertTensors(config.names);
  // A table of sines is stored like any other, so the flag says nothing new.
  reader.ignore({"sinusoidal_pos_embds", "tie_weights_", "dropout",
                 "attention_dropout", "qa_dropout", "seq_classif_dropout",
                 "hidden_size", "num_hidden_layers", "num_attention_heads"});
}
