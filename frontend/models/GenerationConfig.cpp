//===- GenerationConfig.cpp - How a checkpoint generates ------------------===//

#include "frontend/models/GenerationConfig.h"

#include "frontend/models/ConfigReader.h"
#include "runtime/formats/JsonWriter.h"
#include "runtime/formats/MappedFile.h"

#include <span>

using namespace lathe;
using runtime::Json;
using runtime::JsonWriter;
using runtime::MappedFile;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

/// Longest generation_config.json that is kept, in bytes.
static constexpr size_t kLongestGenerationConfig = 1 << 20;

static void writeIds(JsonWriter &json, const char *key,
                     std::span<const int64_t> ids) {
  if (ids.empty())
    return;
  if (ids.size() == 1) {
    json.field(key, ids.front());
    return;
  }
  json.key(key).beginArray();
  for (int64_t id : ids)
    json.value(id);
  json.endArray();
}

std::string lathe::defaultGeneration(const TransformerConfig &config) {
  JsonWriter json;
  json.beginObject();
  writeIds(json, "bos_token_id", config.bosIds);
  writeIds(json, "eos_token_id", config.eosIds);
  if (config.padId)
    json.field("pad_token_id", *config.padId);
  return json.endObject().take();
}

Result<std::string> lathe::readGeneration(const std::string &directory,
                                          TransformerConfig &config) {
  Result<MappedFile> file =
      MappedFile::open(directory + "/generation_config.json");
  if (!file.isOk() && file.status().code() == StatusCode::NotFound)
    return std::string();
  if (!file.isOk())
    return file.takeStatus();
  if (file->text().size() > kLongestGenerationConfig)
    return Status::error(StatusCode::InvalidFile,
                         file->path() + ": " +
                             std::to_string(file->text().size()) +
                             " bytes are too long (at most " +
                             std::to_string(kLongestGenerationConfig) + ")");
  Result<Json> json = Json::parse(file->text(), file->path());
  if (!json.isOk())
    return json.takeStatus();
  ConfigReader reader(json->root());
  config.bosIds = reader.ids("bos_token_id", config.bosIds);
  config.eosIds = reader.ids("eos_token_id", config.eosIds);
  std::vector<int64_t> pad = reader.ids("pad_token_id", {});
  if (pad.size() == 1)
    config.padId = pad.front();
  LATHE_RETURN_IF_ERROR(reader.status());
  return std::string(file->text());
}
