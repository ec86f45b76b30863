//===- ModelWeights.cpp - A checkpoint's tensors as parameters ------------===//

#include "frontend/weights/ModelWeights.h"

#include "dialects/lathe/Lathe.h"
#include "frontend/weights/DerivedWeights.h"
#include "frontend/weights/StoredNames.h"

#include "mlir/IR/Builders.h"

#include <algorithm>
#include <set>

using namespace mlir;
using namespace lathe;
using runtime::CheckpointTensor;
using runtime::ElementType;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

/// A size that the config does not say.
static constexpr int64_t kAny = -1;

/// "[48, 160]".
static std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") +
            (shape[i] == kAny ? std::string("any") : std::to_string(shape[i]));
  return text + "]";
}

namespace {

/// Declares weights one by one and keeps the first error: after it, what it
/// gives is null.
class Declarer {
public:
  Declarer(const WeightSources &sources, ModuleOp module)
      : sources(sources), config(sources.config),
        builder(OpBuilder::atBlockEnd(module.getBody())),
        loc(UnknownLoc::get(module.getContext())) {
    prefix = findPrefix();
  }

  ModelWeights declare();
  Status takeStatus() { return std::move(error); }
  void noteUnused(std::vector<std::string> &notes) const;

private:
  std::string findPrefix() const;
  CheckpointTensor find(const std::string &name) const;
  bool has(const std::string &name) const { return find(name).tensor; }
  void fail(StatusCode code, llvm::StringRef file, const std::string &name,
            const std::string &message);
  std::string weightsFile() const;

  Weight parameter(const std::string &name, llvm::ArrayRef<int64_t> shape);
  Weight rows(const Weight &whole, const std::string &name, int64_t dimension,
              int64_t begin, int64_t end);
  Weight transposed(const Weight &whole, const std::string &name, int64_t begin,
                    int64_t end);

  LinearWeights linear(const std::string &stem, int64_t out, int64_t in,
                       bool bias);
  LinearWeights blockLinear(const LinearName &name, const char *part,
                            int64_t layer, int64_t out, int64_t in, bool bias);
  NormWeights norm(const std::string &stem);
  Weight normRow(const std::string &name, int64_t size);
  LayerWeights layer(int64_t number);
  void embeddings(ModelWeights &weights);
  void ropeTable(ModelWeights &weights);
  void heads(ModelWeights &weights);
  void languageHead(ModelWeights &weights);
  void classifier(ModelWeights &weights);
  Weight headBias();

  const WeightSources &sources;
  const TransformerConfig &config;
  OpBuilder builder;
  Location loc;
  std::string prefix;
  Status error = Status::ok();
  llvm::StringMap<Weight> declared;
  std::set<std::string, std::less<>> used;
};

} // namespace

//===----------------------------------------------------------------------===//
// Finding tensors
//===----------------------------------------------------------------------===//

std::string Declarer::findPrefix() const {
  const TensorNames &names = config.names;
  for (const std::string &candidate : names.prefixes)
    if (has(candidate + names.tokens))
      return candidate;
  return names.prefixes.front();
}

CheckpointTensor Declarer::find(const std::string &name) const {
  CheckpointTensor found = sources.checkpoint.find(name);
  if (found.tensor)
    return found;
  std::string legacy = legacyName(name);
  return legacy.empty() ? found : sources.checkpoint.find(legacy);
}

std::string Declarer::weightsFile() const {
  auto tensors = sources.checkpoint.tensors();
  bool single = tensors.empty() || tensors[0].file == "model.safetensors";
  return single ? "model.safetensors" : "model.safetensors.index.json";
}

void Declarer::fail(StatusCode code, llvm::StringRef file,
                    const std::string &name, const std::string &message) {
  if (error.isOk())
    error = Status::error(code, sources.directory + "/" + file.str() + ": " +
                                    name + ": " + message);
}

/// The MLIR type of a float that weights may have; null for others.
static Type floatType(MLIRContext *context, ElementType type) {
  switch (type) {
  case ElementType::F32:
    return Float32Type::get(context);
  case ElementType::F16:
    return Float16Type::get(context);
  case ElementType::BF16:
    return BFloat16Type::get(context);
  default:
    return {};
  }
}

static bool shapeFits(llvm::ArrayRef<int64_t> shape,
                      llvm::ArrayRef<int64_t> expected) {
  if (shape.size() != expected.size())
    return false;
  for (size_t i = 0; i < shape.size(); ++i)
    if (expected[i] == kAny ? shape[i] < 1 : shape[i] != expected[i])
      return false;
  return true;
}

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

Weight Declarer::parameter(const std::string &name,
                           llvm::ArrayRef<int64_t> shape) {
  if (!error.isOk())
    return {};
  CheckpointTensor found = find(name);
  if (!found.tensor) {
    fail(StatusCode::InvalidFile, weightsFile(), name,
         "there is no such tensor, but config.json asks for it");
    return {};
  }
  if (!shapeFits(found.tensor->shape, shape)) {
    fail(StatusCode::InvalidFile, found.file, name,
         "has the shape " + shapeText(found.tensor->shape) +
             ", but config.json asks for " + shapeText(shape));
    return {};
  }
  Type element = floatType(builder.getContext(), found.tensor->type);
  if (!element) {
    fail(StatusCode::Unsupported, found.file, name,
         "elements of type " +
             std::string(runtime::elementName(found.tensor->type)) +
             " are not supported (F32, F16 and BF16 are)");
    return {};
  }
  std::string key(found.tensor->name);
  used.insert(key);
  auto [entry, isNew] = declared.try_emplace(key);
  if (isNew) {
    auto type = RankedTensorType::get(found.tensor->shape, element);
    ParameterOp::create(builder, loc, key, type, found.file, key);
    entry->second = {FlatSymbolRefAttr::get(builder.getContext(), key), type};
  }
  return entry->second;
}

/// \p type with \p size elements in \p dimension.
static RankedTensorType resized(RankedTensorType type, int64_t dimension,
                                int64_t size) {
  llvm::SmallVector<int64_t> shape(type.getShape());
  shape[dimension] = size;
  return RankedTensorType::get(shape, type.getElementType());
}

Weight Declarer::rows(const Weight &whole, const std::string &name,
                      int64_t dimension, int64_t begin, int64_t end) {
  if (!whole || (begin == 0 && end == whole.type.getDimSize(dimension)))
    return whole;
  RankedTensorType type = resized(whole.type, dimension, end - begin);
  return declareDerived(builder, name, type, [&](OpBuilder &body) -> Value {
    Value input = GetOp::create(body, loc, whole.type, whole.symbol);
    return SliceOp::create(body, loc, type, input, dimension, begin, end);
  });
}

/// The (end - begin, K) weight in columns [begin, end) of a stored (K, N) one.
Weight Declarer::transposed(const Weight &whole, const std::string &name,
                            int64_t begin, int64_t end) {
  if (!whole)
    return {};
  RankedTensorType sliced = resized(whole.type, 1, end - begin);
  auto type = RankedTensorType::get({end - begin, whole.type.getDimSize(0)},
                                    whole.type.getElementType());
  return declareDerived(builder, name, type, [&](OpBuilder &body) -> Value {
    Value input = GetOp::create(body, loc, whole.type, whole.symbol);
    if (sliced != whole.type)
      input = SliceOp::create(body, loc, sliced, input, 1, begin, end);
    return PermuteOp::create(body, loc, type, input,
                             llvm::ArrayRef<int64_t>{1, 0});
  });
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

LinearWeights Declarer::linear(const std::string &stem, int64_t out, int64_t in,
                               bool bias) {
  LinearWeights weights;
  weights.weight = parameter(stem + ".weight", {out, in});
  if (bias)
    weights.bias = parameter(stem + ".bias", {out});
  return weights;
}

LinearWeights Declarer::blockLinear(const LinearName &name, const char *part,
                                    int64_t layer, int64_t out, int64_t in,
                                    bool bias) {
  std::string stem = prefix + inLayer(name.stem, layer);
  std::string symbol = "layers." + std::to_string(layer) + "." + part;
  int64_t total = name.end ? name.total : out;
  int64_t end = name.end ? name.end : out;
  LinearWeights weights;
  if (config.transposedWeights) {
    Weight whole = parameter(stem + ".weight", {in, total});
    weights.weight = transposed(whole, symbol + ".weight", name.begin, end);
  } else {
    Weight whole = parameter(stem + ".weight", {total, in});
    weights.weight = rows(whole, symbol + ".weight", 0, name.begin, end);
  }
  if (bias)
    weights.bias = rows(parameter(stem + ".bias", {total}), symbol + ".bias", 0,
                        name.begin, end);
  return weights;
}

Weight Declarer::normRow(const std::string &name, int64_t size) {
  return name.empty() ? Weight() : parameter(name + ".weight", {size});
}

NormWeights Declarer::norm(const std::string &stem) {
  NormWeights weights;
  weights.weight = parameter(stem + ".weight", {config.hidden});
  if (config.norm == NormKind::Rms)
    return weights;
  weights.bias = parameter(stem + ".bias", {config.hidden});
  if (error.isOk() && weights.weight.type != weights.bias.type)
    fail(StatusCode::Unsupported, weightsFile(), stem,
         "weight and bias of different element types are not supported");
  return weights;
}

LayerWeights Declarer::layer(int64_t number) {
  const TensorNames &names = config.names;
  auto normOf = [&](const std::string &name) {
    return name.empty() ? NormWeights() : norm(prefix + inLayer(name, number));
  };
  auto rowOf = [&](const std::string &name) {
    return name.empty()
               ? Weight()
               : normRow(prefix + inLayer(name, number), config.headSize);
  };
  int64_t c = config.hidden, f = config.intermediate;
  int64_t q = config.heads * config.headSize;
  int64_t kv = config.kvHeads * config.headSize;
  bool qkvBias = config.queryKeyValueBias, bias = config.mlpBias;

  LayerWeights weights;
  weights.attentionNorm = normOf(names.attentionNorm);
  weights.query = blockLinear(names.query, "query", number, q, c, qkvBias);
  weights.key = blockLinear(names.key, "key", number, kv, c, qkvBias);
  weights.value = blockLinear(names.value, "value", number, kv, c, qkvBias);
  weights.queryNorm = rowOf(names.queryNorm);
  weights.keyNorm = rowOf(names.keyNorm);
  weights.output =
      blockLinear(names.output, "output", number, c, q, config.outputBias);
  weights.attentionOutputNorm = normOf(names.attentionOutputNorm);
  weights.mlpNorm = normOf(names.mlpNorm);
  if (config.gated)
    weights.gate = blockLinear(names.gate, "gate", number, f, c, bias);
  weights.up = blockLinear(names.up, "up", number, f, c, bias);
  weights.down = blockLinear(names.down, "down", number, c, f, bias);
  weights.mlpOutputNorm = normOf(names.mlpOutputNorm);
  return weights;
}

void Declarer::embeddings(ModelWeights &weights) {
  const TensorNames &names = config.names;
  int64_t c = config.hidden;
  // A tied checkpoint may hold the table under the name of the head alone.
  bool underHead = config.tiedHead && config.head == HeadKind::CausalLm &&
                   !has(prefix + names.tokens) && has(names.head + ".weight");
  weights.tokens =
      parameter(underHead ? names.head + ".weight" : prefix + names.tokens,
                {config.vocabulary, c});
  if (config.positionRows) {
    Weight table =
        parameter(prefix + names.positions, {config.positionRows, c});
    weights.positions = rows(table, "positions", 0, config.positionOffset,
                             config.positionOffset + sources.context);
  }
  if (config.tokenTypes)
    weights.tokenTypes =
        parameter(prefix + names.tokenTypes, {config.tokenTypes, c});
  if (config.embeddingNorm)
    weights.embeddingNorm = norm(prefix + names.embeddingNorm);
  if (config.rope)
    ropeTable(weights);
}

void Declarer::ropeTable(ModelWeights &weights) {
  Result<Weight> rope = declareRopeTable(builder, config, sources.context);
  if (rope.isOk())
    weights.rope = *rope;
  else if (error.isOk())
    error = rope.takeStatus();
}

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

/// The bias of a masked LM's head, under one of its two names.
Weight Declarer::headBias() {
  std::string name = config.names.head + ".bias";
  used.insert(config.names.headBias);
  if (!has(name) && !config.names.headBias.empty())
    name = config.names.headBias;
  return parameter(name, {config.vocabulary});
}

void Declarer::languageHead(ModelWeights &weights) {
  const TensorNames &names = config.names;
  int64_t c = config.hidden;
  if (config.head == HeadKind::MaskedLm) {
    weights.headTransform = linear(names.headTransform, c, c, /*bias=*/true);
    weights.headTransformNorm = norm(names.headTransformNorm);
    weights.head.bias = headBias();
  }
  // A file with both has tied ones stored twice, or ones that came apart in
  // training: then the reference does not tie them either.
  std::string name = names.head + ".weight";
  CheckpointTensor own = find(name);
  if (config.tiedHead) {
    CheckpointTensor tied = find(prefix + names.tokens);
    bool same =
        !own.tensor ||
        (tied.tensor && own.tensor->type == tied.tensor->type &&
         own.tensor->shape == tied.tensor->shape &&
         std::equal(own.tensor->bytes.begin(), own.tensor->bytes.end(),
                    tied.tensor->bytes.begin(), tied.tensor->bytes.end()));
    if (same && own.tensor)
      used.insert(std::string(own.tensor->name));
    if (same) {
      weights.head.weight = weights.tokens;
      return;
    }
  }
  weights.head.weight = parameter(name, {config.vocabulary, c});
}

void Declarer::classifier(ModelWeights &weights) {
  const TensorNames &names = config.names;
  int64_t c = config.hidden;
  bool sequences = config.head == HeadKind::SequenceClassification;
  bool dense = sequences && (config.classifier == ClassifierKind::FirstTanh ||
                             config.classifier == ClassifierKind::FirstRelu);
  if (dense)
    weights.classifierDense = linear(names.classifierDense, c, c, true);
  if (sequences && config.classifier == ClassifierKind::Pooler)
    weights.pooler = linear(prefix + names.pooler, c, c, true);
  bool bias = !(sequences && config.classifier == ClassifierKind::Last);
  int64_t labels = config.labels ? config.labels : kAny;
  weights.classifier = linear(names.classifier, labels, c, bias);
  if (bias && error.isOk() &&
      weights.classifier.bias.type.getDimSize(0) !=
          weights.classifier.weight.type.getDimSize(0))
    fail(StatusCode::InvalidFile, weightsFile(), names.classifier + ".bias",
         "has another size than its weight");
}

void Declarer::heads(ModelWeights &weights) {
  const TensorNames &names = config.names;
  switch (config.head) {
  case HeadKind::None:
    // A pooler is there if the checkpoint has one: sentence encoders often do
    // without.
    if (!names.pooler.empty() && has(prefix + names.pooler + ".weight"))
      weights.pooler = linear(prefix + names.pooler, config.hidden,
                              config.hidden, /*bias=*/true);
    return;
  case HeadKind::CausalLm:
  case HeadKind::MaskedLm:
    return languageHead(weights);
  case HeadKind::SequenceClassification:
  case HeadKind::TokenClassification:
    return classifier(weights);
  }
}

ModelWeights Declarer::declare() {
  ModelWeights weights;
  embeddings(weights);
  for (int64_t number = 0; number < config.layers && error.isOk(); ++number)
    weights.layers.push_back(layer(number));
  if (!config.names.finalNorm.empty())
    weights.finalNorm = norm(prefix + config.names.finalNorm);
  heads(weights);
  return weights;
}

void Declarer::noteUnused(std::vector<std::string> &notes) const {
  size_t count = 0;
  std::string first;
  for (const CheckpointTensor &entry : sources.checkpoint.tensors()) {
    if (used.contains(entry.tensor->name) || isBuffer(entry.tensor->name))
      continue;
    if (count++ == 0)
      first = entry.tensor->name;
  }
  if (count)
    notes.push_back(
        weightsFile() + ": " + first + ": is not used" +
        (count == 1 ? ""
                    : ", nor " + std::to_string(count - 1) + " other tensors"));
}

Result<ModelWeights> lathe::declareWeights(const WeightSources &sources,
                                           ModuleOp module,
                                           std::vector<std::string> &notes) {
  Declarer declarer(sources, module);
  ModelWeights weights = declarer.declare();
  LATHE_RETURN_IF_ERROR(declarer.takeStatus());
  declarer.noteUnused(notes);
  return weights;
}
