//===- Gguf.cpp - Reads .gguf files ---------------------------------------===//
//
// One walk over the head checks every length before anything is allocated for
// it; values stay where they are mapped. No size in a file is used before it
// went through CheckedSize or was compared with the bytes that are left.
//
//===----------------------------------------------------------------------===//

#include "runtime/formats/Gguf.h"

#include "runtime/formats/CheckedSize.h"
#include "runtime/formats/Reader.h"

#include <algorithm>
#include <bit>
#include <numeric>

using namespace lathe::runtime;

static constexpr uint32_t kMagic = 0x46554747; // "GGUF"
static constexpr uint64_t kDefaultAlignment = 32;
static constexpr size_t kMaximumRank = 4;
/// Bytes of the smallest value (key of one byte, u8) and tensor (name of one
/// byte, one size).
static constexpr uint64_t kSmallestValue = 8 + 1 + 4 + 1;
static constexpr uint64_t kSmallestTensor = 8 + 1 + 4 + 8 + 4 + 8;
static std::string_view asText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

//===----------------------------------------------------------------------===//
// The parser
//===----------------------------------------------------------------------===//

namespace lathe::runtime {

/// Reads one file from front to back.
class GgufParser {
public:
  GgufParser(std::span<const std::byte> bytes, Gguf &file)
      : bytes(bytes), reader(bytes), file(file) {}

  Status run();

private:
  Status fail(std::string_view field, std::string_view message,
              StatusCode code = StatusCode::InvalidFile) const {
    return file.error(field, message, code);
  }
  Status cutShort(std::string_view field) const {
    return fail(field, "the file ends in it, after " +
                           std::to_string(bytes.size()) +
                           " bytes (is it cut short?)");
  }
  Status readHeader();
  Status readCounts();
  Result<std::string_view> readName(const std::string &field, uint64_t longest);
  Status readValue(GgufValue &value, const std::string &field);
  Status readArray(GgufValue &value);
  Status walkElements(GgufValue &value);
  Status readAlignment();
  Status readTensor(GgufTensor &tensor, const std::string &field);
  Status readDims(GgufTensor &tensor, uint64_t &size);
  Status readType(GgufTensor &tensor, uint64_t &size);
  Status place(GgufTensor &tensor, uint32_t index, CheckedSize start,
               CheckedSize &end);
  Status readValues();
  Status readTensors();
  Status checkLayout();

  std::span<const std::byte> bytes;
  Reader reader;
  Gguf &file;
  uint64_t tensorCount = 0;
  uint64_t valueCount = 0;
  uint64_t alignment = kDefaultAlignment;
  std::vector<uint64_t> offsets; ///< By tensor, until they are sorted.
  std::vector<uint64_t> sizes;
};

} // namespace lathe::runtime

Status GgufParser::readHeader() {
  std::optional<uint32_t> magic = reader.read<uint32_t>();
  if (!magic || *magic != kMagic)
    return fail("magic", "expected \"GGUF\" (is this a GGUF file?)");
  std::optional<uint32_t> version = reader.read<uint32_t>();
  if (!version)
    return cutShort("version");
  uint32_t swapped = __builtin_bswap32(*version);
  if (swapped >= 1 && swapped <= 3)
    return fail("version",
                "the file is big-endian, which is not supported (convert it "
                "with gguf-convert-endian)",
                StatusCode::Unsupported);
  if (*version == 1)
    return fail("version",
                "1 is not supported (convert the model again: 2 or 3)",
                StatusCode::Unsupported);
  if (*version != 2 && *version != 3)
    return fail("version", "expected 2 or 3, got " + std::to_string(*version),
                *version ? StatusCode::Unsupported : StatusCode::InvalidFile);
  file.formatVersion = *version;
  return readCounts();
}

Status GgufParser::readCounts() {
  struct Count {
    const char *field;
    uint64_t *count;
    uint64_t smallest;
    uint64_t maximum;
  };
  for (auto [field, count, smallest, maximum] :
       {Count{"tensor_count", &tensorCount, kSmallestTensor,
              Gguf::kMaximumTensors},
        Count{"metadata_kv_count", &valueCount, kSmallestValue,
              Gguf::kMaximumValues}}) {
    std::optional<uint64_t> value = reader.read<uint64_t>();
    if (!value)
      return cutShort(field);
    if (*value > maximum)
      return fail(field, std::to_string(*value) + " is more than " +
                             std::to_string(maximum));
    if (*value * smallest > reader.remaining())
      return fail(field, std::to_string(*value) + " do not fit in a file of " +
                             std::to_string(bytes.size()) + " bytes");
    *count = *value;
  }
  return Status::ok();
}

Result<std::string_view> GgufParser::readName(const std::string &field,
                                              uint64_t longest) {
  std::optional<uint64_t> length = reader.read<uint64_t>();
  if (!length)
    return cutShort(field);
  if (*length == 0 || *length > longest)
    return fail(field, "expected a name of 1 to " + std::to_string(longest) +
                           " bytes, got " + std::to_string(*length));
  std::optional<std::span<const std::byte>> text = reader.take(*length);
  if (!text)
    return cutShort(field);
  return asText(*text);
}

/// Takes the value's elements, whose kind and count are known.
Status GgufParser::walkElements(GgufValue &value) {
  size_t begin = reader.offset();
  std::optional<std::span<const std::byte>> taken;
  if (value.elementKind == GgufKind::String) {
    for (uint64_t i = 0; i < value.count; ++i) {
      std::optional<uint64_t> length = reader.read<uint64_t>();
      if (!length || !reader.take(*length))
        return value.error("a string does not fit in the file of " +
                           std::to_string(bytes.size()) + " bytes");
    }
    value.bytes = bytes.subspan(begin, reader.offset() - begin);
    return Status::ok();
  }
  std::optional<uint64_t> size =
      (CheckedSize(value.count) * ggufKindBytes(value.elementKind)).value();
  if (size)
    taken = reader.take(*size);
  if (!taken)
    return value.error(std::to_string(value.count) + " elements of " +
                       std::string(ggufKindName(value.elementKind)) +
                       " do not fit in the file of " +
                       std::to_string(bytes.size()) + " bytes");
  value.bytes = *taken;
  if (value.elementKind == GgufKind::Bool)
    for (std::byte element : *taken)
      if (element > std::byte(1))
        return value.error("expected a bool, 0 or 1, got " +
                           std::to_string(int(element)));
  return Status::ok();
}

Status GgufParser::readArray(GgufValue &value) {
  std::optional<uint32_t> kind = reader.read<uint32_t>();
  std::optional<uint64_t> count = reader.read<uint64_t>();
  if (!kind || !count)
    return cutShort(value.name);
  value.array = true;
  value.elementKind = static_cast<GgufKind>(*kind);
  value.count = *count;
  if (*kind > uint32_t(GgufKind::F64))
    return value.error("an array of elements of the unknown kind " +
                       std::to_string(*kind));
  if (value.elementKind == GgufKind::Array)
    return value.error("arrays of arrays are not supported",
                       StatusCode::Unsupported);
  return Status::ok();
}

Status GgufParser::readValue(GgufValue &value, const std::string &field) {
  Result<std::string_view> key = readName(field, Gguf::kLongestKey);
  if (!key.isOk())
    return key.takeStatus();
  value.file = file.file.get();
  value.name = *key;
  std::optional<uint32_t> kind = reader.read<uint32_t>();
  if (!kind)
    return cutShort(value.name);
  if (*kind > uint32_t(GgufKind::F64))
    return value.error("a value of the unknown kind " + std::to_string(*kind));
  value.elementKind = static_cast<GgufKind>(*kind);
  if (value.elementKind == GgufKind::Array)
    LATHE_RETURN_IF_ERROR(readArray(value));
  return walkElements(value);
}

/// Sorts the indices of \p items by \p nameOf; gives the first name that is
/// there twice.
template <typename T, typename NameOf>
static std::optional<std::string_view> sortByName(const std::vector<T> &items,
                                                  std::vector<uint32_t> &order,
                                                  NameOf nameOf) {
  order.resize(items.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return nameOf(items[a]) < nameOf(items[b]);
  });
  for (size_t i = 1; i < order.size(); ++i)
    if (nameOf(items[order[i]]) == nameOf(items[order[i - 1]]))
      return nameOf(items[order[i]]);
  return std::nullopt;
}

static std::string_view keyOf(const GgufValue &value) { return value.key(); }
static std::string_view nameOf(const GgufTensor &tensor) { return tensor.name; }

/// The index of \p name in \p order, the indices of \p items by name.
template <typename T, typename NameOf>
static const T *findByName(const std::vector<T> &items,
                           const std::vector<uint32_t> &order,
                           std::string_view name, NameOf nameOf) {
  auto place = std::lower_bound(
      order.begin(), order.end(), name,
      [&](uint32_t i, std::string_view key) { return nameOf(items[i]) < key; });
  if (place == order.end() || nameOf(items[*place]) != name)
    return nullptr;
  return &items[*place];
}

Status GgufParser::readValues() {
  file.allValues.resize(valueCount);
  for (uint64_t i = 0; i < valueCount; ++i)
    LATHE_RETURN_IF_ERROR(
        readValue(file.allValues[i], "metadata[" + std::to_string(i) + "]"));
  if (auto twice = sortByName(file.allValues, file.valuesByKey, keyOf))
    return fail(*twice, "the key is there twice");
  return readAlignment();
}

Status GgufParser::readAlignment() {
  const GgufValue *value = file.find("general.alignment");
  if (!value)
    return Status::ok();
  if (value->kind() != GgufKind::U32)
    return value->error("expected a u32, got " +
                        std::string(ggufKindName(value->kind())));
  Result<int64_t> number = value->asInt();
  if (!number.isOk())
    return number.takeStatus();
  alignment = static_cast<uint64_t>(*number);
  if (!std::has_single_bit(alignment) || alignment > Gguf::kMaximumAlignment)
    return value->error("expected a power of two up to " +
                        std::to_string(Gguf::kMaximumAlignment) + ", got " +
                        std::to_string(alignment));
  return Status::ok();
}

/// Reads the sizes and the type of \p tensor; \p size is that in bytes.
Status GgufParser::readDims(GgufTensor &tensor, uint64_t &size) {
  std::optional<uint32_t> rank = reader.read<uint32_t>();
  if (!rank)
    return cutShort(tensor.name);
  if (*rank < 1 || *rank > kMaximumRank)
    return fail(tensor.name, "expected 1 to " + std::to_string(kMaximumRank) +
                                 " dimensions, got " + std::to_string(*rank));
  tensor.dims.reserve(*rank);
  for (uint32_t i = 0; i < *rank; ++i) {
    std::optional<int64_t> dim = reader.read<int64_t>();
    if (!dim)
      return cutShort(tensor.name);
    if (*dim < 1)
      return fail(tensor.name,
                  "expected a size of 1 or more, got " + std::to_string(*dim));
    tensor.dims.push_back(*dim);
  }
  return readType(tensor, size);
}

Status GgufParser::readType(GgufTensor &tensor, uint64_t &size) {
  std::optional<uint32_t> type = reader.read<uint32_t>();
  if (!type)
    return cutShort(tensor.name);
  tensor.type = static_cast<GgmlType>(*type);
  const GgmlTypeInfo *info = findGgmlType(tensor.type);
  if (!info)
    return fail(tensor.name,
                "the element type " + std::to_string(*type) +
                    " is not supported",
                StatusCode::Unsupported);
  if (tensor.dims[0] % info->blockElements)
    return fail(tensor.name, "rows of " + std::to_string(tensor.dims[0]) +
                                 " elements are no whole blocks of " +
                                 std::string(info->name) + ", " +
                                 std::to_string(info->blockElements));
  // Elements are a multiple of the block's, so the quotient is exact.
  std::optional<uint64_t> elements = CheckedSize::product(tensor.dims).value();
  std::optional<uint64_t> total;
  if (elements)
    total = (CheckedSize(*elements / info->blockElements) * info->blockBytes)
                .value();
  if (!total)
    return fail(tensor.name, "the product of the sizes overflows");
  size = *total;
  return Status::ok();
}

Status GgufParser::readTensor(GgufTensor &tensor, const std::string &field) {
  Result<std::string_view> name = readName(field, Gguf::kLongestTensorName);
  if (!name.isOk())
    return name.takeStatus();
  tensor.name = *name;
  uint64_t size = 0;
  LATHE_RETURN_IF_ERROR(readDims(tensor, size));
  std::optional<uint64_t> offset = reader.read<uint64_t>();
  if (!offset)
    return cutShort(tensor.name);
  if (*offset % alignment)
    return fail(tensor.name, "the offset " + std::to_string(*offset) +
                                 " is no multiple of the alignment, " +
                                 std::to_string(alignment));
  offsets.push_back(*offset);
  sizes.push_back(size);
  return Status::ok();
}

Status GgufParser::readTensors() {
  file.allTensors.resize(tensorCount);
  for (uint64_t i = 0; i < tensorCount; ++i)
    LATHE_RETURN_IF_ERROR(
        readTensor(file.allTensors[i], "tensors[" + std::to_string(i) + "]"));
  std::vector<uint32_t> order;
  if (auto twice = sortByName(file.allTensors, order, nameOf))
    return fail(*twice, "the tensor is there twice");
  return checkLayout();
}

/// Finds the bytes of tensor \p index, which must begin where those before it
/// \p end in the data, that begins at \p start.
Status GgufParser::place(GgufTensor &tensor, uint32_t index, CheckedSize start,
                         CheckedSize &end) {
  uint64_t offset = offsets[index];
  uint64_t size = sizes[index];
  uint64_t expected = end.alignedTo(alignment).value().value_or(UINT64_MAX);
  if (offset != expected)
    return fail(
        tensor.name,
        "begins at byte " + std::to_string(offset) + " of the data, which " +
            (offset > expected ? "leaves a gap after" : "overlaps") +
            " the tensors before it, that end at " + std::to_string(expected));
  end = CheckedSize(offset) + size;
  if (!(start + end).isAtMost(bytes.size()))
    return fail(tensor.name, std::to_string(size) + " bytes at byte " +
                                 std::to_string(offset) +
                                 " of the data do not fit in the file of " +
                                 std::to_string(bytes.size()) +
                                 " bytes (is it cut short?)");
  // Both were just compared with the file's size.
  tensor.bytes = bytes.subspan(*(start + offset).value(), size);
  return Status::ok();
}

/// Sorts the tensors by place and checks that they cover the data, each byte
/// once, but for the padding between them.
Status GgufParser::checkLayout() {
  std::vector<uint32_t> order(tensorCount);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return offsets[a] < offsets[b]; });

  CheckedSize start = CheckedSize(reader.offset()).alignedTo(alignment);
  CheckedSize end(0);
  std::vector<GgufTensor> sorted;
  sorted.reserve(tensorCount);
  for (uint32_t index : order) {
    GgufTensor &tensor = file.allTensors[index];
    LATHE_RETURN_IF_ERROR(place(tensor, index, start, end));
    sorted.push_back(std::move(tensor));
  }
  // Writers fill the last tensor, or a head without tensors, to the alignment.
  CheckedSize last = tensorCount ? start + end : CheckedSize(reader.offset());
  uint64_t limit = last.alignedTo(alignment).value().value_or(0);
  if (bytes.size() > limit)
    return fail("data", std::to_string(bytes.size() - *last.value()) +
                            " bytes follow the last tensor");
  file.allTensors = std::move(sorted);
  sortByName(file.allTensors, file.tensorsByName, nameOf);
  return Status::ok();
}

Status GgufParser::run() {
  LATHE_RETURN_IF_ERROR(readHeader());
  LATHE_RETURN_IF_ERROR(readValues());
  return readTensors();
}

//===----------------------------------------------------------------------===//
// The file
//===----------------------------------------------------------------------===//

Status Gguf::error(std::string_view name, std::string_view message,
                   StatusCode code) const {
  return Status::error(code, *file + ": " + ggufShownName(name) + ": " +
                                 std::string(message));
}

Result<Gguf> Gguf::parse(std::span<const std::byte> bytes,
                         const std::string &path) {
  Gguf file;
  file.file = std::make_unique<const std::string>(path);
  LATHE_RETURN_IF_ERROR(GgufParser(bytes, file).run());
  return file;
}

Result<Gguf> Gguf::create(MappedFile mapped) {
  Result<Gguf> file = parse(mapped.bytes(), mapped.path());
  if (file.isOk())
    file->mapped = std::move(mapped);
  return file;
}

Result<Gguf> Gguf::open(const std::string &path) {
  Result<MappedFile> mapped = MappedFile::open(path);
  if (!mapped.isOk())
    return mapped.takeStatus();
  return create(std::move(*mapped));
}

const GgufValue *Gguf::find(std::string_view key) const {
  return findByName(allValues, valuesByKey, key, keyOf);
}

const GgufTensor *Gguf::findTensor(std::string_view name) const {
  return findByName(allTensors, tensorsByName, name, nameOf);
}
