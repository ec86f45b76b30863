//===- SentenceModules.cpp - The heads of sentence encoders ---------------===//

#include "frontend/models/SentenceModules.h"

#include "frontend/models/ConfigReader.h"

#include <algorithm>

using namespace lathe;
using runtime::Json;
using runtime::JsonValue;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

/// Most modules that a modules.json may list.
static constexpr size_t kMostModules = 16;

/// A pooling module's flag and what it asks for.
struct PoolingFlag {
  std::string_view key;
  std::string_view name; ///< What `pooling_mode` calls it.
  SentencePool pool;     ///< None: not supported.
};

static constexpr PoolingFlag kFlags[] = {
    {"pooling_mode_cls_token", "cls", SentencePool::First},
    {"pooling_mode_mean_tokens", "mean", SentencePool::Mean},
    {"pooling_mode_max_tokens", "max", SentencePool::Max},
    {"pooling_mode_lasttoken", "lasttoken", SentencePool::Last},
    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens",
     SentencePool::None},
    {"pooling_mode_weightedmean_tokens", "weightedmean", SentencePool::None},
};

/// Reads the way to pool by its name, or else by its flag.
static void readPoolKind(ConfigReader &reader, TransformerConfig &config) {
  std::string name = reader.text("pooling_mode", "");
  if (!name.empty()) {
    for (const PoolingFlag &flag : kFlags)
      if (flag.name == name)
        config.pool = flag.pool;
    if (config.pool == SentencePool::None)
      reader.unsupported("pooling_mode", "\"" + name + "\" is not supported");
    return;
  }
  size_t count = 0;
  for (const PoolingFlag &flag : kFlags) {
    if (!reader.boolean(flag.key, false))
      continue;
    config.pool = flag.pool;
    if (flag.pool == SentencePool::None)
      reader.unsupported(flag.key, "is not supported");
    if (++count == 2)
      reader.unsupported(flag.key, "several ways to pool at once are not "
                                   "supported");
  }
  if (count == 0)
    reader.fail("pooling_mode_mean_tokens", "no way to pool is set");
}

static Status readPooling(const std::string &path, TransformerConfig &config) {
  Result<Json> json = Json::read(path);
  if (!json.isOk())
    return json.takeStatus();
  ConfigReader reader(json->root());
  int64_t size = reader.integer(
      reader.firstOf({"word_embedding_dimension", "embedding_dimension"}),
      config.hidden);
  if (size != config.hidden)
    reader.fail("word_embedding_dimension",
                "expected hidden_size, " + std::to_string(config.hidden) +
                    ", got " + std::to_string(size));
  readPoolKind(reader, config);
  return reader.status();
}

/// Reads how many tokens of a text count. The file is often left out.
static Status readMaximum(const std::string &path, TransformerConfig &config) {
  Result<Json> json = Json::read(path);
  if (!json.isOk() && json.status().code() == StatusCode::NotFound)
    return Status::ok();
  if (!json.isOk())
    return json.takeStatus();
  ConfigReader reader(json->root());
  config.embedTokens = reader.integer("max_seq_length", 0);
  return reader.status();
}

/// "Pooling" of "sentence_transformers.models.Pooling".
static std::string_view lastPart(std::string_view type) {
  return type.substr(type.find_last_of('.') + 1);
}

/// Whether \p path is a plain folder name, so that it stays in the directory.
static bool isPlainName(std::string_view path) {
  return !path.empty() && path != "." && path != ".." && path.size() <= 255 &&
         path.find('/') == std::string_view::npos &&
         path.find('\0') == std::string_view::npos;
}

static Status readModule(const JsonValue &value, const std::string &directory,
                         TransformerConfig &config) {
  Result<std::string> type = value.get<std::string>("type");
  if (!type.isOk())
    return type.takeStatus();
  Result<std::string> path = value.get<std::string>("path", "");
  if (!path.isOk())
    return path.takeStatus();
  std::string_view kind = lastPart(*type);
  if (kind == "Transformer")
    return readMaximum(directory + "/sentence_bert_config.json", config);
  if (kind == "Normalize" && config.pool != SentencePool::None) {
    config.normalizeEmbedding = true;
    return Status::ok();
  }
  if (kind == "Pooling" && config.pool == SentencePool::None) {
    if (!isPlainName(*path))
      return value.find("path").value_or(value).error(
          "expected the name of a folder");
    return readPooling(directory + "/" + *path + "/config.json", config);
  }
  return value.find("type")->error("\"" + *type + "\" is not supported here",
                                   StatusCode::Unsupported);
}

Status lathe::readSentenceModules(const std::string &directory,
                                  TransformerConfig &config) {
  Result<Json> json = Json::read(directory + "/modules.json");
  if (!json.isOk() && json.status().code() == StatusCode::NotFound)
    return Status::ok();
  if (!json.isOk())
    return json.takeStatus();
  JsonValue list = json->root();
  LATHE_RETURN_IF_ERROR(list.expectArray());
  if (list.size() > kMostModules)
    return list.error(std::to_string(list.size()) + " modules are too many");
  for (JsonValue value : list.elements())
    LATHE_RETURN_IF_ERROR(readModule(value, directory, config));
  return Status::ok();
}
