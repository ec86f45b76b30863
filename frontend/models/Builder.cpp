//===- Builder.cpp - Symbols, blocks and entries of a model ---------------===//

#include "frontend/models/Builder.h"

#include "dialects/lathe/Lathe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace lathe;

static constexpr int64_t kDynamic = ShapedType::kDynamic;

std::string lathe::stateName(int64_t layer, const char *what) {
  return "layers." + std::to_string(layer) + "." + what;
}

/// Pages whose heads are (\p rows, \p columns).
static RankedTensorType pagesType(const TransformerConfig &config,
                                  CacheType cache, int64_t rows,
                                  int64_t columns, MLIRContext *context) {
  Type element = Float32Type::get(context);
  if (cache == CacheType::Bf16)
    element = BFloat16Type::get(context);
  RankedTensorType pages =
      tensorType({kDynamic, config.kvHeads, rows, columns}, element, {"pages"});
  if (cache != CacheType::Q8)
    return pages;
  auto byte = IntegerType::get(context, 8, IntegerType::Signed);
  return withRowQuant(pages, QuantAttr::get(context, byte, config.headSize,
                                            element, /*minimum=*/nullptr,
                                            /*zero=*/0, /*block=*/0));
}

RankedTensorType lathe::keyPagesType(const TransformerConfig &config,
                                     CacheType cache, MLIRContext *context) {
  return pagesType(config, cache, config.headSize, kPagePositions, context);
}

RankedTensorType lathe::valuePagesType(const TransformerConfig &config,
                                       CacheType cache, MLIRContext *context) {
  return pagesType(config, cache, kPagePositions, config.headSize, context);
}

RankedTensorType lathe::withColumns(Type type, int64_t columns) {
  auto old = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(old.getShape());
  shape.back() = columns;
  return RankedTensorType::get(shape, old.getElementType(), old.getEncoding());
}

static bool hasSteps(const TransformerConfig &config) {
  return config.head == HeadKind::CausalLm;
}

void lathe::declareSymbols(const TransformerConfig &config,
                           const ModelLimits &limits, ModuleOp module) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Location loc = builder.getUnknownLoc();
  auto symbol = [&](StringRef name, int64_t maximum, bool atLoad) {
    SymbolOp::create(builder, loc, name, 1, maximum, atLoad);
  };
  symbol("tokens", limits.maxTokens, /*atLoad=*/false);
  symbol("sequences", limits.maxTokens, /*atLoad=*/false);
  if (!hasSteps(config))
    return;
  int64_t slotPages = (limits.context + kPagePositions - 1) / kPagePositions;
  symbol("rows", limits.maxTokens, /*atLoad=*/false);
  symbol("pages", limits.maxSlots * slotPages, /*atLoad=*/true);
  symbol("slots", limits.maxSlots, /*atLoad=*/true);
  symbol("slot_pages", slotPages, /*atLoad=*/true);
  MLIRContext *context = module.getContext();
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    StateOp::create(builder, loc, stateName(layer, "keys"),
                    keyPagesType(config, limits.cache, context));
    StateOp::create(builder, loc, stateName(layer, "values"),
                    valuePagesType(config, limits.cache, context));
  }
}

//===----------------------------------------------------------------------===//
// Ops that several parts use
//===----------------------------------------------------------------------===//

EntryBuilder::EntryBuilder(const TransformerConfig &config,
                           const ModelWeights &weights, CacheType cache,
                           Block *block)
    : builder(UnknownLoc::get(block->getParentOp()->getContext()),
              OpBuilder::atBlockEnd(block)),
      config(config), weights(weights), cache(cache) {}

void EntryBuilder::locate(const Twine &name) {
  builder.setLoc(NameLoc::get(builder.getStringAttr(name)));
}

Value EntryBuilder::get(const Weight &weight) {
  Value &value = values[weight.symbol];
  if (!value)
    value = GetOp::create(builder, weight.type, weight.symbol);
  return value;
}

Value EntryBuilder::linear(Value input, const LinearWeights &layer,
                           const Twine &name) {
  locate(name);
  Type type = withColumns(input.getType(), layer.weight.type.getDimSize(0));
  Value weight = get(layer.weight);
  Value bias = layer.bias ? get(layer.bias) : Value();
  return LinearOp::create(builder, type, input, weight, bias, ReduceAttr());
}

Value EntryBuilder::norm(Value input, const NormWeights &row,
                         const Twine &name) {
  locate(name);
  Value weight = get(row.weight);
  llvm::APFloat epsilon(config.normEpsilon);
  if (config.norm == NormKind::Rms)
    return RmsNormOp::create(builder, input.getType(), input, weight, epsilon,
                             llvm::APFloat(config.normOffset));
  return LayerNormOp::create(builder, input.getType(), input, weight,
                             get(row.bias), epsilon);
}

static ActivationKind dialectKind(MlpActivation kind) {
  switch (kind) {
  case MlpActivation::Gelu:
    return ActivationKind::Gelu;
  case MlpActivation::GeluTanh:
    return ActivationKind::GeluTanh;
  case MlpActivation::Silu:
    return ActivationKind::Silu;
  case MlpActivation::Relu:
    return ActivationKind::Relu;
  case MlpActivation::Tanh:
    return ActivationKind::Tanh;
  case MlpActivation::QuickGelu:
    return ActivationKind::QuickGelu;
  }
  llvm_unreachable("not an MlpActivation");
}

Value EntryBuilder::activation(Value input, MlpActivation kind) {
  return ActivationOp::create(builder, input.getType(), dialectKind(kind),
                              input);
}

Value EntryBuilder::gather(Value table, Value indices, float scale) {
  auto tableType = cast<RankedTensorType>(table.getType());
  auto indexType = cast<RankedTensorType>(indices.getType());
  auto type =
      RankedTensorType::get({kDynamic, tableType.getDimSize(1)},
                            builder.getF32Type(), indexType.getEncoding());
  return GatherOp::create(builder, type, table, indices, llvm::APFloat(scale));
}

Value EntryBuilder::sum(Value lhs, Value rhs, const Twine &name) {
  locate(name);
  return arith::AddFOp::create(builder, lhs, rhs);
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

Value EntryBuilder::block(Value input, int64_t layer) {
  const LayerWeights &row = weights.layers[layer];
  bool post = config.normPlace == NormPlace::Post;
  bool sandwich = config.normPlace == NormPlace::Sandwich;
  std::string name = "layers." + std::to_string(layer) + ".";

  Value inner =
      post ? input : norm(input, row.attentionNorm, name + "attention_norm");
  inner = attention(inner, layer);
  if (sandwich)
    inner =
        norm(inner, row.attentionOutputNorm, name + "attention_output_norm");
  Value middle = sum(input, inner, name + "attention_sum");
  if (post)
    middle = norm(middle, row.attentionNorm, name + "attention_norm");

  inner = post ? middle : norm(middle, row.mlpNorm, name + "mlp_norm");
  inner = mlp(inner, layer);
  if (sandwich)
    inner = norm(inner, row.mlpOutputNorm, name + "mlp_output_norm");
  Value result = sum(middle, inner, name + "mlp_sum");
  return post ? norm(result, row.mlpNorm, name + "mlp_norm") : result;
}

Value EntryBuilder::blocks(std::vector<Value> &hidden) {
  hidden.push_back(embeddings());
  for (int64_t layer = 0; layer < config.layers; ++layer)
    hidden.push_back(block(hidden.back(), layer));
  return hidden.back();
}

Value EntryBuilder::finalNorm(Value input) {
  return weights.finalNorm.weight ? norm(input, weights.finalNorm, "norm")
                                  : input;
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

namespace {

/// An argument or result of an entry.
struct Port {
  StringRef name;
  RankedTensorType type;
  /// Exclusive bound of the elements, a number or a symbol; none for results.
  int64_t limit = 0;
  StringRef limitSymbol = "";
  Value EntryInputs::*slot = nullptr;
  /// Also below the positions that this many pages hold; empty: no such bound.
  StringRef limitPages = "";
};

/// Adds entries to a module.
class Entries {
public:
  Entries(const TransformerConfig &config, const ModelWeights &weights,
          const ModelLimits &limits, ModuleOp module)
      : config(config), weights(weights), limits(limits), module(module),
        integer(IntegerType::get(module.getContext(), 32)) {}

  void forward(StringRef name, bool withHidden);
  void embed();
  void step(StringRef name, bool greedy);

private:
  func::FuncOp begin(StringRef name, ArrayRef<Port> inputs);
  EntryBuilder body(func::FuncOp entry, ArrayRef<Port> inputs);
  void end(func::FuncOp entry, EntryBuilder &body);
  void result(StringRef name, Value value) {
    names.push_back(name.str());
    results.push_back(value);
  }
  RankedTensorType list(StringRef symbol) const {
    return tensorType({kDynamic}, integer, {symbol});
  }
  SmallVector<Port> tokenPorts(bool steps) const;

  const TransformerConfig &config;
  const ModelWeights &weights;
  const ModelLimits &limits;
  ModuleOp module;
  Type integer;
  /// Of the entry that is being built.
  SmallVector<std::string> names;
  SmallVector<Value> results;
};

} // namespace

/// Whether a row of \p config's forward stands for a sequence.
static bool hasSequenceRows(const TransformerConfig &config,
                            const ModelWeights &weights) {
  return config.head == HeadKind::SequenceClassification ||
         (config.head == HeadKind::None && weights.pooler);
}

SmallVector<Port> Entries::tokenPorts(bool steps) const {
  // In a step a sequence is a slot of the cache; else they are numbered, and
  // the caller says how many rows he takes if there is a row for each.
  StringRef bound = steps                              ? "slots"
                    : hasSequenceRows(config, weights) ? "sequences"
                                                       : "tokens";
  SmallVector<Port> ports = {
      {"tokens", list("tokens"), config.vocabulary, "", &EntryInputs::tokens},
      {"positions", list("tokens"), limits.context, "",
       &EntryInputs::positions},
      {"sequences", list("tokens"), 0, bound, &EntryInputs::sequences}};
  if (config.tokenTypes)
    ports.push_back({"token_types", list("tokens"), config.tokenTypes, "",
                     &EntryInputs::tokenTypes});
  return ports;
}

func::FuncOp Entries::begin(StringRef name, ArrayRef<Port> inputs) {
  names.clear();
  results.clear();
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  SmallVector<Type> types;
  for (const Port &port : inputs)
    types.push_back(port.type);
  auto entry = func::FuncOp::create(builder, builder.getUnknownLoc(), name,
                                    builder.getFunctionType(types, {}));
  entry->setAttr("lathe.entry", builder.getUnitAttr());
  for (auto [index, port] : llvm::enumerate(inputs)) {
    entry.setArgAttr(index, "lathe.name", builder.getStringAttr(port.name));
    if (!port.limitSymbol.empty())
      entry.setArgAttr(index, "lathe.limit_symbol",
                       builder.getStringAttr(port.limitSymbol));
    else
      entry.setArgAttr(index, "lathe.limit",
                       builder.getI64IntegerAttr(port.limit));
    if (!port.limitPages.empty())
      entry.setArgAttr(index, "lathe.limit_pages",
                       builder.getStringAttr(port.limitPages));
  }
  return entry;
}

EntryBuilder Entries::body(func::FuncOp entry, ArrayRef<Port> inputs) {
  EntryBuilder body(config, weights, limits.cache, entry.addEntryBlock());
  for (auto [index, port] : llvm::enumerate(inputs))
    body.inputs.*port.slot = entry.getArgument(index);
  return body;
}

void Entries::end(func::FuncOp entry, EntryBuilder &body) {
  func::ReturnOp::create(body.builder, results);
  SmallVector<Type> types(ValueRange(results).getTypes());
  Builder builder(module.getContext());
  entry.setType(builder.getFunctionType(entry.getArgumentTypes(), types));
  for (auto [index, name] : llvm::enumerate(names))
    entry.setResultAttr(index, "lathe.name", builder.getStringAttr(name));
}

void Entries::forward(StringRef name, bool withHidden) {
  SmallVector<Port> inputs = tokenPorts(/*steps=*/false);
  func::FuncOp entry = begin(name, inputs);
  EntryBuilder builder = body(entry, inputs);
  std::vector<Value> hidden;
  Value last = builder.finalNorm(builder.blocks(hidden));
  // The reference gives the last block's rows after the final norm.
  hidden.back() = last;
  switch (config.head) {
  case HeadKind::None:
    result("last_hidden_state", last);
    if (weights.pooler)
      result("pooler_output", builder.pooler(last));
    break;
  case HeadKind::CausalLm:
  case HeadKind::MaskedLm:
    result("logits", builder.languageHead(last));
    break;
  case HeadKind::SequenceClassification:
    result("logits", builder.sequenceClassifier(last));
    break;
  case HeadKind::TokenClassification:
    result("logits", builder.tokenClassifier(last));
    break;
  }
  if (withHidden)
    for (auto [index, value] : llvm::enumerate(hidden))
      result("hidden." + std::to_string(index), value);
  end(entry, builder);
}

void Entries::embed() {
  SmallVector<Port> inputs = tokenPorts(/*steps=*/false);
  inputs[2].limitSymbol = "sequences";
  func::FuncOp entry = begin("embed", inputs);
  EntryBuilder builder = body(entry, inputs);
  std::vector<Value> hidden;
  Value last = builder.finalNorm(builder.blocks(hidden));
  result("embedding", builder.embedding(last));
  end(entry, builder);
}

void Entries::step(StringRef name, bool greedy) {
  SmallVector<Port> inputs = tokenPorts(/*steps=*/true);
  // A context may be made with fewer pages than the model has positions.
  inputs[1].limitPages = "slot_pages";
  inputs.push_back({"rows", list("rows"), 0, "tokens", &EntryInputs::rows});
  inputs.push_back(
      {"page_table",
       tensorType({kDynamic, kDynamic}, integer, {"slots", "slot_pages"}), 0,
       "pages", &EntryInputs::pageTable});
  func::FuncOp entry = begin(name, inputs);
  EntryBuilder builder = body(entry, inputs);
  std::vector<Value> hidden;
  Value last = builder.blocks(hidden);
  // Only the rows that are asked for go on.
  builder.locate("rows");
  Value rows = builder.gather(last, builder.inputs.rows);
  Value logits = builder.languageHead(builder.finalNorm(rows));
  if (!greedy) {
    result("logits", logits);
    return end(entry, builder);
  }
  builder.locate("next");
  result("next", ArgmaxOp::create(builder.builder, list("rows"), logits,
                                  /*places=*/Value()));
  end(entry, builder);
}

void lathe::buildEntries(const TransformerConfig &config,
                         const ModelWeights &weights, const ModelLimits &limits,
                         ModuleOp module) {
  Entries entries(config, weights, limits, module);
  entries.forward("forward", /*withHidden=*/false);
  entries.forward("forward_hidden", /*withHidden=*/true);
  if (config.pool != SentencePool::None)
    entries.embed();
  if (!hasSteps(config))
    return;
  entries.step("step", /*greedy=*/false);
  entries.step("step_greedy", /*greedy=*/true);
}
