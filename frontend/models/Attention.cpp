//===- Attention.cpp - Attention of one block -----------------------------===//

#include "frontend/models/Builder.h"

#include "dialects/lathe/Lathe.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace lathe;

/// (T, count * D) as (T, count, D).
Value EntryBuilder::heads(Value input, int64_t count) {
  auto type = cast<RankedTensorType>(input.getType());
  auto split =
      RankedTensorType::get({ShapedType::kDynamic, count, config.headSize},
                            type.getElementType(), type.getEncoding());
  if (!tokenCount)
    tokenCount = tensor::DimOp::create(builder, inputs.tokens, 0);
  SmallVector<OpFoldResult> sizes = {tokenCount, builder.getIndexAttr(count),
                                     builder.getIndexAttr(config.headSize)};
  SmallVector<ReassociationIndices> groups = {{0}, {1, 2}};
  return tensor::ExpandShapeOp::create(builder, split, input, groups, sizes);
}

/// (T, H, D) as (T, H * D).
Value EntryBuilder::joinHeads(Value input) {
  auto type = cast<RankedTensorType>(input.getType());
  auto joined = RankedTensorType::get(
      {ShapedType::kDynamic, type.getDimSize(1) * type.getDimSize(2)},
      type.getElementType(), type.getEncoding());
  SmallVector<ReassociationIndices> groups = {{0}, {1, 2}};
  return tensor::CollapseShapeOp::create(builder, joined, input, groups);
}

Value EntryBuilder::attend(Value query, Value key, Value value, int64_t layer) {
  return AttentionOp::create(
      builder, query.getType(), query, key, value, inputs.sequences,
      llvm::APFloat(config.attentionScales[layer]), config.causal,
      uint64_t(config.windows[layer]), llvm::APFloat(config.attentionSoftcap));
}

Value EntryBuilder::attendCached(Value query, Value key, Value value,
                                 int64_t layer) {
  MLIRContext *context = builder.getContext();
  auto keysName = FlatSymbolRefAttr::get(context, stateName(layer, "keys"));
  auto valuesName = FlatSymbolRefAttr::get(context, stateName(layer, "values"));
  Type keysType = keyPagesType(config, cache, context);
  Type valuesType = valuePagesType(config, cache, context);
  Value keys = GetStateOp::create(builder, keysType, keysName);
  Value values = GetStateOp::create(builder, valuesType, valuesName);
  auto append =
      AppendOp::create(builder, keysType, valuesType, key, value, keys, values,
                       inputs.positions, inputs.sequences, inputs.pageTable);
  SetStateOp::create(builder, append.getNewKeys(), keysName);
  SetStateOp::create(builder, append.getNewValues(), valuesName);
  return CachedAttentionOp::create(
      builder, query.getType(), query, append.getNewKeys(),
      append.getNewValues(), inputs.positions, inputs.sequences,
      inputs.pageTable, llvm::APFloat(config.attentionScales[layer]),
      uint64_t(config.windows[layer]), llvm::APFloat(config.attentionSoftcap));
}

Value EntryBuilder::attention(Value input, int64_t layer) {
  const LayerWeights &row = weights.layers[layer];
  std::string name = "layers." + std::to_string(layer) + ".";
  Value query = heads(linear(input, row.query, name + "query"), config.heads);
  Value key = heads(linear(input, row.key, name + "key"), config.kvHeads);
  Value value = heads(linear(input, row.value, name + "value"), config.kvHeads);
  if (config.queryKeyNorm) {
    query = norm(query, {row.queryNorm, {}}, name + "query_norm");
    key = norm(key, {row.keyNorm, {}}, name + "key_norm");
  }
  if (weights.rope) {
    Value table = get(weights.rope);
    locate(name + "query_rope");
    query = RopeOp::create(builder, query.getType(), query, inputs.positions,
                           table);
    locate(name + "key_rope");
    key = RopeOp::create(builder, key.getType(), key, inputs.positions, table);
  }
  locate(name + "attention");
  Value mixed = inputs.pageTable ? attendCached(query, key, value, layer)
                                 : attend(query, key, value, layer);
  return linear(joinHeads(mixed), row.output, name + "output");
}
