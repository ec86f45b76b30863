//===- TokenizerJson.cpp - Reads tokenizer.json ---------------------------===//
//
// The model and the added tokens. The other parts are in files of their own:
// TokenizerJsonSteps.cpp (normalizers and pre-tokenizers), TokenizerJsonDecoder
// and TokenizerJsonProcessor.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/TokenizerReaders.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

Status text::expectOnly(JsonValue object,
                        std::initializer_list<std::string_view> known) {
  LATHE_RETURN_IF_ERROR(object.expectObject());
  for (JsonValue member : object.members())
    if (std::find(known.begin(), known.end(), member.key()) == known.end())
      return member.error("is not supported", StatusCode::Unsupported);
  return Status::ok();
}

Result<JsonValue> text::requireMember(JsonValue object, std::string_view key) {
  std::optional<JsonValue> member = object.find(key);
  if (!member || member->isNull())
    return object.error("expected a member " + std::string(key));
  return *member;
}

namespace {

using Ids = std::unordered_map<std::string_view, int32_t>;

} // namespace

/// Puts \p text at \p id. Ids may be a little sparse, but a file cannot make us
/// allocate much more than it has tokens.
static Status placeToken(JsonValue where, uint64_t id, std::string_view text,
                         size_t tokenCount, TokenizerSpec &spec) {
  if (id >= kMaximumVocab || id > 4 * tokenCount + 65536)
    return where.error("id " + std::to_string(id) + " is too large for " +
                       std::to_string(tokenCount) + " tokens");
  if (spec.tokens.size() <= id)
    spec.tokens.resize(id + 1);
  SpecToken &token = spec.tokens[id];
  if (token.isPresent)
    return where.error("id " + std::to_string(id) + " is used twice");
  token.text = text;
  token.isPresent = true;
  return Status::ok();
}

static Status readVocab(JsonValue vocab, TokenizerSpec &spec, Ids &ids) {
  LATHE_RETURN_IF_ERROR(vocab.expectObject());
  for (JsonValue entry : vocab.members()) {
    Result<uint64_t> id = entry.asUint();
    if (!id.isOk())
      return id.takeStatus();
    LATHE_RETURN_IF_ERROR(
        placeToken(entry, *id, entry.key(), vocab.size(), spec));
    ids[entry.key()] = int32_t(*id);
  }
  return Status::ok();
}

static int32_t idOf(const Ids &ids, std::string_view text) {
  auto found = ids.find(text);
  return found == ids.end() ? -1 : found->second;
}

/// The two parts of a merge: "a b" in old files, ["a", "b"] in new ones.
static Status readPair(JsonValue merge, std::string_view &left,
                       std::string_view &right) {
  if (merge.isString()) {
    std::string_view both = *merge.asString();
    size_t space = both.find(' ');
    if (space == std::string_view::npos ||
        both.find(' ', space + 1) != std::string_view::npos)
      return merge.error("expected two tokens and a space between them");
    left = both.substr(0, space);
    right = both.substr(space + 1);
    return Status::ok();
  }
  LATHE_RETURN_IF_ERROR(merge.expectArray());
  std::string_view *parts[] = {&left, &right};
  size_t count = 0;
  for (JsonValue part : merge.elements()) {
    Result<std::string_view> text = part.asString();
    if (!text.isOk())
      return text.takeStatus();
    if (count < 2)
      *parts[count] = *text;
    ++count;
  }
  return count == 2
             ? Status::ok()
             : merge.error("expected 2 tokens, got " + std::to_string(count));
}

static Status readMerges(JsonValue merges, const Ids &ids,
                         TokenizerSpec &spec) {
  LATHE_RETURN_IF_ERROR(merges.expectArray());
  std::string joined;
  for (JsonValue entry : merges.elements()) {
    std::string_view left;
    std::string_view right;
    LATHE_RETURN_IF_ERROR(readPair(entry, left, right));
    joined.assign(left);
    joined += right;
    SpecMerge merge = {idOf(ids, left), idOf(ids, right), idOf(ids, joined)};
    if (merge.left < 0 || merge.right < 0 || merge.result < 0)
      return entry.error("one of its tokens, or the two joined, is not in the "
                         "vocabulary");
    spec.merges.push_back(merge);
  }
  // Of equal pairs the last counts.
  std::unordered_set<uint64_t> seen;
  std::vector<SpecMerge> kept;
  for (size_t i = spec.merges.size(); i-- > 0;) {
    const SpecMerge &merge = spec.merges[i];
    if (seen.insert(uint64_t(merge.left) << 32 | uint32_t(merge.right)).second)
      kept.push_back(merge);
  }
  std::reverse(kept.begin(), kept.end());
  spec.merges = std::move(kept);
  return Status::ok();
}

/// Sets \p flag if the member \p key is true.
static Status readFlag(JsonValue object, std::string_view key, uint32_t flag,
                       uint32_t &flags) {
  Result<bool> value = object.get<bool>(key, false);
  if (!value.isOk())
    return value.takeStatus();
  flags |= *value ? flag : 0;
  return Status::ok();
}

/// Refuses what a member \p key other than null, 0 or "" would ask for.
static Status expectUnset(JsonValue object, std::string_view key) {
  std::optional<JsonValue> member = object.find(key);
  if (!member || member->isNull())
    return Status::ok();
  if (member->isString() && member->asString()->empty())
    return Status::ok();
  if (member->isNumber() && *member->asDouble() == 0)
    return Status::ok();
  return member->error("is not supported", StatusCode::Unsupported);
}

static Status readBpe(JsonValue model, TokenizerSpec &spec) {
  LATHE_RETURN_IF_ERROR(expectOnly(
      model, {"type", "dropout", "unk_token", "continuing_subword_prefix",
              "end_of_word_suffix", "fuse_unk", "byte_fallback",
              "ignore_merges", "vocab", "merges"}));
  for (std::string_view key :
       {"dropout", "continuing_subword_prefix", "end_of_word_suffix"})
    LATHE_RETURN_IF_ERROR(expectUnset(model, key));
  LATHE_RETURN_IF_ERROR(readFlag(model, "fuse_unk", kFuseUnknown, spec.flags));
  LATHE_RETURN_IF_ERROR(
      readFlag(model, "byte_fallback", kByteFallback, spec.flags));
  LATHE_RETURN_IF_ERROR(
      readFlag(model, "ignore_merges", kIgnoreMerges, spec.flags));
  Ids ids;
  Result<JsonValue> vocab = requireMember(model, "vocab");
  if (!vocab.isOk())
    return vocab.takeStatus();
  LATHE_RETURN_IF_ERROR(readVocab(*vocab, spec, ids));
  Result<JsonValue> merges = requireMember(model, "merges");
  if (!merges.isOk())
    return merges.takeStatus();
  LATHE_RETURN_IF_ERROR(readMerges(*merges, ids, spec));
  Result<std::string_view> unknown =
      model.get<std::string_view>("unk_token", "");
  if (!unknown.isOk())
    return unknown.takeStatus();
  if (!unknown->empty())
    spec.unknownId = idOf(ids, *unknown);
  return Status::ok();
}

static Status readWordPiece(JsonValue model, TokenizerSpec &spec) {
  spec.model = ModelKind::WordPiece;
  LATHE_RETURN_IF_ERROR(
      expectOnly(model, {"type", "unk_token", "continuing_subword_prefix",
                         "max_input_chars_per_word", "vocab"}));
  Ids ids;
  Result<JsonValue> vocab = requireMember(model, "vocab");
  if (!vocab.isOk())
    return vocab.takeStatus();
  LATHE_RETURN_IF_ERROR(readVocab(*vocab, spec, ids));
  Result<std::string_view> unknown =
      model.get<std::string_view>("unk_token", "[UNK]");
  if (!unknown.isOk())
    return unknown.takeStatus();
  spec.unknownId = idOf(ids, *unknown);
  if (spec.unknownId < 0)
    return model.error("unk_token: " + std::string(*unknown) +
                       " is not in the vocabulary");
  Result<std::string_view> prefix =
      model.get<std::string_view>("continuing_subword_prefix", "##");
  if (!prefix.isOk())
    return prefix.takeStatus();
  spec.continuationPrefix = *prefix;
  Result<uint64_t> longest =
      model.get<uint64_t>("max_input_chars_per_word", 100);
  if (!longest.isOk())
    return longest.takeStatus();
  if (*longest > 4096)
    return model.error("max_input_chars_per_word: " + std::to_string(*longest) +
                           " is more than 4096",
                       StatusCode::Unsupported);
  spec.maximumWord = uint32_t(*longest);
  return Status::ok();
}

static Status readUnigramEntry(JsonValue entry, size_t count,
                               TokenizerSpec &spec) {
  LATHE_RETURN_IF_ERROR(entry.expectArray());
  if (entry.size() != 2)
    return entry.error("expected a token and its score");
  JsonValue::Iterator at = entry.elements().begin();
  Result<std::string_view> text = (*at).asString();
  if (!text.isOk())
    return text.takeStatus();
  ++at;
  Result<double> score = (*at).asDouble();
  if (!score.isOk())
    return score.takeStatus();
  LATHE_RETURN_IF_ERROR(
      placeToken(entry, spec.tokens.size(), *text, count, spec));
  spec.scores.push_back(*score);
  return Status::ok();
}

static Status readUnigram(JsonValue model, TokenizerSpec &spec) {
  spec.model = ModelKind::Unigram;
  spec.flags |= kFuseUnknown;
  LATHE_RETURN_IF_ERROR(
      expectOnly(model, {"type", "unk_id", "byte_fallback", "vocab"}));
  LATHE_RETURN_IF_ERROR(
      readFlag(model, "byte_fallback", kByteFallback, spec.flags));
  Result<JsonValue> vocab = requireMember(model, "vocab");
  if (!vocab.isOk())
    return vocab.takeStatus();
  LATHE_RETURN_IF_ERROR(vocab->expectArray());
  for (JsonValue entry : vocab->elements())
    LATHE_RETURN_IF_ERROR(readUnigramEntry(entry, vocab->size(), spec));
  Result<uint64_t> unknown = model.get<uint64_t>("unk_id");
  if (!unknown.isOk())
    return unknown.takeStatus();
  if (*unknown >= spec.tokens.size())
    return model.error("unk_id: " + std::to_string(*unknown) +
                       " is outside the vocabulary of " +
                       std::to_string(spec.tokens.size()));
  spec.unknownId = int32_t(*unknown);
  return Status::ok();
}

Status text::readModel(JsonValue model, TokenizerSpec &spec) {
  LATHE_RETURN_IF_ERROR(model.expectObject());
  // Files of old versions do not say.
  std::string_view guess = "WordPiece";
  std::optional<JsonValue> vocab = model.find("vocab");
  if (model.find("merges"))
    guess = "BPE";
  else if (vocab && vocab->isArray())
    guess = "Unigram";
  Result<std::string_view> type = model.get<std::string_view>("type", guess);
  if (!type.isOk())
    return type.takeStatus();
  if (*type == "BPE")
    return readBpe(model, spec);
  if (*type == "WordPiece")
    return readWordPiece(model, spec);
  if (*type == "Unigram")
    return readUnigram(model, spec);
  return model.error("type: " + std::string(*type) + " is not supported",
                     StatusCode::Unsupported);
}

bool text::addToken(SpecAddedToken token, TokenizerSpec &spec) {
  size_t id = size_t(token.id);
  if (spec.tokens.size() <= id)
    spec.tokens.resize(id + 1);
  if (!spec.scores.empty())
    spec.scores.resize(spec.tokens.size());
  SpecToken &entry = spec.tokens[id];
  if (entry.isPresent && entry.text != token.content)
    return false;
  if (!entry.isPresent) {
    entry.text = token.content;
    entry.isPresent = true;
    entry.isAddedOnly = true;
  }
  entry.isSpecial |= (token.flags & kAddedSpecial) != 0;
  spec.addedTokens.push_back(std::move(token));
  return true;
}

static Status readAddedToken(JsonValue value, size_t count,
                             TokenizerSpec &spec) {
  LATHE_RETURN_IF_ERROR(
      expectOnly(value, {"id", "content", "single_word", "lstrip", "rstrip",
                         "normalized", "special"}));
  Result<uint64_t> id = value.get<uint64_t>("id");
  if (!id.isOk())
    return id.takeStatus();
  Result<std::string_view> content = value.get<std::string_view>("content");
  if (!content.isOk())
    return content.takeStatus();
  SpecAddedToken token;
  LATHE_RETURN_IF_ERROR(readFlag(value, "special", kAddedSpecial, token.flags));
  LATHE_RETURN_IF_ERROR(
      readFlag(value, "single_word", kSingleWord, token.flags));
  LATHE_RETURN_IF_ERROR(readFlag(value, "lstrip", kStripLeft, token.flags));
  LATHE_RETURN_IF_ERROR(readFlag(value, "rstrip", kStripRight, token.flags));
  Result<bool> normalized =
      value.get<bool>("normalized", !(token.flags & kAddedSpecial));
  if (!normalized.isOk())
    return normalized.takeStatus();
  if (*id >= kMaximumVocab || *id > 4 * count + 65536)
    return value.error("id: " + std::to_string(*id) + " is too large for " +
                       std::to_string(count) + " tokens");
  if (content->empty())
    return value.error("content: is empty");
  token.content = *content;
  token.id = int32_t(*id);
  token.isNormalized = *normalized;
  if (!addToken(std::move(token), spec))
    return value.error("id: the vocabulary has another token at " +
                       std::to_string(*id));
  return Status::ok();
}

Status text::readAddedTokens(JsonValue tokens, TokenizerSpec &spec) {
  LATHE_RETURN_IF_ERROR(tokens.expectArray());
  std::unordered_map<std::string_view, size_t> vocab;
  for (size_t id = 0; id < spec.tokens.size(); ++id)
    if (spec.tokens[id].isPresent)
      vocab[spec.tokens[id].text] = id;
  // Contents that stand twice, or in the vocabulary under another id.
  std::unordered_set<std::string_view> seen;
  for (JsonValue value : tokens.elements()) {
    std::optional<JsonValue> content = value.find("content");
    std::optional<JsonValue> id = value.find("id");
    if (!content || !content->isString() || !id || !id->isInteger())
      continue;
    if (!seen.insert(*content->asString()).second)
      return value.error("content: stands twice");
    auto found = vocab.find(*content->asString());
    if (found != vocab.end() && id->asUint().isOk() &&
        *id->asUint() != found->second && spec.model != ModelKind::Unigram)
      return value.error("id: expected " + std::to_string(found->second) +
                         " as in the vocabulary, got " +
                         std::to_string(*id->asUint()));
  }
  size_t count = spec.tokens.size() + tokens.size();
  vocab.clear();
  for (JsonValue value : tokens.elements())
    LATHE_RETURN_IF_ERROR(readAddedToken(value, count, spec));
  return Status::ok();
}

Status text::readTokenizerJson(JsonValue root, TokenizerSpec &spec) {
  // Truncation and padding are the caller's: ids do not depend on them.
  LATHE_RETURN_IF_ERROR(expectOnly(
      root, {"version", "truncation", "padding", "added_tokens", "normalizer",
             "pre_tokenizer", "post_processor", "decoder", "model"}));
  Result<JsonValue> model = requireMember(root, "model");
  if (!model.isOk())
    return model.takeStatus();
  LATHE_RETURN_IF_ERROR(readModel(*model, spec));
  struct Part {
    std::string_view key;
    Status (*read)(JsonValue, TokenizerSpec &);
  };
  for (Part part : {Part{"added_tokens", readAddedTokens},
                    Part{"normalizer", readNormalizer},
                    Part{"pre_tokenizer", readPreTokenizer},
                    Part{"post_processor", readPostProcessor}}) {
    std::optional<JsonValue> value = root.find(part.key);
    if (value && !value->isNull())
      LATHE_RETURN_IF_ERROR(part.read(*value, spec));
  }
  std::optional<JsonValue> decoder = root.find("decoder");
  if (decoder && !decoder->isNull())
    LATHE_RETURN_IF_ERROR(readDecoder(*decoder, spec));
  else
    spec.decoders.push_back({StepKind::DecodeJoin});
  bool decodesBytes = !spec.decoders.empty() &&
                      spec.decoders.front().kind == StepKind::DecodeBytes;
  if (decodesBytes != ((spec.flags & kByteLevel) != 0))
    return root.error("decoder: ByteLevel is only supported in both "
                      "pre_tokenizer and decoder",
                      StatusCode::Unsupported);
  return Status::ok();
}
