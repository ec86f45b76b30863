//===- Registry.cpp - The families, and how a config finds its own --------===//

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

/// Fields of every family that say nothing of what a trained model computes:
/// dropout and initial values, the training's and the hub's bookkeeping, and
/// defaults of generation, which is not the model's business.
static void ignoreCommon(ConfigReader &reader) {
  reader.ignore({"transformers_version",
                 "torch_dtype",
                 "dtype",
                 "use_cache",
                 "initializer_range",
                 "initializer_factor",
                 "gradient_checkpointing",
                 "_name_or_path",
                 "name_or_path",
                 "_commit_hash",
                 "auto_map",
                 "tokenizer_class",
                 "task_specific_params",
                 "torchscript",
                 "return_dict",
                 "use_return_dict",
                 "output_attentions",
                 "output_hidden_states",
                 "chunk_size_feed_forward",
                 "language",
                 "_attn_implementation",
                 "attn_implementation",
                 "_flash_attn_2_enabled",
                 "_attn_implementation_autoset",
                 "cache_implementation",
                 "attention_probs_dropout_prob",
                 "hidden_dropout_prob",
                 "resid_pdrop",
                 "embd_pdrop",
                 "attn_pdrop",
                 "hidden_dropout",
                 "use_bfloat16",
                 "classifier_dropout",
                 "summary_type",
                 "is_composition",
                 "prefix",
                 "sep_token_id",
                 "cls_token_id",
                 "mask_token_id",
                 "unk_token_id",
                 "decoder_start_token_id",
                 "forced_bos_token_id",
                 "forced_eos_token_id",
                 "max_length",
                 "min_length",
                 "do_sample",
                 "num_beams",
                 "temperature",
                 "top_k",
                 "top_p",
                 "typical_p",
                 "repetition_penalty",
                 "length_penalty",
                 "no_repeat_ngram_size",
                 "encoder_no_repeat_ngram_size",
                 "num_return_sequences",
                 "early_stopping",
                 "diversity_penalty",
                 "num_beam_groups",
                 "bad_words_ids",
                 "suppress_tokens",
                 "begin_suppress_tokens",
                 "remove_invalid_values",
                 "exponential_decay_length_penalty",
                 "output_scores",
                 "return_dict_in_generate",
                 "unsloth_version",
                 "unsloth_fixed",
                 "transformers.js_config",
                 "output_past",
                 "is_llama_config",
                 "full_attn_mod",
                 "interpolate_factor",
                 "sentence_transformers",
                 "pad_token",
                 "bos_token",
                 "eos_token"});
}

/// Fields that change what a model computes in ways that are not done here.
static void refuseCommon(ConfigReader &reader) {
  reader.refuse({"quantization_config",
                 "compression_config",
                 "is_encoder_decoder",
                 "is_decoder",
                 "add_cross_attention",
                 "cross_attention_hidden_size",
                 "pruned_heads",
                 "adapters",
                 "num_experts",
                 "num_local_experts",
                 "num_experts_per_tok",
                 "n_routed_experts",
                 "moe_intermediate_size",
                 "alibi",
                 "use_bidirectional_attention",
                 "attention_sinks",
                 "no_rope_layers",
                 "attention_chunk_size",
                 "residual_scale",
                 "residual_multiplier",
                 "embedding_multiplier",
                 "attention_multiplier",
                 "logits_scaling",
                 "logit_scale",
                 "query_key_layer_scaling",
                 "vision_config",
                 "text_config",
                 "audio_config",
                 "per_layer_config",
                 "sub_configs"});
}

/// Fields that one family or another reads: where the family does not, they ask
/// for something that it does not have.
static void refuseForeign(ConfigReader &reader, std::string_view family) {
  static constexpr std::string_view fields[] = {"attn_logit_softcapping",
                                                "final_logit_softcapping",
                                                "query_pre_attn_scalar",
                                                "rope_scaling",
                                                "rope_parameters",
                                                "rope_theta",
                                                "partial_rotary_factor",
                                                "rotary_dim",
                                                "rotary_pct",
                                                "layer_types",
                                                "sliding_window",
                                                "use_sliding_window",
                                                "head_dim",
                                                "qk_norm",
                                                "use_qk_norm",
                                                "qk_layernorm",
                                                "use_parallel_residual",
                                                "parallel_attn",
                                                "clip_qkv",
                                                "rope_local_base_freq",
                                                "attention_bias",
                                                "mlp_bias",
                                                "use_bias",
                                                "qkv_bias",
                                                "bias",
                                                "lm_head_bias"};
  for (const std::string &key : reader.unread())
    if (std::find(std::begin(fields), std::end(fields), key) !=
        std::end(fields))
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
  refuseCommon(reader);
  family->read(reader, config);
  readLabels(reader, config);
  refuseForeign(reader, family->name);
  LATHE_RETURN_IF_ERROR(reader.status());
  ignoreCommon(reader);
  checkProducts(reader, config);
  LATHE_RETURN_IF_ERROR(reader.status());
  for (const std::string &key : reader.unread())
    notes.push_back(json.file() + ": " + key +
                    ": is not known and has no effect");
  return config;
}
