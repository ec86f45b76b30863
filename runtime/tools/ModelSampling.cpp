//===- ModelSampling.cpp - How a model asks to be sampled -----------------===//

#include "runtime/tools/ModelSampling.h"

#include "runtime/formats/Json.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <optional>

using namespace lathe;
using namespace lathe::tools;
using runtime::Json;
using runtime::JsonValue;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

namespace {

/// A field that Lathe does nothing for, with the number at which there is
/// nothing to do. Null, false and what is empty ask for nothing either.
struct RefusedField {
  std::string_view name;
  double neutral = std::numeric_limits<double>::quiet_NaN();
  bool onlySampling = false; ///< Greedy generation does not look at it.
};

} // namespace

static constexpr RefusedField kRefused[] = {
    {"bad_words_ids"},
    {"begin_suppress_tokens"},
    {"constraints"},
    {"dola_layers"},
    {"encoder_no_repeat_ngram_size", 0},
    {"encoder_repetition_penalty", 1},
    {"epsilon_cutoff", 0, /*onlySampling=*/true},
    {"eta_cutoff", 0, /*onlySampling=*/true},
    {"exponential_decay_length_penalty"},
    {"force_words_ids"},
    {"forced_bos_token_id"},
    {"forced_decoder_ids"},
    {"forced_eos_token_id"},
    {"guidance_scale", 1},
    {"max_time"},
    {"min_length", 0},
    {"min_new_tokens", 0},
    {"no_repeat_ngram_size", 0},
    {"num_beam_groups", 1},
    {"num_beams", 1},
    {"num_return_sequences", 1},
    {"penalty_alpha", 0},
    {"remove_invalid_values"},
    {"sequence_bias"},
    {"suppress_tokens"},
    {"token_healing"},
    {"top_h", std::numeric_limits<double>::quiet_NaN(), /*onlySampling=*/true},
    {"typical_p", 1, /*onlySampling=*/true},
    {"watermarking_config"},
};

/// What is read here or when a model is compiled, what only a refused field
/// gives a meaning to, and what leaves the ids as they are: how much is
/// written (the user's to say), how fast, and in which form.
static constexpr std::string_view kOther[] = {
    "_from_model_config",
    "assistant_confidence_threshold",
    "assistant_early_exit",
    "assistant_ensemble_weight",
    "assistant_lookbehind",
    "bos_token_id",
    "cache_config",
    "cache_implementation",
    "compile_config",
    "continuous_batching_config",
    "decoder_start_token_id",
    "disable_compile",
    "diversity_penalty",
    "do_sample",
    "early_stopping",
    "eos_token_id",
    "is_assistant",
    "length_penalty",
    "low_memory",
    "max_cache_len",
    "max_length",
    "max_matching_ngram_size",
    "max_new_tokens",
    "min_p",
    "num_assistant_tokens",
    "num_assistant_tokens_schedule",
    "output_attentions",
    "output_hidden_states",
    "output_logits",
    "output_scores",
    "pad_token_id",
    "prefill_chunk_size",
    "prompt_lookup_num_tokens",
    "renormalize_logits",
    "repetition_penalty",
    "return_dict_in_generate",
    "speculation_type",
    "stop_strings",
    "target_lookbehind",
    "temperature",
    "top_k",
    "top_p",
    "transformers_version",
    "use_cache",
    "use_mtp",
};

static bool asksForNothing(const RefusedField &field, JsonValue value,
                           bool samples) {
  if (value.isNull() || (field.onlySampling && !samples))
    return true;
  if (value.isBool())
    return !*value.asBool();
  if (value.isNumber())
    return *value.asDouble() == field.neutral;
  return (value.isArray() || value.isObject()) && value.size() == 0;
}

/// Looks at every field that nothing is done for.
static Status checkRest(JsonValue root, bool samples, ModelSampling &sampling) {
  for (JsonValue member : root.members()) {
    const RefusedField *field =
        std::ranges::find(kRefused, member.key(), &RefusedField::name);
    if (field == std::end(kRefused)) {
      if (std::ranges::find(kOther, member.key()) == std::end(kOther))
        sampling.unknown.emplace_back(member.key());
    } else if (!asksForNothing(*field, member, samples)) {
      return member.error("is not supported (leave out --sampling model and "
                          "say how to sample with flags)",
                          StatusCode::Unsupported);
    }
  }
  return Status::ok();
}

namespace {
/// Where a number must lie; 0 itself only where it says so.
struct NumberRange {
  double maximum;
  bool mayBeZero = false;
};
} // namespace

/// Puts the number \p key, else \p fallback, into \p value.
static Status readNumber(JsonValue root, std::string_view key, double fallback,
                         NumberRange range, float &value) {
  Result<double> found = root.get<double>(key, fallback);
  if (!found.isOk())
    return found.takeStatus();
  value = 0;
  // A float of the range; NaN cannot come out of JSON.
  if (*found >= 0 && *found <= range.maximum)
    value = static_cast<float>(*found);
  if (value > 0 || (range.mayBeZero && *found == 0))
    return Status::ok();
  char text[96];
  std::snprintf(text, sizeof(text), "expected a number %s %g, got %g",
                range.mayBeZero ? "from 0 to" : "above 0 and up to",
                range.maximum, *found);
  return root.find(key)->error(text);
}

static Status readTopK(JsonValue root, int32_t &topK) {
  constexpr int64_t kLargest = int64_t(1) << 30;
  Result<int64_t> found = root.get<int64_t>("top_k", 50);
  if (!found.isOk())
    return found.takeStatus();
  if (*found < 0 || *found > kLargest)
    return root.find("top_k")->error("expected a number from 0 to " +
                                     std::to_string(kLargest) + ", got " +
                                     std::to_string(*found));
  topK = static_cast<int32_t>(*found);
  return Status::ok();
}

static Status addStop(JsonValue value, std::vector<std::string> &stops) {
  Result<std::string_view> text = value.asString();
  if (!text.isOk())
    return text.takeStatus();
  // A NUL would end the string on its way through the C interface.
  if (text->empty() || text->find('\0') != std::string_view::npos)
    return value.error("expected at least one character and no NUL");
  stops.emplace_back(*text);
  return Status::ok();
}

/// One string, or a list of them.
static Status readStops(JsonValue root, std::vector<std::string> &stops) {
  std::optional<JsonValue> value = root.find("stop_strings");
  if (!value || value->isNull())
    return Status::ok();
  if (!value->isArray())
    return addStop(*value, stops);
  for (JsonValue element : value->elements())
    LATHE_RETURN_IF_ERROR(addStop(element, stops));
  return Status::ok();
}

Result<ModelSampling> tools::readModelSampling(std::string_view text,
                                               const std::string &file) {
  Result<Json> json = Json::parse(text, file);
  if (!json.isOk())
    return json.takeStatus();
  JsonValue root = json->root();
  LATHE_RETURN_IF_ERROR(root.expectObject());
  Result<bool> samples = root.get<bool>("do_sample", false);
  if (!samples.isOk())
    return samples.takeStatus();

  ModelSampling sampling;
  LATHE_RETURN_IF_ERROR(checkRest(root, *samples, sampling));
  LATHE_RETURN_IF_ERROR(readStops(root, sampling.stops));
  LATHE_RETURN_IF_ERROR(readNumber(root, "repetition_penalty", 1.0, {1e6},
                                   sampling.repetitionPenalty));
  if (!*samples)
    return sampling;
  // The defaults are those of the format: a model that samples does so at 1.0
  // from the 50 most likely.
  LATHE_RETURN_IF_ERROR(
      readNumber(root, "temperature", 1.0, {1e6}, sampling.temperature));
  LATHE_RETURN_IF_ERROR(readTopK(root, sampling.topK));
  LATHE_RETURN_IF_ERROR(readNumber(root, "top_p", 1.0, {1.0}, sampling.topP));
  LATHE_RETURN_IF_ERROR(
      readNumber(root, "min_p", 0.0, {1.0, /*mayBeZero=*/true}, sampling.minP));
  return sampling;
}
