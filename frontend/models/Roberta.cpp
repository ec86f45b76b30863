//===- Roberta.cpp - The family roberta -----------------------------------===//
//
// A bert whose positions begin at pad_token_id + 1 of their table, with a
// classifier of two layers.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/Family.h"

using namespace lathe;

void lathe::readRoberta(ConfigReader &reader, TransformerConfig &config) {
  readBertLike(reader,
               {.vocabulary = 50265, .bosIds = {0}, .eosIds = {2}, .padId = 1},
               config);
  if (!config.padId)
    reader.fail("pad_token_id", "positions begin after it, but there is none");
  config.positionOffset = config.padId.value_or(0) + 1;
  config.context = config.positionRows - config.positionOffset;
  if (config.context < 1)
    reader.fail("max_position_embeddings",
                std::to_string(config.positionRows) +
                    " rows leave no position after pad_token_id, " +
                    std::to_string(config.positionOffset - 1));
  config.classifier = ClassifierKind::FirstTanh;
  config.headActivation = MlpActivation::Gelu;
  TensorNames &names = config.names;
  names.prefixes = {"roberta.", ""};
  names.head = "lm_head.decoder";
  names.headBias = "lm_head.bias";
  names.headTransform = "lm_head.dense";
  names.headTransformNorm = "lm_head.layer_norm";
  bool sequences = config.head == HeadKind::SequenceClassification;
  names.classifierDense = "classifier.dense";
  names.classifier = sequences ? "classifier.out_proj" : "classifier";
}
