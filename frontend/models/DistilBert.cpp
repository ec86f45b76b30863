//===- DistilBert.cpp - The family distilbert -----------------------------===//
//
// A bert without token types and pooler, under names of its own.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/Family.h"

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
  readLayerNormModel(reader,
                     {.hidden = "dim",
                      .intermediate = "hidden_dim",
                      .layers = "n_layers",
                      .heads = "n_heads"},
                     {.vocabulary = 30522,
                      .hidden = 768,
                      .intermediate = 3072,
                      .layers = 6,
                      .heads = 12,
                      .context = 512,
                      .tied = true,
                      .padId = 0},
                     config);
  setEncoder(config);
  config.normEpsilon = config.headNormEpsilon = 1e-12f;
  config.activation = readActivation(reader, "activation", "gelu");
  config.headActivation = config.activation;
  config.classifier = ClassifierKind::FirstRelu;
  nameDistilBertTensors(config.names);
  // A table of sines is stored like any other, so the flag says nothing new.
  reader.ignore({"sinusoidal_pos_embds", "tie_weights_", "dropout",
                 "attention_dropout", "qa_dropout", "seq_classif_dropout"});
}
