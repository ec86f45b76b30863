//===- TokenizerBuilder.cpp - Makes a tokenizer's tables ------------------===//
#include "runtime/text/TokenizerBuilder.h"

#include "runtime/formats/Gguf.h"
#include "runtime/formats/MappedFile.h"
#include "runtime/text/TokenizerReaders.h"

#include <optional>
#include <sys/stat.h>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

namespace {

/// A role of SpecialTokens: its name in tokenizer_config.json, and the tokens
/// that have it where no file says.
struct Role {
  const char *key;
  std::initializer_list<const char *> usual;
};

} // namespace

static constexpr const char *kConfigFile = "tokenizer_config.json";
static constexpr const char *kMapFile = "special_tokens_map.json";

static const Role kRoles[7] = {
    {"bos_token", {"<s>", "<|begin_of_text|>", "<bos>", "[BOS]"}},
    {"eos_token", {"</s>", "<|end_of_text|>", "<eos>", "<|endoftext|>"}},
    {"pad_token", {"<pad>", "[PAD]"}},
    {"unk_token", {"<unk>", "[UNK]"}},
    {"cls_token", {"[CLS]"}},
    {"sep_token", {"[SEP]"}},
    {"mask_token", {"[MASK]", "<mask>"}}};

/// The text of a token in a config: a string, or an object with its content.
static std::string_view tokenIn(const std::optional<Json> &config,
                                const char *key) {
  if (!config)
    return {};
  std::optional<JsonValue> value = config->root().find(key);
  if (value && value->isObject())
    value = value->find("content");
  return value && value->isString() ? *value->asString() : std::string_view();
}

static int32_t findAdded(const TokenizerSpec &spec, std::string_view content) {
  for (const SpecAddedToken &token : spec.addedTokens)
    if (token.content == content)
      return token.id;
  return -1;
}

/// Finds the tokens with a role: what the configs say, else what a
/// SentencePiece model said, else the usual ones.
static void findRoles(const std::optional<Json> &config,
                      const std::optional<Json> &map, TokenizerSpec &spec) {
  for (size_t role = 0; role < std::size(kRoles); ++role) {
    std::string_view said = tokenIn(config, kRoles[role].key);
    if (said.empty())
      said = tokenIn(map, kRoles[role].key);
    if (!said.empty()) {
      spec.specials[role] = spec.findId(said);
      continue;
    }
    for (const char *usual : kRoles[role].usual)
      if (spec.specials[role] < 0)
        spec.specials[role] = findAdded(spec, usual);
  }
  if (spec.specials[3] < 0)
    spec.specials[3] = spec.unknownId;
}

/// The file \p name of the folder in which \p file is.
static std::string besides(const std::string &file, const char *name) {
  return file.substr(0, file.rfind('/') + 1) + name;
}

static Status parseOptional(std::string_view text, const std::string &name,
                            std::optional<Json> &out) {
  if (text.empty())
    return Status::ok();
  Result<Json> json = Json::parse(text, name);
  if (!json.isOk())
    return json.takeStatus();
  if (!json->root().isObject())
    return Status::error(StatusCode::InvalidFile,
                         name + ": expected an object");
  out.emplace(std::move(*json));
  return Status::ok();
}

Result<std::vector<std::byte>>
lathe::runtime::buildTokenizerTablesFrom(const TokenizerFiles &files,
                                         const std::string &name) {
  std::optional<Json> config;
  std::optional<Json> map;
  LATHE_RETURN_IF_ERROR(
      parseOptional(files.tokenizerConfig, besides(name, kConfigFile), config));
  LATHE_RETURN_IF_ERROR(
      parseOptional(files.specialTokensMap, besides(name, kMapFile), map));
  TokenizerSpec spec;
  if (!files.tokenizerJson.empty()) {
    Result<Json> json = Json::parse(files.tokenizerJson, name);
    if (!json.isOk())
      return json.takeStatus();
    LATHE_RETURN_IF_ERROR(readTokenizerJson(json->root(), spec));
  } else if (!files.sentencePieceModel.empty()) {
    LATHE_RETURN_IF_ERROR(
        readSentencePiece(files.sentencePieceModel, name, spec));
  } else {
    std::optional<JsonValue> root;
    if (config)
      root = config->root();
    LATHE_RETURN_IF_ERROR(
        readVocabTxt(files.vocabTxt, name, root ? &*root : nullptr, spec));
  }
  findRoles(config, map, spec);
  return compileTables(spec, name);
}

static bool isDirectory(const std::string &path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

static bool exists(const std::string &path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0;
}

static Result<MappedFile> openNotEmpty(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (file.isOk() && file->text().empty())
    return Status::error(StatusCode::InvalidFile, path + ": is empty");
  return file;
}

Result<std::vector<std::byte>>
lathe::runtime::buildTokenizerTables(const std::string &path) {
  if (path.ends_with(".gguf") && !isDirectory(path)) {
    Result<Gguf> file = Gguf::open(path);
    if (!file.isOk())
      return file.takeStatus();
    return buildTokenizerTables(*file);
  }
  std::string file = path;
  if (isDirectory(path)) {
    file.clear();
    for (const char *name : {"tokenizer.json", "tokenizer.model", "vocab.txt"})
      if (file.empty() && exists(path + "/" + name))
        file = path + "/" + name;
    if (file.empty())
      return Status::error(StatusCode::NotFound,
                           path + ": has no tokenizer.json, tokenizer.model "
                                  "or vocab.txt");
  }
  Result<MappedFile> main = openNotEmpty(file);
  if (!main.isOk())
    return main.takeStatus();
  TokenizerFiles files;
  if (file.ends_with(".model"))
    files.sentencePieceModel = main->text();
  else if (file.ends_with(".txt"))
    files.vocabTxt = main->text();
  else
    files.tokenizerJson = main->text();

  std::vector<MappedFile> kept;
  kept.reserve(2);
  for (const char *name : {kConfigFile, kMapFile}) {
    std::string beside = besides(file, name);
    if (!exists(beside))
      continue;
    Result<MappedFile> mapped = openNotEmpty(beside);
    if (!mapped.isOk())
      return mapped.takeStatus();
    kept.push_back(std::move(*mapped));
    (name == kConfigFile ? files.tokenizerConfig : files.specialTokensMap) =
        kept.back().text();
  }
  return buildTokenizerTablesFrom(files, file);
}
