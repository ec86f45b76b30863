//===- Checkpoint.cpp - The weights in a checkpoint directory -------------===//

#include "runtime/formats/Checkpoint.h"

#include "runtime/formats/SafeOpener.h"
#include "runtime/formats/SystemError.h"

#include <algorithm>
#include <cerrno>

#include <sys/stat.h>

using namespace lathe::runtime;

static constexpr std::string_view kSingle = "model.safetensors";
static constexpr std::string_view kIndex = "model.safetensors.index.json";

/// Weights of other programs, by which a directory without ours is explained.
static constexpr std::string_view kForeign[] = {
    "pytorch_model.bin", "pytorch_model.bin.index.json",
    "pytorch_model.pt",  "consolidated.00.pth",
    "tf_model.h5",       "flax_model.msgpack",
};

static bool exists(const std::string &path) {
  struct stat information;
  return ::stat(path.c_str(), &information) == 0;
}

static Status explainMissing(const std::string &directory) {
  for (std::string_view name : kForeign) {
    std::string path = directory + "/" + std::string(name);
    if (exists(path))
      return Status::error(StatusCode::Unsupported,
                           path + ": weights in this format are not read "
                                  "(convert them to safetensors)");
  }
  return Status::error(StatusCode::NotFound, directory + ": has neither " +
                                                 std::string(kSingle) +
                                                 " nor " + std::string(kIndex));
}

static bool isBefore(const CheckpointTensor &a, const CheckpointTensor &b) {
  return a.tensor->name < b.tensor->name;
}

Result<Checkpoint> Checkpoint::open(const std::string &directory) {
  struct stat information;
  if (::stat(directory.c_str(), &information) != 0)
    return systemError(directory, "open", errno);
  if (!S_ISDIR(information.st_mode))
    return Status::error(StatusCode::InvalidArgument,
                         directory + ": is not a directory");

  std::string single = directory + "/" + std::string(kSingle);
  std::string index = directory + "/" + std::string(kIndex);
  Checkpoint checkpoint;
  if (exists(single))
    LATHE_RETURN_IF_ERROR(checkpoint.openSingle(single));
  else if (exists(index))
    LATHE_RETURN_IF_ERROR(checkpoint.openShards(directory, index));
  else
    return explainMissing(directory);
  return checkpoint;
}

Status Checkpoint::openSingle(const std::string &path) {
  Result<SafeTensors> file = SafeTensors::open(path);
  if (!file.isOk())
    return file.takeStatus();
  shards.push_back({std::string(kSingle), std::move(*file)});
  const Shard &shard = shards.front();
  for (const Tensor &tensor : shard.file.tensors())
    all.push_back({&tensor, shard.name});
  std::sort(all.begin(), all.end(), isBefore);
  return Status::ok();
}

Status Checkpoint::openShards(const std::string &directory,
                              const std::string &index) {
  Result<Json> json = Json::read(index);
  if (!json.isOk())
    return json.takeStatus();
  LATHE_RETURN_IF_ERROR(json->root().expectObject());
  std::optional<JsonValue> weightMap = json->root().find("weight_map");
  if (!weightMap)
    return json->root().error("weight_map: is missing");
  LATHE_RETURN_IF_ERROR(weightMap->expectObject());

  std::vector<std::string_view> names;
  for (JsonValue entry : weightMap->members()) {
    Result<std::string_view> name = entry.asString();
    if (!name.isOk())
      return name.takeStatus();
    names.push_back(*name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.empty() || names.size() > kMaximumShards)
    return weightMap->error("names " + std::to_string(names.size()) +
                            " files, expected 1 to " +
                            std::to_string(kMaximumShards));

  Result<SafeOpener> opener =
      SafeOpener::create(directory, Symlinks::OfEntries);
  if (!opener.isOk())
    return opener.takeStatus();
  for (std::string_view name : names) {
    Result<MappedFile> mapped = opener->map(name, index + ": weight_map");
    if (!mapped.isOk())
      return mapped.takeStatus();
    Result<SafeTensors> file = SafeTensors::create(std::move(*mapped));
    if (!file.isOk())
      return file.takeStatus();
    shards.push_back({std::string(name), std::move(*file)});
  }
  return addNamed(*weightMap);
}

Status Checkpoint::addNamed(JsonValue weightMap) {
  // Readers differ in which of two tensors of one name they take.
  std::vector<CheckpointTensor> held;
  for (const Shard &shard : shards)
    for (const Tensor &tensor : shard.file.tensors())
      held.push_back({&tensor, shard.name});
  std::sort(held.begin(), held.end(), isBefore);
  for (size_t i = 1; i < held.size(); ++i)
    if (held[i - 1].tensor->name == held[i].tensor->name)
      return weightMap.error("the tensor '" +
                             std::string(held[i].tensor->name) + "' is in " +
                             std::string(held[i - 1].file) + " and in " +
                             std::string(held[i].file));

  for (JsonValue entry : weightMap.members()) {
    std::string_view name = *entry.asString();
    auto shard = std::lower_bound(
        shards.begin(), shards.end(), name,
        [](const Shard &a, std::string_view b) { return a.name < b; });
    const Tensor *tensor = shard->file.find(entry.key());
    if (!tensor)
      return entry.error("is not in " + shard->name);
    all.push_back({tensor, shard->name});
  }
  std::sort(all.begin(), all.end(), isBefore);
  return Status::ok();
}

CheckpointTensor Checkpoint::find(std::string_view name) const {
  auto place =
      std::lower_bound(all.begin(), all.end(), name,
                       [](const CheckpointTensor &a, std::string_view b) {
                         return a.tensor->name < b;
                       });
  if (place == all.end() || place->tensor->name != name)
    return {nullptr, {}};
  return *place;
}
