//===- Registry.cpp - The families, and how a config finds its own --------===//

#include "frontend/models/CommonFields.h"
#include "frontend/models/Family.h"

#include <algorithm>

using namespace lathe;
using runtime::Json;
using runtime::JsonValue;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

static constexpr Family kFamilies[] = {
    {"bert", "Bert", HeadKind::None, readBert},
    {"distilbert", "DistilBert", HeadKind::None, readDistilBert},
    {"gemma2", "Gemma2", HeadKind::CausalLm, readGemma2},
    {"gpt2", "GPT2", HeadKind::CausalLm, readGpt2},
    {"llama", "Llama", HeadKind::CausalLm, readLlama},
    {"mistral", "Mistral", HeadKind::CausalLm, readMistral},
    {"phi3", "Phi3", HeadKind::CausalLm, readPhi3},
    {"qwen2", "Qwen2", HeadKind::CausalLm, readQwen2},
    {"qwen3", "Qwen3", HeadKind::CausalLm, readQwen3},
    {"roberta", "Roberta", HeadKind::None, readRoberta},
};

std::span<const Family> lathe::families() { return kFamilies; }

/// "bert, distilbert, …".
static std::string familyNames() {
  std::string names;
  for (const Family &family : kFamilies)
    names += (names.empty() ? "" : ", ") + std::string(family.name);
  return names;
}

static const Family *findByType(std::string_view type) {
  auto *row = std::find_if(std::begin(kFamilies), std::end(kFamilies),
                           [&](const Family &f) { return f.name == type; });
  return row == std::end(kFamilies) ? nullptr : row;
}

/// The head of a class's name after the family's prefix.
static std::optional<HeadKind> headFromName(std::string_view name) {
  if (name == "Model")
    return HeadKind::None;
  if (name == "ForCausalLM" || name == "LMHeadModel")
    return HeadKind::CausalLm;
  if (name == "ForMaskedLM")
    return HeadKind::MaskedLm;
  if (name == "ForSequenceClassification")
    return HeadKind::SequenceClassification;
  if (name == "ForTokenClassification")
    return HeadKind::TokenClassification;
  return std::nullopt;
}

/// The family whose class \p architecture is.
static const Family *findByClass(std::string_view architecture) {
  for (const Family &family : kFamilies)
    if (architecture.starts_with(family.classPrefix) &&
        headFromName(architecture.substr(family.classPrefix.size())))
      return &family;
  return nullptr;
}

/// Finds the family and the head: model_type, and the first of architectures.
static const Family *readFamily(ConfigReader &reader, HeadKind &head) {
  std::vector<std::string> classes = reader.texts("architectures");
  std::string type = reader.text("model_type", "");
  if (!reader.isOk())
    return nullptr;
  if (type.empty() && classes.empty()) {
    reader.fail("model_type", "there is none, nor architectures");
    return nullptr;
  }
  const Family *family =
      type.empty() ? findByClass(classes.front()) : findByType(type);
  if (!family) {
    std::string name = type.empty() ? classes.front() : type;
    reader.unsupported(
        type.empty() ? "architectures" : "model_type",
        "\"" + name + "\" is not supported (families: " + familyNames() + ")");
    return nullptr;
  }
  head = family->defaultHead;
  if (classes.empty())
    return family;
  std::string_view name = classes.front();
  std::optional<HeadKind> found;
  if (name.starts_with(family->classPrefix))
    found = headFromName(name.substr(family->classPrefix.size()));
  bool decoder = family->defaultHead == HeadKind::CausalLm;
  if (found == HeadKind::CausalLm && !decoder)
    found = std::nullopt;
  if (found == HeadKind::MaskedLm && decoder)
    found = std::nullopt;
  if (!found)
    reader.unsupported("architectures", "\"" + classes.front() +
                                            "\" is not supported in the "
                                            "family " +
                                            std::string(family->name));
  head = found.value_or(head);
  return family;
}

/// Reads the count of labels: id2label, or num_labels.
static void readLabels(ConfigReader &reader, TransformerConfig &config) {
  config.labels = reader.integer("num_labels", 0);
  std::optional<ConfigReader> names = reader.object("id2label");
  if (names) {
    reader.merge(*names);
    config.labels = int64_t(names->value().size());
  }
  reader.ignore({"label2id", "problem_type", "finetuning_task"});
}

/// Refuses what \p family leaves unread of the fields that others have.
static void refuseForeign(ConfigReader &reader, std::string_view family) {
  std::span<const std::string_view> fields = foreignFields();
  for (const std::string &key : reader.unread())
    if (std::find(fields.begin(), fields.end(), key) != fields.end())
      reader.unsupported(key, "is not supported in the family " +
                                  std::string(family));
}

/// The last check: sizes whose products the tensors would need.
static void checkProducts(ConfigReader &reader,
                          const TransformerConfig &config) {
  // As much as a head_dim may say; rope has a number for every two elements.
  constexpr int64_t kMaximumHead = 1 << 16;
  if (config.headSize > kMaximumHead)
    reader.fail("hidden_size", std::to_string(config.hidden) + " gives heads " +
                                   "of " + std::to_string(config.headSize) +
                                   " elements, more than " +
                                   std::to_string(kMaximumHead));
  if (config.headSize > ConfigReader::kMaximumSize / config.heads)
    reader.fail("head_dim", std::to_string(config.heads) + " heads of " +
                                std::to_string(config.headSize) +
                                " elements are too many");
}

Result<TransformerConfig> lathe::readConfig(const Json &json,
                                            std::vector<std::string> &notes) {
  ConfigReader reader(json.root());
  TransformerConfig config;
  const Family *family = nullptr;
  if (reader.isOk())
    family = readFamily(reader, config.head);
  LATHE_RETURN_IF_ERROR(reader.status());
  config.family = family->name;
  config.file = json.file();
  // What is refused comes first: the family may not know the other fields.
  reader.refuse(refusedFields());
  family->read(reader, config);
  readLabels(reader, config);
  refuseForeign(reader, family->name);
  LATHE_RETURN_IF_ERROR(reader.status());
  reader.ignore(harmlessFields());
  reader.ignore(generationFields());
  checkProducts(reader, config);
  LATHE_RETURN_IF_ERROR(reader.status());
  for (const std::string &key : reader.unread())
    notes.push_back(json.file() + ": " + key +
                    ": is not known and has no effect");
  return config;
}
