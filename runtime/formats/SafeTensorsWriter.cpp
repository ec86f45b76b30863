//===- SafeTensorsWriter.cpp - Writes .safetensors files ------------------===//

#include "runtime/formats/CheckedSize.h"
#include "runtime/formats/JsonWriter.h"
#include "runtime/formats/SafeTensors.h"

#include <algorithm>

using namespace lathe::runtime;

/// The header's length is padded to this, so that the data is aligned.
static constexpr uint64_t kHeaderAlignment = 8;

static Status invalid(const std::string &path, const std::string &fault) {
  return Status::error(StatusCode::InvalidArgument, path + ": " + fault);
}

/// Finds a name that is used twice or reserved.
static Status checkNames(const std::string &path,
                         std::span<const TensorSpec> specs) {
  std::vector<std::string_view> names;
  for (const TensorSpec &spec : specs)
    names.push_back(spec.name);
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    return invalid(path, std::string(*twice) + ": the name is used twice");
  if (std::binary_search(names.begin(), names.end(), "__metadata__"))
    return invalid(path, "__metadata__: the name is reserved");
  return Status::ok();
}

static void
writeMetadata(JsonWriter &json,
              std::span<const std::pair<std::string, std::string>> metadata) {
  if (metadata.empty())
    return;
  json.key("__metadata__").beginObject();
  for (const auto &[key, text] : metadata)
    json.field(key, std::string_view(text));
  json.endObject();
}

Result<SafeTensorsWriter> SafeTensorsWriter::create(
    std::string path, std::span<const TensorSpec> specs,
    std::span<const std::pair<std::string, std::string>> metadata) {
  LATHE_RETURN_IF_ERROR(checkNames(path, specs));
  JsonWriter json;
  json.beginObject();
  writeMetadata(json, metadata);
  uint64_t begin = 0;
  for (const TensorSpec &spec : specs) {
    CheckedSize bytes =
        CheckedSize::product(spec.shape) * elementBytes(spec.type);
    std::optional<uint64_t> end = (bytes + begin).value();
    if (!end)
      return invalid(path, spec.name + ": the tensor's size overflows");
    json.key(spec.name).beginObject();
    json.field("dtype", elementName(spec.type)).key("shape").beginArray();
    for (int64_t size : spec.shape)
      json.value(size);
    json.endArray().key("data_offsets").beginArray();
    json.value(begin).value(*end).endArray().endObject();
    begin = *end;
  }
  std::string header = json.endObject().take();
  header.append(-header.size() % kHeaderAlignment, ' ');
  if (header.size() > SafeTensors::kMaximumHeader)
    return invalid(path, "a header of " + std::to_string(header.size()) +
                             " bytes is longer than the format's limit");
  uint64_t length = header.size();
  std::optional<uint64_t> size =
      (CheckedSize(begin) + length + sizeof(length)).value();
  if (!size)
    return invalid(path, "the file's size overflows");

  Result<AtomicFile> file = AtomicFile::create(std::move(path));
  if (!file.isOk())
    return file.takeStatus();
  LATHE_RETURN_IF_ERROR(file->write(std::as_bytes(std::span(&length, 1))));
  LATHE_RETURN_IF_ERROR(file->write(header));
  return SafeTensorsWriter(std::move(*file), *size);
}

Status SafeTensorsWriter::write(std::span<const std::byte> bytes) {
  if (bytes.size() > size - file.size())
    return invalid(file.path(),
                   std::to_string(bytes.size()) + " bytes do not fit in the " +
                       std::to_string(size - file.size()) + " that are left");
  return file.write(bytes);
}

Status SafeTensorsWriter::finish() {
  if (file.size() != size)
    return invalid(file.path(), std::to_string(size - file.size()) +
                                    " bytes of tensors are missing");
  return file.commit();
}
