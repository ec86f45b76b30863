//===- TokenizerJsonProcessor.cpp - Reads a post-processor ----------------===//
//
// What a tokenizer.json puts around a text: templates, and those of BERT and
// RoBERTa.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/TokenizerReaders.h"

#include <string>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

/// The ids of a special token of a template.
static Status readTemplateToken(JsonValue processor, JsonValue piece,
                                std::vector<int32_t> &ids,
                                const TokenizerSpec &spec) {
  Result<std::string_view> name = piece.get<std::string_view>("id");
  if (!name.isOk())
    return name.takeStatus();
  Result<JsonValue> tokens = requireMember(processor, "special_tokens");
  if (!tokens.isOk())
    return tokens.takeStatus();
  Result<JsonValue> entry = requireMember(*tokens, *name);
  if (!entry.isOk())
    return entry.takeStatus();
  Result<JsonValue> list = requireMember(*entry, "ids");
  if (!list.isOk())
    return list.takeStatus();
  LATHE_RETURN_IF_ERROR(list->expectArray());
  for (JsonValue value : list->elements()) {
    Result<uint64_t> id = value.asUint();
    if (!id.isOk())
      return id.takeStatus();
    if (*id >= spec.tokens.size())
      return value.error("id " + std::to_string(*id) +
                         " is outside the vocabulary of " +
                         std::to_string(spec.tokens.size()));
    ids.push_back(int32_t(*id));
  }
  return Status::ok();
}

/// Puts what a processor adds around what the ones before it added.
static void wrap(std::vector<int32_t> prefix,
                 const std::vector<int32_t> &suffix, TokenizerSpec &spec) {
  prefix.insert(prefix.end(), spec.prefixIds.begin(), spec.prefixIds.end());
  spec.prefixIds = std::move(prefix);
  spec.suffixIds.insert(spec.suffixIds.end(), suffix.begin(), suffix.end());
}

static Status readTemplate(JsonValue processor, TokenizerSpec &spec) {
  LATHE_RETURN_IF_ERROR(
      expectOnly(processor, {"type", "single", "pair", "special_tokens"}));
  Result<JsonValue> single = requireMember(processor, "single");
  if (!single.isOk())
    return single.takeStatus();
  LATHE_RETURN_IF_ERROR(single->expectArray());
  std::vector<int32_t> around[2];
  size_t texts = 0;
  for (JsonValue piece : single->elements()) {
    if (std::optional<JsonValue> token = piece.find("SpecialToken")) {
      LATHE_RETURN_IF_ERROR(
          readTemplateToken(processor, *token, around[texts > 0], spec));
      continue;
    }
    if (!piece.find("Sequence"))
      return piece.error("expected a Sequence or a SpecialToken");
    ++texts;
  }
  if (texts != 1)
    return single->error("the text stands " + std::to_string(texts) +
                             " times, expected once",
                         StatusCode::Unsupported);
  wrap(std::move(around[0]), around[1], spec);
  return Status::ok();
}

/// `["[SEP]", 102]`: the id.
static Result<int32_t> readNamedId(JsonValue processor, std::string_view key,
                                   const TokenizerSpec &spec) {
  Result<JsonValue> pair = requireMember(processor, key);
  if (!pair.isOk())
    return pair.takeStatus();
  LATHE_RETURN_IF_ERROR(pair->expectArray());
  if (pair->size() != 2)
    return pair->error("expected a token and its id");
  JsonValue::Iterator at = pair->elements().begin();
  ++at;
  Result<uint64_t> id = (*at).asUint();
  if (!id.isOk())
    return id.takeStatus();
  if (*id >= spec.tokens.size())
    return pair->error("id " + std::to_string(*id) +
                       " is outside the vocabulary of " +
                       std::to_string(spec.tokens.size()));
  return int32_t(*id);
}

Status text::readPostProcessor(JsonValue processor, TokenizerSpec &spec) {
  Result<std::string_view> type = processor.get<std::string_view>("type");
  if (!type.isOk())
    return type.takeStatus();
  // ByteLevel here only moves offsets, which nobody sees.
  if (*type == "ByteLevel")
    return expectOnly(
        processor, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
  if (*type == "TemplateProcessing")
    return readTemplate(processor, spec);
  if (*type == "BertProcessing" || *type == "RobertaProcessing") {
    LATHE_RETURN_IF_ERROR(expectOnly(
        processor, {"type", "sep", "cls", "trim_offsets", "add_prefix_space"}));
    Result<int32_t> first = readNamedId(processor, "cls", spec);
    if (!first.isOk())
      return first.takeStatus();
    Result<int32_t> last = readNamedId(processor, "sep", spec);
    if (!last.isOk())
      return last.takeStatus();
    wrap({*first}, {*last}, spec);
    return Status::ok();
  }
  if (*type == "Sequence") {
    Result<JsonValue> list = requireMember(processor, "processors");
    if (!list.isOk())
      return list.takeStatus();
    LATHE_RETURN_IF_ERROR(list->expectArray());
    for (JsonValue part : list->elements())
      LATHE_RETURN_IF_ERROR(readPostProcessor(part, spec));
    return Status::ok();
  }
  return processor.error("type: " + std::string(*type) + " is not supported",
                         StatusCode::Unsupported);
}
