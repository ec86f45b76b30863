//===- Gguf.h - Reads .gguf files -------------------------------*- C++ -*-===//
//
//     "GGUF" | u32 version | u64 tensors | u64 values
//     values: key, kind, value | tensors: name, sizes, type, offset | data
//
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2
// and 3, little-endian.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_FORMATS_GGUF_H
#define LATHE_RUNTIME_FORMATS_GGUF_H

#include "runtime/Status.h"
#include "runtime/formats/GgufTypes.h"
#include "runtime/formats/MappedFile.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::runtime {

/// One value of a file's metadata, checked to lie in the file. Lives as long as
/// its Gguf. Every getter fails with InvalidFile, naming the file and the key,
/// where the value is of another kind or out of range.
class GgufValue {
public:
  std::string_view key() const { return name; }
  /// What the value is, or for an array what its elements are: never Array.
  GgufKind kind() const { return elementKind; }
  bool isArray() const { return array; }
  /// Elements of an array; 1 for any other value.
  uint64_t size() const { return count; }

  /// An integer of any width; not a bool.
  Result<int64_t> asInt() const;
  /// A number of either float kind, as the file has it.
  Result<double> asFloat() const;
  Result<bool> asBool() const;
  Result<std::string_view> asString() const;

  /// The elements of an array. Memory: at most twice the array's bytes in the
  /// file for strings, eight times for integers.
  Result<std::vector<int64_t>> asInts() const;
  Result<std::vector<double>> asFloats() const;
  Result<std::vector<std::string_view>> asStrings() const;

  /// An error about this value: "FILE: KEY: message".
  Status error(std::string_view message,
               StatusCode code = StatusCode::InvalidFile) const;

private:
  friend class GgufParser;
  Status expect(bool wantsArray, bool isKind, std::string_view expected) const;

  const std::string *file = nullptr;
  std::string_view name;
  GgufKind elementKind = GgufKind::U8;
  bool array = false;
  uint64_t count = 1;
  std::span<const std::byte> bytes; ///< Of all elements.
};

/// A tensor in a mapped file.
struct GgufTensor {
  std::string_view name;
  GgmlType type;
  /// As the file has them: innermost first, so a matrix (N, K) is [K, N].
  std::vector<int64_t> dims;
  /// Exactly the elements; at the file's alignment.
  std::span<const std::byte> bytes;
};

/// A checked GGUF file. What it gives lives as long as it does, also after it
/// was moved. Reading is const and may be done from several threads.
class Gguf {
public:
  static constexpr uint64_t kMaximumValues = 65'536;
  static constexpr uint64_t kMaximumTensors = 65'536;
  static constexpr uint64_t kLongestKey = 65'535;    ///< Bytes; the format's.
  static constexpr uint64_t kLongestTensorName = 64; ///< Bytes; the format's.
  static constexpr uint64_t kMaximumAlignment = 65'536; ///< Bytes.

  /// Maps and checks \p path. InvalidFile if the bytes break the format or
  /// contradict each other: stricter than others, keys and tensors named twice,
  /// tensors with a size of 0, gaps between tensors and arrays of arrays are
  /// refused. Unsupported for version 1, big-endian files and element types
  /// that GgmlType lacks. Else as MappedFile::open.
  static Result<Gguf> open(const std::string &path);

  /// Checks a file that is mapped already.
  static Result<Gguf> create(MappedFile file);

  /// Checks \p bytes, which stay the caller's and must outlive the result.
  /// \p path is only for messages.
  static Result<Gguf> parse(std::span<const std::byte> bytes,
                            const std::string &path);

  /// The path that messages name.
  const std::string &path() const { return *file; }
  uint32_t version() const { return formatVersion; }
  /// All values, in the file's order.
  std::span<const GgufValue> values() const { return allValues; }
  /// The value \p key, or null.
  const GgufValue *find(std::string_view key) const;
  /// All tensors, in the order of their bytes.
  std::span<const GgufTensor> tensors() const { return allTensors; }
  /// The tensor \p name, or null.
  const GgufTensor *findTensor(std::string_view name) const;
  /// An error about the tensor or key \p name: "FILE: NAME: message".
  Status error(std::string_view name, std::string_view message,
               StatusCode code = StatusCode::InvalidFile) const;

private:
  friend class GgufParser;
  Gguf() = default;

  std::optional<MappedFile> mapped;
  std::unique_ptr<const std::string> file; ///< At one address for the values.
  uint32_t formatVersion = 0;
  std::vector<GgufValue> allValues;
  std::vector<uint32_t> valuesByKey; ///< Indices into `allValues`.
  std::vector<GgufTensor> allTensors;
  std::vector<uint32_t> tensorsByName; ///< Indices into `allTensors`.
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_GGUF_H
