//===- GgufConfig.cpp - A model's config out of GGUF metadata -------------===//
//
// Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md and
// gguf.constants of PyPI's gguf. Defaults are those of llama.cpp.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/GgufConfig.h"

#include "frontend/models/Family.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

using namespace lathe;
using runtime::Gguf;
using runtime::GgufTensor;
using runtime::GgufValue;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

namespace {

constexpr std::string_view kArchitectures[] = {"llama", "qwen2", "qwen3"};
constexpr int64_t kLargest = int64_t(1) << 31;

/// Reads keys of one file by kind and range and keeps the first error; after it
/// every getter gives its fallback.
class Metadata {
public:
  explicit Metadata(const Gguf &file) : file(file) {}

  /// The key \p name of the architecture.
  std::string own(std::string_view name) const {
    return architecture + "." + std::string(name);
  }
  const GgufValue *take(const std::string &key) {
    read.insert(key);
    return error.isOk() ? file.find(key) : nullptr;
  }
  bool has(const std::string &key) const { return file.find(key); }

  std::string text(const std::string &key, std::string fallback);
  int64_t integer(const std::string &key, std::optional<int64_t> fallback,
                  int64_t minimum, int64_t maximum);
  double number(const std::string &key, std::optional<double> fallback,
                double minimum, double maximum);
  bool boolean(const std::string &key, bool fallback);
  int64_t perLayer(const std::string &key, std::optional<int64_t> fallback,
                   int64_t layers);
  void refuseUnless(const std::string &key, int64_t harmless);
  void ids(const std::string &key, int64_t bound, std::vector<int64_t> &list);

  void fail(const std::string &key, const std::string &message,
            StatusCode code = StatusCode::InvalidFile) {
    if (error.isOk())
      error = file.error(key, message, code);
  }
  void unsupported(const std::string &key, const std::string &message) {
    fail(key, message, StatusCode::Unsupported);
  }
  void finish(std::vector<std::string> &notes);

  const Gguf &file;
  std::string architecture;
  Status error = Status::ok();

private:
  /// The value of \p result, or \p fallback and the error is kept.
  template <typename T>
  T keep(Result<T> result, T fallback) {
    if (result.isOk())
      return *result;
    if (error.isOk())
      error = result.takeStatus();
    return fallback;
  }

  std::set<std::string, std::less<>> read;
};

} // namespace

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

std::string Metadata::text(const std::string &key, std::string fallback) {
  const GgufValue *value = take(key);
  return value ? std::string(keep<std::string_view>(value->asString(), ""))
               : fallback;
}

bool Metadata::boolean(const std::string &key, bool fallback) {
  const GgufValue *value = take(key);
  return value ? keep(value->asBool(), fallback) : fallback;
}

int64_t Metadata::integer(const std::string &key,
                          std::optional<int64_t> fallback, int64_t minimum,
                          int64_t maximum) {
  const GgufValue *value = take(key);
  if (!value) {
    if (!fallback)
      fail(key, "is missing");
    return fallback.value_or(minimum);
  }
  int64_t number = keep(value->asInt(), minimum);
  if (number < minimum || number > maximum)
    fail(key, "expected from " + std::to_string(minimum) + " to " +
                  std::to_string(maximum) + ", got " + std::to_string(number));
  return std::clamp(number, minimum, maximum);
}

double Metadata::number(const std::string &key, std::optional<double> fallback,
                        double minimum, double maximum) {
  const GgufValue *value = take(key);
  if (!value) {
    if (!fallback)
      fail(key, "is missing");
    return fallback.value_or(minimum);
  }
  double number = keep(value->asFloat(), minimum);
  // Not the inverse: a NaN is neither below nor above.
  if (!(number >= minimum && number <= maximum)) {
    fail(key, "expected from " + std::to_string(minimum) + " to " +
                  std::to_string(maximum) + ", got " + std::to_string(number));
    return minimum;
  }
  return number;
}

/// An integer above 0 that a file gives once, or for each layer; then all must
/// be the same.
int64_t Metadata::perLayer(const std::string &key,
                           std::optional<int64_t> fallback, int64_t layers) {
  const GgufValue *value = error.isOk() ? file.find(key) : nullptr;
  if (!value || !value->isArray())
    return integer(key, fallback, 1, kLargest);
  take(key);
  if (value->size() != uint64_t(layers)) {
    fail(key, "expected one for each of the " + std::to_string(layers) +
                  " layers, got " + std::to_string(value->size()));
    return 1;
  }
  std::vector<int64_t> list = keep(value->asInts(), std::vector<int64_t>{1});
  for (int64_t entry : list)
    if (entry != list.front())
      unsupported(key, "layers of different sizes are not supported");
  if (list.front() < 1 || list.front() > kLargest)
    fail(key, "expected from 1 to " + std::to_string(kLargest) + ", got " +
                  std::to_string(list.front()));
  return std::clamp<int64_t>(list.front(), 1, kLargest);
}

/// Refuses the key, an integer or a bool, unless it is missing or \p harmless.
void Metadata::refuseUnless(const std::string &key, int64_t harmless) {
  const GgufValue *value = take(key);
  if (!value)
    return;
  int64_t number = value->kind() == runtime::GgufKind::Bool && !value->isArray()
                       ? keep(value->asBool(), false)
                       : keep(value->asInt(), harmless);
  if (number != harmless)
    unsupported(key, std::to_string(number) + " is not supported");
}

/// Appends the token id \p key to \p list where the file has it.
void Metadata::ids(const std::string &key, int64_t bound,
                   std::vector<int64_t> &list) {
  if (!take(key))
    return;
  int64_t id = integer(key, 0, 0, bound - 1);
  if (std::find(list.begin(), list.end(), id) == list.end())
    list.push_back(id);
}

/// Refuses keys of the architecture that nobody read, and notes those of
/// others.
void Metadata::finish(std::vector<std::string> &notes) {
  size_t foreign = 0;
  std::string first;
  for (const GgufValue &value : file.values()) {
    std::string key(value.key());
    if (read.contains(key))
      continue;
    if (key.starts_with(architecture + "."))
      return unsupported(key, "is not known for this architecture");
    bool harmless = key.starts_with("general.") ||
                    key.starts_with("tokenizer.") ||
                    key.starts_with("quantize.");
    if (!harmless && foreign++ == 0)
      first = runtime::ggufShownName(key);
  }
  if (foreign)
    notes.push_back(
        file.path() + ": " + first + ": is not known and has no effect" +
        (foreign == 1
             ? ""
             : ", nor " + std::to_string(foreign - 1) + " other keys"));
}

//===----------------------------------------------------------------------===//
// Parts of the config
//===----------------------------------------------------------------------===//

static void nameTensors(TensorNames &names) {
  names.tokens = "token_embd.weight";
  names.query.stem = "blk.{}.attn_q";
  names.key.stem = "blk.{}.attn_k";
  names.value.stem = "blk.{}.attn_v";
  names.output.stem = "blk.{}.attn_output";
  names.attentionNorm = "blk.{}.attn_norm";
  names.gate.stem = "blk.{}.ffn_gate";
  names.up.stem = "blk.{}.ffn_up";
  names.down.stem = "blk.{}.ffn_down";
  names.mlpNorm = "blk.{}.ffn_norm";
  names.finalNorm = "output_norm";
  names.head = "output";
}

static void readHeads(Metadata &data, TransformerConfig &config) {
  std::string heads = data.own("attention.head_count");
  std::string kvHeads = data.own("attention.head_count_kv");
  config.heads = data.perLayer(heads, std::nullopt, config.layers);
  config.kvHeads = data.perLayer(kvHeads, config.heads, config.layers);
  if (config.heads % config.kvHeads)
    data.fail(kvHeads, std::to_string(config.kvHeads) + " does not divide " +
                           heads + ", " + std::to_string(config.heads));
  std::string length = data.own("attention.key_length");
  if (!data.has(length) && config.hidden % config.heads)
    data.fail(heads, std::to_string(config.heads) +
                         " does not divide the embedding_length, " +
                         std::to_string(config.hidden));
  config.headSize = data.integer(
      length, std::max<int64_t>(config.hidden / config.heads, 1), 2, 1 << 16);
  std::string valueLength = data.own("attention.value_length");
  int64_t valueSize = data.integer(valueLength, config.headSize, 1, 1 << 16);
  if (valueSize != config.headSize)
    data.unsupported(valueLength, std::to_string(valueSize) +
                                      " is not supported beside a key_length "
                                      "of " +
                                      std::to_string(config.headSize));
  if (config.headSize % 2)
    data.fail(length, "rope rotates pairs, but a head has " +
                          std::to_string(config.headSize) + " elements");
  if (config.headSize > kLargest / config.heads)
    data.fail(heads, std::to_string(config.heads) + " heads of " +
                         std::to_string(config.headSize) +
                         " elements are too many");
}

/// The factors that frequencies are divided by (llama 3.1), out of a tensor.
static void readRopeFactors(Metadata &data, TransformerConfig &config) {
  const GgufTensor *tensor = data.file.findTensor("rope_freqs.weight");
  if (!tensor || !data.error.isOk())
    return;
  size_t count = size_t(config.headSize / 2);
  if (tensor->type != runtime::GgmlType::F32 || tensor->dims.size() != 1 ||
      size_t(tensor->dims[0]) != count)
    return data.fail("rope_freqs.weight", "expected an F32 for each of the " +
                                              std::to_string(count) +
                                              " pairs of a head");
  for (size_t i = 0; i < count; ++i) {
    float factor;
    std::memcpy(&factor, tensor->bytes.data() + i * sizeof(factor),
                sizeof(factor));
    if (!(factor > 0.0f && factor < 1e30f))
      return data.fail("rope_freqs.weight",
                       "element " + std::to_string(i) +
                           " is no number above 0 and below 1e30");
    config.rope->divisors.push_back(double(factor));
  }
}

static void readYarn(Metadata &data, RopeConfig &rope) {
  rope.kind = RopeKind::Yarn;
  rope.betaFast =
      data.number(data.own("rope.scaling.yarn_beta_fast"), 32.0, 1e-6, 1e6);
  rope.betaSlow =
      data.number(data.own("rope.scaling.yarn_beta_slow"), 1.0, 1e-6, 1e6);
  double factor =
      data.number(data.own("rope.scaling.attn_factor"), 1.0, 1e-6, 1e6);
  double stretch = rope.factor <= 1.0 ? 1.0 : 0.1 * std::log(rope.factor) + 1.0;
  rope.attentionFactor = factor * stretch;
}

static void readRope(Metadata &data, TransformerConfig &config) {
  RopeConfig &rope = config.rope.emplace();
  rope.theta = data.number(data.own("rope.freq_base"), 10000.0, 1e-6, 1e30);
  std::string count = data.own("rope.dimension_count");
  int64_t rotated = data.integer(count, config.headSize, 1, 1 << 16);
  if (rotated != config.headSize)
    data.unsupported(count, std::to_string(rotated) + " of the " +
                                std::to_string(config.headSize) +
                                " elements of a head are not supported");
  std::string type = data.own("rope.scaling.type");
  std::string factor = data.own("rope.scaling.factor");
  // An older key of the linear kind.
  std::string linear = data.own("rope.scale_linear");
  std::string kind = data.text(type, data.has(linear) ? "linear" : "none");
  rope.factor = data.number(data.has(linear) ? linear : factor,
                            kind == "none" ? std::optional(1.0) : std::nullopt,
                            1e-6, 1e6);
  rope.originalContext =
      data.integer(data.own("rope.scaling.original_context_length"),
                   config.context, 1, 1 << 24);
  data.take(data.own("rope.scaling.finetuned"));
  if (kind == "linear")
    rope.kind = RopeKind::Linear;
  else if (kind == "yarn")
    readYarn(data, rope);
  else if (kind != "none")
    data.unsupported(type, "rope of kind \"" + kind + "\" is not supported");
  readRopeFactors(data, config);
}

/// Whether the file has the biases \p stem of its layers.
static bool hasBias(const Metadata &data, const std::string &stem) {
  return data.file.findTensor("blk.0." + stem + ".bias");
}

static void readFamily(Metadata &data, TransformerConfig &config) {
  bool isLlama = config.family == "llama";
  config.interleavedHeads = isLlama;
  config.queryKeyValueBias =
      config.family == "qwen2" || hasBias(data, "attn_q");
  config.outputBias = hasBias(data, "attn_output");
  config.mlpBias = hasBias(data, "ffn_gate");
  if (config.family == "qwen3") {
    config.queryKeyNorm = true;
    config.names.queryNorm = "blk.{}.attn_q_norm";
    config.names.keyNorm = "blk.{}.attn_k_norm";
  }
}

/// What changes a model's values and is not done here.
static void refuse(Metadata &data) {
  for (const char *key :
       {"expert_count", "expert_used_count", "attention.sliding_window",
        "pooling_type", "use_parallel_residual"})
    data.refuseUnless(data.own(key), 0);
  data.refuseUnless(data.own("attention.causal"), 1);
  data.refuseUnless("split.count", 1);
  data.refuseUnless("split.no", 0);
  data.take("split.tensors.count");
  data.take(data.own("tensor_data_layout"));
}

/// The vocabulary's size: the key, else the list of tokens, else the table.
static void readVocabulary(Metadata &data, TransformerConfig &config) {
  const GgufTensor *table = data.file.findTensor("token_embd.weight");
  if (!table || table->dims.size() != 2)
    return data.fail("token_embd.weight", "expected a matrix");
  std::string key = data.own("vocab_size");
  config.vocabulary = data.integer(key, table->dims[1], 1, kLargest);
  // The key may count tokens that padding of the table was added to.
  if (config.vocabulary > table->dims[1])
    data.fail(key, std::to_string(config.vocabulary) +
                       " is more than the rows of token_embd.weight, " +
                       std::to_string(table->dims[1]));
  config.vocabulary = std::min(table->dims[1], kLargest);
  data.ids("tokenizer.ggml.bos_token_id", config.vocabulary, config.bosIds);
  data.ids("tokenizer.ggml.eos_token_id", config.vocabulary, config.eosIds);
  data.ids("tokenizer.ggml.eot_token_id", config.vocabulary, config.eosIds);
  std::vector<int64_t> pad;
  data.ids("tokenizer.ggml.padding_token_id", config.vocabulary, pad);
  if (!pad.empty())
    config.padId = pad.front();
}

Result<TransformerConfig>
lathe::readGgufConfig(const Gguf &file, std::vector<std::string> &notes) {
  Metadata data(file);
  TransformerConfig config;
  config.file = file.path();
  if (!data.has("general.architecture"))
    return file.error("general.architecture", "is missing");
  config.family = data.architecture = data.text("general.architecture", "");
  LATHE_RETURN_IF_ERROR(std::move(data.error));
  if (std::find(std::begin(kArchitectures), std::end(kArchitectures),
                config.family) == std::end(kArchitectures))
    return file.error("general.architecture",
                      "\"" + runtime::ggufShownName(config.family) +
                          "\" is not supported (llama, qwen2 and qwen3 are)",
                      StatusCode::Unsupported);
  config.contextField = data.own("context_length");
  config.context = data.integer(config.contextField, std::nullopt, 1, 1 << 24);
  config.hidden =
      data.integer(data.own("embedding_length"), std::nullopt, 1, kLargest);
  config.layers =
      data.integer(data.own("block_count"), std::nullopt, 1, 1 << 12);
  config.intermediate = data.perLayer(data.own("feed_forward_length"),
                                      std::nullopt, config.layers);
  config.normEpsilon = float(data.number(
      data.own("attention.layer_norm_rms_epsilon"), std::nullopt, 1e-30, 1.0));
  refuse(data);
  readHeads(data, config);
  nameTensors(config.names);
  readRope(data, config);
  readVocabulary(data, config);
  readFamily(data, config);
  config.head = HeadKind::CausalLm;
  config.tiedHead = !file.findTensor("output.weight");
  config.activation = MlpActivation::Silu;
  setPlainScales(config);
  config.windows.assign(size_t(config.layers), 0);
  data.finish(notes);
  LATHE_RETURN_IF_ERROR(std::move(data.error));
  return config;
}
