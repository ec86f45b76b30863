//===- GgufWeights.cpp - A GGUF file's tensors as parameters --------------===//

#include "frontend/weights/GgufWeights.h"

#include "dialects/lathe/Lathe.h"
#include "frontend/weights/DerivedWeights.h"
#include "frontend/weights/GgufEncoding.h"
#include "frontend/weights/StoredNames.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"

#include <set>

using namespace mlir;
using namespace lathe;
using runtime::GgufTensor;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

namespace {

/// Declares weights one by one and keeps the first error: after it, what it
/// gives is null.
class Declarer {
public:
  Declarer(const GgufSources &sources, ModuleOp module)
      : sources(sources), config(sources.config),
        builder(OpBuilder::atBlockEnd(module.getBody())),
        loc(UnknownLoc::get(module.getContext())) {}

  ModelWeights declare();
  Status takeStatus() { return std::move(error); }
  void refuseUnused();

private:
  void fail(const std::string &name, const std::string &message,
            StatusCode code = StatusCode::InvalidFile) {
    if (error.isOk())
      error = sources.file.error(name, message, code);
  }
  Weight parameter(const std::string &name, llvm::ArrayRef<int64_t> shape);
  Weight plain(const std::string &name, llvm::ArrayRef<int64_t> shape,
               const std::string &symbol, int64_t interleaved = 0);
  LinearWeights linear(const LinearName &name, const char *part, int64_t layer,
                       int64_t out, int64_t in, bool bias,
                       int64_t interleaved = 0);
  NormWeights norm(const std::string &stem);
  Weight row(const std::string &stem);
  LayerWeights layer(int64_t number);
  void ropeTable(ModelWeights &weights);

  const GgufSources &sources;
  const TransformerConfig &config;
  OpBuilder builder;
  Location loc;
  Status error = Status::ok();
  llvm::StringMap<Weight> declared;
  std::set<std::string, std::less<>> used;
};

} // namespace

/// "[160, 48]": sizes in the file's order, innermost first.
static std::string dimsText(llvm::ArrayRef<int64_t> dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i)
    text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

/// Declares the tensor \p name of \p shape, outermost first, as it is stored.
Weight Declarer::parameter(const std::string &name,
                           llvm::ArrayRef<int64_t> shape) {
  if (!error.isOk())
    return {};
  const GgufTensor *tensor = sources.file.findTensor(name);
  if (!tensor) {
    fail(name, "there is no such tensor, but the metadata asks for it");
    return {};
  }
  SmallVector<int64_t> dims(llvm::reverse(shape));
  if (llvm::ArrayRef(tensor->dims) != llvm::ArrayRef(dims)) {
    fail(name, "has the sizes " + dimsText(tensor->dims) +
                   ", but the metadata asks for " + dimsText(dims));
    return {};
  }
  RankedTensorType type =
      parameterType(builder.getContext(), tensor->type, tensor->dims);
  if (!type) {
    fail(name,
         "elements of type " +
             std::string(runtime::findGgmlType(tensor->type)->name) +
             " are not supported (F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, "
             "Q8_0, Q4_K, Q5_K and Q6_K are)",
         StatusCode::Unsupported);
    return {};
  }
  used.insert(name);
  ParameterOp::create(builder, loc, name, type, sources.name, name);
  return {FlatSymbolRefAttr::get(builder.getContext(), name), type};
}

/// Rows of heads that are stored as 0, D/2, 1, D/2 + 1, … in ascending order.
static Value deinterleave(OpBuilder &body, Location loc, Value input,
                          int64_t heads) {
  auto type = llvm::cast<RankedTensorType>(input.getType());
  int64_t half = type.getDimSize(0) / heads / 2;
  SmallVector<int64_t> pairs = {heads, half, 2};
  SmallVector<int64_t> halves = {heads, 2, half};
  SmallVector<int64_t> order = {0, 2, 1};
  if (type.getRank() == 2) {
    pairs.push_back(type.getDimSize(1));
    halves.push_back(type.getDimSize(1));
    order.push_back(3);
  }
  Type element = type.getElementType();
  Value value = ReshapeOp::create(body, loc,
                                  RankedTensorType::get(pairs, element), input);
  value = PermuteOp::create(body, loc, RankedTensorType::get(halves, element),
                            value, order);
  return ReshapeOp::create(body, loc, type, value);
}

/// The tensor \p name as plain values, under \p symbol where that is not how it
/// is stored. \p interleaved: heads whose rows are to be put in order.
Weight Declarer::plain(const std::string &name, llvm::ArrayRef<int64_t> shape,
                       const std::string &symbol, int64_t interleaved) {
  auto [entry, isNew] = declared.try_emplace(name);
  if (!isNew)
    return entry->second;
  Weight stored = parameter(name, shape);
  entry->second = stored;
  if (!stored || (!stored.type.getEncoding() && !interleaved))
    return stored;
  auto type = RankedTensorType::get(stored.type.getShape(),
                                    stored.type.getElementType());
  entry->second =
      declareDerived(builder, symbol, type, [&](OpBuilder &body) -> Value {
        Value value = GetOp::create(body, loc, stored.type, stored.symbol);
        if (stored.type.getEncoding())
          value = CastOp::create(body, loc, type, value);
        return interleaved ? deinterleave(body, loc, value, interleaved)
                           : value;
      });
  return entry->second;
}

LinearWeights Declarer::linear(const LinearName &name, const char *part,
                               int64_t layer, int64_t out, int64_t in,
                               bool bias, int64_t interleaved) {
  std::string stem = inLayer(name.stem, layer);
  std::string symbol = "layers." + std::to_string(layer) + "." + part;
  LinearWeights weights;
  weights.weight =
      plain(stem + ".weight", {out, in}, symbol + ".weight", interleaved);
  if (bias)
    weights.bias = plain(stem + ".bias", {out}, symbol + ".bias", interleaved);
  return weights;
}

NormWeights Declarer::norm(const std::string &stem) {
  NormWeights weights;
  weights.weight = plain(stem + ".weight", {config.hidden}, stem + ".plain");
  return weights;
}

Weight Declarer::row(const std::string &stem) {
  return plain(stem + ".weight", {config.headSize}, stem + ".plain");
}

LayerWeights Declarer::layer(int64_t number) {
  const TensorNames &names = config.names;
  int64_t c = config.hidden, f = config.intermediate;
  int64_t q = config.heads * config.headSize;
  int64_t kv = config.kvHeads * config.headSize;
  bool qkvBias = config.queryKeyValueBias, bias = config.mlpBias;
  bool pairs = config.interleavedHeads;

  LayerWeights weights;
  weights.attentionNorm = norm(inLayer(names.attentionNorm, number));
  weights.query = linear(names.query, "query", number, q, c, qkvBias,
                         pairs ? config.heads : 0);
  weights.key = linear(names.key, "key", number, kv, c, qkvBias,
                       pairs ? config.kvHeads : 0);
  weights.value = linear(names.value, "value", number, kv, c, qkvBias);
  if (config.queryKeyNorm) {
    weights.queryNorm = row(inLayer(names.queryNorm, number));
    weights.keyNorm = row(inLayer(names.keyNorm, number));
  }
  weights.output =
      linear(names.output, "output", number, c, q, config.outputBias);
  weights.mlpNorm = norm(inLayer(names.mlpNorm, number));
  weights.gate = linear(names.gate, "gate", number, f, c, bias);
  weights.up = linear(names.up, "up", number, f, c, bias);
  weights.down = linear(names.down, "down", number, c, f, bias);
  return weights;
}

void Declarer::ropeTable(ModelWeights &weights) {
  Result<Weight> rope = declareRopeTable(builder, config, sources.context);
  if (rope.isOk())
    weights.rope = *rope;
  else if (error.isOk())
    error = rope.takeStatus();
  // readGgufConfig has read the factors.
  used.insert("rope_freqs.weight");
}

ModelWeights Declarer::declare() {
  const TensorNames &names = config.names;
  ModelWeights weights;
  weights.tokens =
      plain(names.tokens, {config.vocabulary, config.hidden}, "embedding");
  ropeTable(weights);
  for (int64_t number = 0; number < config.layers && error.isOk(); ++number)
    weights.layers.push_back(layer(number));
  weights.finalNorm = norm(names.finalNorm);
  weights.head.weight = config.tiedHead
                            ? weights.tokens
                            : plain(names.head + ".weight",
                                    {config.vocabulary, config.hidden}, "head");
  return weights;
}

void Declarer::refuseUnused() {
  for (const GgufTensor &tensor : sources.file.tensors())
    if (!used.contains(tensor.name))
      fail(std::string(tensor.name),
           "is not known for the architecture " + config.family,
           StatusCode::Unsupported);
}

Result<ModelWeights> lathe::declareGgufWeights(const GgufSources &sources,
                                               ModuleOp module) {
  Declarer declarer(sources, module);
  ModelWeights weights = declarer.declare();
  declarer.refuseUnused();
  LATHE_RETURN_IF_ERROR(declarer.takeStatus());
  return weights;
}
