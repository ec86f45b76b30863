//===- Bert.cpp - The family bert -----------------------------------------===//

#include "frontend/models/Family.h"

using namespace lathe;

void lathe::readBert(ConfigReader &reader, TransformerConfig &config) {
  readBertLike(reader, {.vocabulary = 30522, .padId = 0}, config);
  config.classifier = ClassifierKind::Pooler;
  config.headActivation = config.activation;
  TensorNames &names = config.names;
  names.prefixes = {"bert.", ""};
  names.head = "cls.predictions.decoder";
  names.headBias = "cls.predictions.bias";
  names.headTransform = "cls.predictions.transform.dense";
  names.headTransformNorm = "cls.predictions.transform.LayerNorm";
  names.classifier = "classifier";
  // The sizes of a pooler that no published code has.
  reader.ignore({"directionality", "pooler_fc_size", "pooler_num_fc_layers",
                 "pooler_num_attention_heads", "pooler_size_per_head",
                 "pooler_type"});
}
