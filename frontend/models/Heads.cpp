//===- Heads.cpp - What stands on top of the last block -------------------===//

#include "frontend/models/Builder.h"

#include "dialects/lathe/Lathe.h"

using namespace mlir;
using namespace lathe;

Value EntryBuilder::languageHead(Value input) {
  if (weights.headTransform) {
    input = linear(input, weights.headTransform, "head.transform");
    locate("head.activation");
    input = activation(input, config.headActivation);
    locate("head.norm");
    input = LayerNormOp::create(builder, input.getType(), input,
                                get(weights.headTransformNorm.weight),
                                get(weights.headTransformNorm.bias),
                                llvm::APFloat(config.headNormEpsilon));
  }
  Value logits = linear(input, weights.head, "logits");
  if (config.logitSoftcap == 0.0f)
    return logits;
  locate("logits_softcap");
  return SoftcapOp::create(builder, logits.getType(), logits,
                           llvm::APFloat(config.logitSoftcap));
}

static PoolKind dialectKind(SentencePool kind) {
  switch (kind) {
  case SentencePool::None:
    break;
  case SentencePool::Mean:
    return PoolKind::Mean;
  case SentencePool::First:
    return PoolKind::First;
  case SentencePool::Last:
    return PoolKind::Last;
  case SentencePool::Max:
    return PoolKind::Max;
  }
  llvm_unreachable("not a way to pool");
}

Value EntryBuilder::poolRows(Value input, SentencePool kind,
                             const Twine &name) {
  locate(name);
  auto type = tensorType({ShapedType::kDynamic, config.hidden},
                         builder.getF32Type(), {"sequences"});
  return PoolOp::create(builder, type, dialectKind(kind), input,
                        inputs.sequences);
}

Value EntryBuilder::pooler(Value input) {
  Value first = poolRows(input, SentencePool::First, "pooler.first");
  Value dense = linear(first, weights.pooler, "pooler.dense");
  locate("pooler");
  return activation(dense, MlpActivation::Tanh);
}

Value EntryBuilder::sequenceClassifier(Value input) {
  Value rows;
  switch (config.classifier) {
  case ClassifierKind::Pooler:
    rows = pooler(input);
    break;
  case ClassifierKind::FirstTanh:
  case ClassifierKind::FirstRelu:
    rows = poolRows(input, SentencePool::First, "classifier.first");
    rows = linear(rows, weights.classifierDense, "classifier.dense");
    locate("classifier.activation");
    rows = activation(rows, config.classifier == ClassifierKind::FirstTanh
                                ? MlpActivation::Tanh
                                : MlpActivation::Relu);
    break;
  case ClassifierKind::Last:
    rows = poolRows(input, SentencePool::Last, "classifier.last");
    break;
  }
  return linear(rows, weights.classifier, "logits");
}

Value EntryBuilder::tokenClassifier(Value input) {
  return linear(input, weights.classifier, "logits");
}

Value EntryBuilder::embedding(Value input) {
  Value rows = poolRows(input, config.pool, "pool");
  if (!config.normalizeEmbedding)
    return rows;
  locate("embedding");
  // The reference divides by max(length, 1e-12).
  return L2NormalizeOp::create(builder, rows.getType(), rows,
                               llvm::APFloat(1e-12f));
}
