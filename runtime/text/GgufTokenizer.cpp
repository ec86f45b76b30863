//===- GgufTokenizer.cpp - Reads the tokenizer of a GGUF file -------------===//
//
// The metadata says the same as other files do, so it is put as one of them
// and read by their readers: a tokenizer.json for byte-level BPE, whose split
// patterns are known by the names of tokenizer.ggml.pre, and a SentencePiece
// model for "llama", whose kinds of pieces are those of token_type.
//
// Names and patterns: llama-vocab.cpp of https://github.com/ggml-org/llama.cpp.
//
//===----------------------------------------------------------------------===//

#include "runtime/formats/Gguf.h"
#include "runtime/formats/JsonWriter.h"
#include "runtime/text/TokenizerBuilder.h"
#include "runtime/text/TokenizerReaders.h"
#include "runtime/text/Utf8.h"

#include <algorithm>
#include <cmath>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

namespace {

constexpr std::string_view kPrefix = "tokenizer.ggml.";

/// How byte-level BPE splits words.
struct PreTokenizer {
  std::initializer_list<std::string_view> names; ///< tokenizer.ggml.pre
  /// Each isolates its matches; empty: GPT-2's pattern.
  std::initializer_list<std::string_view> patterns;
  bool splitsDigits = false;
  bool normalizes = false; ///< To NFC.
  bool ignoresMerges = false;
  bool addsBos = false; ///< Where the file does not say.
};

const PreTokenizer kPreTokenizers[] = {
    {.names = {"gpt-2", "phi-2", "olmo", "jais"}, .patterns = {}},
    {.names = {"smollm", "starcoder", "refact", "codeshell"},
     .patterns = {},
     .splitsDigits = true},
    {.names = {"llama-bpe", "llama3", "llama-v3", "falcon3"},
     .patterns = {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)"
                  R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
                  R"(\s+(?!\S)|\s+)"},
     .ignoresMerges = true,
     .addsBos = true},
    {.names = {"qwen2", "deepseek-r1-qwen", "megrez"},
     .patterns = {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)"
                  R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
                  R"(\s+(?!\S)|\s+)"},
     .normalizes = true},
    {.names = {"default"},
     .patterns = {R"([\p{P}\$\+<=>\^~\|]+)",
                  R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+|)"
                  R"( ?[^\s\p{L}\p{N}]+|\s+(?!\S))",
                  R"(\p{N}+)", R"([0-9][0-9][0-9])"}},
};

/// Kinds of tokens: tokenizer.ggml.token_type.
enum TokenType : int64_t {
  kNormal = 1,
  kControl = 3,
  kUserDefined = 4,
  kByte = 6,
};

/// Reads the tokenizer of one file.
class GgufReader {
public:
  GgufReader(const Gguf &file, TokenizerSpec &spec) : file(file), spec(spec) {}

  Status read();

private:
  const GgufValue *find(std::string_view name) const {
    return file.find(std::string(kPrefix) + std::string(name));
  }
  Status fail(std::string_view name, std::string_view message,
              StatusCode code = StatusCode::InvalidFile) const {
    return file.error(std::string(kPrefix) + std::string(name), message, code);
  }
  Status refuseUnknown() const;
  Status readTokens();
  Status readFlag(std::string_view name, bool fallback, bool &flag) const;
  Status readBpe();
  Status readSentencePiece();
  Result<std::string> jsonOf(const PreTokenizer &pre) const;
  Status readRoles(bool addsBos);

  const Gguf &file;
  TokenizerSpec &spec;
  std::vector<std::string_view> tokens;
  std::vector<int64_t> types; ///< By token.
};

} // namespace

//===----------------------------------------------------------------------===//
// What both kinds have
//===----------------------------------------------------------------------===//

/// Refuses keys that may change the ids of a text.
Status GgufReader::refuseUnknown() const {
  static constexpr std::string_view kKnown[] = {"model",
                                                "pre",
                                                "tokens",
                                                "token_type",
                                                "scores",
                                                "merges",
                                                "add_bos_token",
                                                "add_eos_token",
                                                "add_sep_token",
                                                "add_space_prefix",
                                                "token_type_count",
                                                "remove_extra_whitespaces"};
  for (const GgufValue &value : file.values()) {
    std::string_view key = value.key();
    if (!key.starts_with(kPrefix) || key.ends_with("_token_id"))
      continue;
    key.remove_prefix(kPrefix.size());
    if (std::find(std::begin(kKnown), std::end(kKnown), key) ==
        std::end(kKnown))
      return value.error("is not supported", StatusCode::Unsupported);
  }
  bool addsSeparator = false;
  LATHE_RETURN_IF_ERROR(readFlag("add_sep_token", false, addsSeparator));
  if (addsSeparator)
    return fail("add_sep_token", "is not supported", StatusCode::Unsupported);
  return Status::ok();
}

Status GgufReader::readFlag(std::string_view name, bool fallback,
                            bool &flag) const {
  flag = fallback;
  const GgufValue *value = find(name);
  if (!value)
    return Status::ok();
  Result<bool> read = value->asBool();
  if (!read.isOk())
    return read.takeStatus();
  flag = *read;
  return Status::ok();
}

Status GgufReader::readTokens() {
  const GgufValue *list = find("tokens");
  if (!list)
    return fail("tokens", "is missing");
  Result<std::vector<std::string_view>> texts = list->asStrings();
  if (!texts.isOk())
    return texts.takeStatus();
  tokens = std::move(*texts);
  if (tokens.empty() || tokens.size() > size_t(kMaximumVocab))
    return list->error("expected 1 to " + std::to_string(kMaximumVocab) +
                       " tokens, got " + std::to_string(tokens.size()));
  for (size_t id = 0; id < tokens.size(); ++id)
    if (tokens[id].empty() || !isUtf8(tokens[id]))
      return list->error("token " + std::to_string(id) +
                         " is no UTF-8 text, or empty");
  types.assign(tokens.size(), kNormal);
  const GgufValue *kinds = find("token_type");
  if (!kinds)
    return Status::ok();
  Result<std::vector<int64_t>> numbers = kinds->asInts();
  if (!numbers.isOk())
    return numbers.takeStatus();
  types = std::move(*numbers);
  if (types.size() != tokens.size())
    return kinds->error("expected one for each of the " +
                        std::to_string(tokens.size()) + " tokens, got " +
                        std::to_string(types.size()));
  for (size_t id = 0; id < types.size(); ++id)
    if (types[id] < kNormal || types[id] > kByte)
      return kinds->error("expected 1 to 6, got " + std::to_string(types[id]) +
                          " for token " + std::to_string(id));
  return Status::ok();
}

/// Reads the tokens with a role, and which of them stand around a text.
Status GgufReader::readRoles(bool addsBos) {
  static constexpr std::string_view kRoles[7] = {
      "bos_token_id",     "eos_token_id", "padding_token_id",
      "unknown_token_id", "cls_token_id", "seperator_token_id",
      "mask_token_id"};
  for (size_t role = 0; role < std::size(kRoles); ++role) {
    spec.specials[role] = -1;
    const GgufValue *value = find(kRoles[role]);
    if (!value)
      continue;
    Result<int64_t> id = value->asInt();
    if (!id.isOk())
      return id.takeStatus();
    if (*id < 0 || size_t(*id) >= tokens.size())
      return value->error("expected a token of the " +
                          std::to_string(tokens.size()) + ", got " +
                          std::to_string(*id));
    spec.specials[role] = int32_t(*id);
  }
  bool addsEos = false;
  LATHE_RETURN_IF_ERROR(readFlag("add_bos_token", addsBos, addsBos));
  LATHE_RETURN_IF_ERROR(readFlag("add_eos_token", false, addsEos));
  spec.prefixIds.clear();
  spec.suffixIds.clear();
  if (addsBos && spec.specials[0] >= 0)
    spec.prefixIds = {spec.specials[0]};
  if (addsEos && spec.specials[1] >= 0)
    spec.suffixIds = {spec.specials[1]};
  return Status::ok();
}

//===----------------------------------------------------------------------===//
// Byte-level BPE as a tokenizer.json
//===----------------------------------------------------------------------===//

static void writeByteLevel(JsonWriter &json, bool splits) {
  json.beginObject()
      .field("type", "ByteLevel")
      .field("add_prefix_space", false)
      .field("trim_offsets", true)
      .field("use_regex", splits)
      .endObject();
}

static void writePreTokenizer(JsonWriter &json, const PreTokenizer &pre) {
  json.key("pre_tokenizer").beginObject().field("type", "Sequence");
  json.key("pretokenizers").beginArray();
  if (pre.splitsDigits)
    json.beginObject()
        .field("type", "Digits")
        .field("individual_digits", true)
        .endObject();
  for (std::string_view pattern : pre.patterns) {
    json.beginObject().field("type", "Split").key("pattern").beginObject();
    json.field("Regex", pattern).endObject();
    json.field("behavior", "Isolated").field("invert", false).endObject();
  }
  writeByteLevel(json, /*splits=*/pre.patterns.size() == 0);
  json.endArray().endObject();
}

Result<std::string> GgufReader::jsonOf(const PreTokenizer &pre) const {
  const GgufValue *list = find("merges");
  if (!list)
    return fail("merges", "is missing");
  Result<std::vector<std::string_view>> merges = list->asStrings();
  if (!merges.isOk())
    return merges.takeStatus();
  JsonWriter json;
  json.beginObject().key("added_tokens").beginArray();
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (types[id] != kControl && types[id] != kUserDefined)
      continue;
    json.beginObject().field("id", id).field("content", tokens[id]);
    json.field("normalized", false)
        .field("special", types[id] == kControl)
        .endObject();
  }
  json.endArray();
  if (pre.normalizes)
    json.key("normalizer").beginObject().field("type", "NFC").endObject();
  writePreTokenizer(json, pre);
  json.key("decoder");
  writeByteLevel(json, /*splits=*/true);
  json.key("model").beginObject().field("type", "BPE");
  json.field("ignore_merges", pre.ignoresMerges).key("vocab").beginObject();
  for (size_t id = 0; id < tokens.size(); ++id)
    json.field(tokens[id], id);
  json.endObject().key("merges").beginArray();
  for (std::string_view merge : *merges)
    json.value(merge);
  json.endArray().endObject().endObject();
  return json.take();
}

Status GgufReader::readBpe() {
  std::string_view name = "default";
  const GgufValue *value = find("pre");
  if (value) {
    Result<std::string_view> text = value->asString();
    if (!text.isOk())
      return text.takeStatus();
    name = *text;
  }
  auto *pre =
      std::find_if(std::begin(kPreTokenizers), std::end(kPreTokenizers),
                   [&](const PreTokenizer &row) {
                     return std::find(row.names.begin(), row.names.end(),
                                      name) != row.names.end();
                   });
  if (pre == std::end(kPreTokenizers))
    return fail("pre", "\"" + ggufShownName(name) + "\" is not supported",
                StatusCode::Unsupported);
  Result<std::string> text = jsonOf(*pre);
  if (!text.isOk())
    return text.takeStatus();
  Result<Json> json = Json::parse(*text, file.path() + ": tokenizer");
  if (!json.isOk())
    return json.takeStatus();
  LATHE_RETURN_IF_ERROR(readTokenizerJson(json->root(), spec));
  return readRoles(pre->addsBos);
}

//===----------------------------------------------------------------------===//
// "llama" as a SentencePiece model
//===----------------------------------------------------------------------===//

static void addVarint(std::string &out, uint64_t value) {
  for (; value >= 128; value >>= 7)
    out += char((value & 127) | 128);
  out += char(value);
}

/// A field of a protobuf message: a number, or bytes.
static void addField(std::string &out, uint32_t number, uint64_t value) {
  addVarint(out, number << 3);
  addVarint(out, value);
}
static void addField(std::string &out, uint32_t number,
                     std::string_view bytes) {
  addVarint(out, number << 3 | 2);
  addVarint(out, bytes.size());
  out += bytes;
}

Status GgufReader::readSentencePiece() {
  const GgufValue *list = find("scores");
  if (!list)
    return fail("scores", "is missing");
  Result<std::vector<double>> scores = list->asFloats();
  if (!scores.isOk())
    return scores.takeStatus();
  if (scores->size() != tokens.size())
    return list->error("expected one for each of the " +
                       std::to_string(tokens.size()) + " tokens, got " +
                       std::to_string(scores->size()));
  bool addsPrefix = true;
  bool removesSpaces = false;
  LATHE_RETURN_IF_ERROR(readFlag("add_space_prefix", true, addsPrefix));
  LATHE_RETURN_IF_ERROR(
      readFlag("remove_extra_whitespaces", false, removesSpaces));

  std::string model;
  for (size_t id = 0; id < tokens.size(); ++id) {
    std::string piece;
    addField(piece, 1, tokens[id]);
    float score = float((*scores)[id]);
    piece += char(2 << 3 | 5);
    piece.append(reinterpret_cast<const char *>(&score), sizeof(score));
    addField(piece, 3, uint64_t(types[id]));
    addField(model, 1, piece);
  }
  std::string trainer;
  addField(trainer, 3, uint64_t(2)); // BPE
  addField(model, 2, trainer);
  std::string normalizer;
  addField(normalizer, 3, uint64_t(addsPrefix));
  addField(normalizer, 4, uint64_t(removesSpaces));
  addField(model, 3, normalizer);
  LATHE_RETURN_IF_ERROR(
      text::readSentencePiece(model, file.path() + ": tokenizer", spec));
  return readRoles(/*addsBos=*/true);
}

Status GgufReader::read() {
  LATHE_RETURN_IF_ERROR(refuseUnknown());
  Result<std::string_view> model = find("model")->asString();
  if (!model.isOk())
    return model.takeStatus();
  LATHE_RETURN_IF_ERROR(readTokens());
  if (*model == "gpt2")
    return readBpe();
  if (*model == "llama")
    return readSentencePiece();
  return fail("model",
              "\"" + ggufShownName(*model) +
                  "\" is not supported (gpt2 and llama are)",
              StatusCode::Unsupported);
}

bool lathe::runtime::hasTokenizer(const Gguf &file) {
  const GgufValue *model = file.find("tokenizer.ggml.model");
  if (!model)
    return false;
  Result<std::string_view> name = model->asString();
  return !name.isOk() || (*name != "no_vocab" && *name != "none");
}

Result<std::vector<std::byte>>
lathe::runtime::buildTokenizerTables(const Gguf &file) {
  if (!hasTokenizer(file))
    return file.error("tokenizer.ggml.model", "the file has no tokenizer",
                      StatusCode::NotFound);
  TokenizerSpec spec;
  LATHE_RETURN_IF_ERROR(GgufReader(file, spec).read());
  return compileTables(spec, file.path());
}
