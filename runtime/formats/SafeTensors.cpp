//===- SafeTensors.cpp - Reads .safetensors files -------------------------===//

#include "runtime/formats/SafeTensors.h"

#include "runtime/formats/CheckedSize.h"
#include "runtime/formats/Reader.h"

#include <algorithm>
#include <numeric>
#include <tuple>

using namespace lathe::runtime;

static constexpr size_t kMaximumRank = 32;

/// Types that the format has and ElementType lacks.
static constexpr std::string_view kForeignTypes[] = {
    "U16",         "U32",     "U64",     "F8_E8M0", "F8_E4M3FNUZ",
    "F8_E5M2FNUZ", "F6_E2M3", "F6_E3M2", "F4",      "C64"};

static Result<ElementType> readType(JsonValue dtype) {
  Result<std::string_view> name = dtype.asString();
  if (!name.isOk())
    return name.takeStatus();
  if (std::optional<ElementType> type = elementFromName(*name))
    return *type;
  std::string shown = "'" + std::string(name->substr(0, 32)) + "'";
  if (std::find(std::begin(kForeignTypes), std::end(kForeignTypes), *name) !=
      std::end(kForeignTypes))
    return dtype.error("the element type " + shown +
                           " is not supported (convert it to F32, F16 or BF16)",
                       StatusCode::Unsupported);
  return dtype.error("expected an element type such as F32, got " + shown);
}

static Result<std::vector<int64_t>> readShape(JsonValue shape) {
  LATHE_RETURN_IF_ERROR(shape.expectArray());
  if (shape.size() > kMaximumRank)
    return shape.error("has " + std::to_string(shape.size()) +
                       " dimensions, more than " +
                       std::to_string(kMaximumRank));
  std::vector<int64_t> dims;
  dims.reserve(shape.size());
  for (JsonValue element : shape.elements()) {
    Result<int64_t> size = element.asInt();
    if (!size.isOk())
      return size.takeStatus();
    if (*size < 0)
      return element.error("expected a size of 0 or more, got " +
                           std::to_string(*size));
    dims.push_back(*size);
  }
  return dims;
}

/// Finds the bytes of a tensor in \p data.
static Result<std::span<const std::byte>>
readBytes(JsonValue offsets, std::span<const std::byte> data) {
  LATHE_RETURN_IF_ERROR(offsets.expectArray());
  if (offsets.size() != 2)
    return offsets.error("expected 2 offsets, got " +
                         std::to_string(offsets.size()));
  // After the two elements, the first and the second.
  uint64_t begin = 0, end = 0;
  for (JsonValue element : offsets.elements()) {
    Result<uint64_t> bound = element.asUint();
    if (!bound.isOk())
      return bound.takeStatus();
    begin = end;
    end = *bound;
  }
  if (begin > end || end > data.size())
    return offsets.error("bytes " + std::to_string(begin) + " to " +
                         std::to_string(end) + " do not lie in the file's " +
                         std::to_string(data.size()) + " bytes of data");
  return data.subspan(begin, end - begin);
}

static Result<Tensor> readTensor(JsonValue entry,
                                 std::span<const std::byte> data) {
  LATHE_RETURN_IF_ERROR(entry.expectObject());
  std::optional<JsonValue> fields[3];
  static constexpr std::string_view kFields[] = {"dtype", "shape",
                                                 "data_offsets"};
  for (size_t i = 0; i < 3; ++i) {
    fields[i] = entry.find(kFields[i]);
    if (!fields[i])
      return entry.error("the field '" + std::string(kFields[i]) +
                         "' is missing");
  }
  if (entry.size() != 3)
    return entry.error("expected 3 fields, got " +
                       std::to_string(entry.size()));

  Result<ElementType> type = readType(*fields[0]);
  if (!type.isOk())
    return type.takeStatus();
  Result<std::vector<int64_t>> shape = readShape(*fields[1]);
  if (!shape.isOk())
    return shape.takeStatus();
  Result<std::span<const std::byte>> bytes = readBytes(*fields[2], data);
  if (!bytes.isOk())
    return bytes.takeStatus();

  std::optional<uint64_t> size =
      (CheckedSize::product(*shape) * elementBytes(*type)).value();
  if (!size)
    return fields[1]->error("the product of the sizes overflows");
  if (*size != bytes->size())
    return fields[2]->error("the shape needs " + std::to_string(*size) +
                            " bytes, the offsets span " +
                            std::to_string(bytes->size()));
  return Tensor{entry.key(), *type, std::move(*shape), *bytes};
}

Status SafeTensors::readMetadata(JsonValue metadata) {
  LATHE_RETURN_IF_ERROR(metadata.expectObject());
  for (JsonValue member : metadata.members()) {
    Result<std::string_view> text = member.asString();
    if (!text.isOk())
      return text.takeStatus();
    pairs.emplace_back(member.key(), *text);
  }
  return Status::ok();
}

/// Checks that the tensors, sorted by place, cover all of \p data, each byte
/// once.
Status SafeTensors::checkLayout(std::span<const std::byte> data) const {
  size_t end = 0;
  const Tensor *previous = nullptr;
  for (const Tensor &tensor : all) {
    size_t begin = static_cast<size_t>(tensor.bytes.data() - data.data());
    auto refuse = [&](const std::string &fault) {
      return header.root().find(tensor.name)->error(fault);
    };
    if (begin != end)
      return refuse(
          "begins at byte " + std::to_string(begin) + " of the data, which " +
          (begin > end ? "leaves a gap after" : "overlaps") +
          " the tensors before it, that end at " + std::to_string(end));
    if (previous && previous->bytes.empty() && tensor.bytes.empty())
      return refuse("is empty and shares its offset with '" +
                    std::string(previous->name) + "'");
    end = begin + tensor.bytes.size();
    previous = &tensor;
  }
  if (end != data.size())
    return header.root().error("the tensors cover " + std::to_string(end) +
                               " of the file's " + std::to_string(data.size()) +
                               " bytes of data");
  return Status::ok();
}

Status SafeTensors::readHeader(std::span<const std::byte> data) {
  LATHE_RETURN_IF_ERROR(header.root().expectObject());
  for (JsonValue entry : header.root().members()) {
    if (entry.key() == "__metadata__") {
      LATHE_RETURN_IF_ERROR(readMetadata(entry));
      continue;
    }
    Result<Tensor> tensor = readTensor(entry, data);
    if (!tensor.isOk())
      return tensor.takeStatus();
    all.push_back(std::move(*tensor));
  }
  std::sort(all.begin(), all.end(), [](const Tensor &a, const Tensor &b) {
    return std::tuple(a.bytes.data(), a.bytes.size(), a.name) <
           std::tuple(b.bytes.data(), b.bytes.size(), b.name);
  });
  LATHE_RETURN_IF_ERROR(checkLayout(data));

  byName.resize(all.size());
  std::iota(byName.begin(), byName.end(), 0);
  std::sort(byName.begin(), byName.end(),
            [&](uint32_t a, uint32_t b) { return all[a].name < all[b].name; });
  return Status::ok();
}

Result<SafeTensors> SafeTensors::parse(std::span<const std::byte> bytes,
                                       const std::string &path) {
  auto refuse = [&](const std::string &fault) {
    return Status::error(StatusCode::InvalidFile,
                         path + ": header length: " + fault);
  };
  Reader reader(bytes);
  std::optional<uint64_t> length = reader.read<uint64_t>();
  if (!length)
    return refuse("the file has " + std::to_string(bytes.size()) +
                  " bytes, fewer than the 8 of a safetensors header's length");
  if (*length > kMaximumHeader)
    return refuse(std::to_string(*length) + " bytes are more than " +
                  std::to_string(kMaximumHeader) +
                  " (is this a safetensors file?)");
  std::optional<std::span<const std::byte>> text = reader.take(*length);
  if (!text)
    return refuse(std::to_string(*length) + " bytes do not fit in a file of " +
                  std::to_string(bytes.size()) + " (is it cut short?)");
  if (text->empty() || text->front() != std::byte('{'))
    return Status::error(StatusCode::InvalidFile,
                         path + ": header: does not begin with '{'");

  Result<Json> header =
      Json::parse({reinterpret_cast<const char *>(text->data()), text->size()},
                  path + ": header");
  if (!header.isOk())
    return header.takeStatus();
  SafeTensors file(std::move(*header));
  LATHE_RETURN_IF_ERROR(file.readHeader(*reader.take(reader.remaining())));
  return file;
}

Result<SafeTensors> SafeTensors::create(MappedFile file) {
  Result<SafeTensors> tensors = parse(file.bytes(), file.path());
  if (tensors.isOk())
    tensors->file = std::move(file);
  return tensors;
}

Result<SafeTensors> SafeTensors::open(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file.isOk())
    return file.takeStatus();
  return create(std::move(*file));
}

const Tensor *SafeTensors::find(std::string_view name) const {
  auto place = std::lower_bound(
      byName.begin(), byName.end(), name,
      [&](uint32_t i, std::string_view key) { return all[i].name < key; });
  if (place == byName.end() || all[*place].name != name)
    return nullptr;
  return &all[*place];
}
