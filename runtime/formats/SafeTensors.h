//===- SafeTensors.h - Reads and writes .safetensors files ------*- C++ -*-===//
//
//     u64 N | N bytes of JSON: name -> {dtype, shape, data_offsets} | data
//
// Format: https://github.com/huggingface/safetensors (README, "Format").
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_FORMATS_SAFETENSORS_H
#define LATHE_RUNTIME_FORMATS_SAFETENSORS_H

#include "runtime/Status.h"
#include "runtime/formats/AtomicFile.h"
#include "runtime/formats/ElementType.h"
#include "runtime/formats/Json.h"
#include "runtime/formats/MappedFile.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lathe::runtime {

/// A tensor in a mapped file.
struct Tensor {
  std::string_view name;
  ElementType type;
  /// Row-major, innermost last; empty for a scalar.
  std::vector<int64_t> shape;
  /// Exactly the elements; at any alignment.
  std::span<const std::byte> bytes;
};

/// A checked safetensors file. What it gives lives as long as it does, also
/// after it was moved. Reading is const and may be done from several threads.
class SafeTensors {
public:
  /// Longest header, in bytes: the limit of the reference reader.
  static constexpr uint64_t kMaximumHeader = 100'000'000;

  /// Maps and checks \p path. InvalidFile if the header breaks the format or
  /// contradicts the file's size; stricter than the reference, two empty
  /// tensors at one offset are refused too. Unsupported for element types that
  /// ElementType lacks. Else as MappedFile::open and Json::parse.
  static Result<SafeTensors> open(const std::string &path);

  /// Checks a file that is mapped already.
  static Result<SafeTensors> create(MappedFile file);

  /// Checks \p bytes, which stay the caller's and must outlive the result.
  /// \p path is only for messages.
  static Result<SafeTensors> parse(std::span<const std::byte> bytes,
                                   const std::string &path);

  /// All tensors, in the order of their bytes.
  std::span<const Tensor> tensors() const { return all; }
  /// The tensor \p name, or null.
  const Tensor *find(std::string_view name) const;
  /// The pairs of `__metadata__`, in the file's order.
  std::span<const std::pair<std::string, std::string>> metadata() const {
    return pairs;
  }

private:
  explicit SafeTensors(Json header) : header(std::move(header)) {}
  Status readHeader(std::span<const std::byte> data);
  Status readMetadata(JsonValue metadata);
  Status checkLayout(std::span<const std::byte> data) const;

  std::optional<MappedFile> file;
  Json header; ///< Owns the names.
  std::vector<Tensor> all;
  std::vector<uint32_t> byName; ///< Indices into `all`.
  std::vector<std::pair<std::string, std::string>> pairs;
};

/// What a tensor to be written is.
struct TensorSpec {
  std::string name;
  ElementType type;
  std::vector<int64_t> shape;
};

/// Writes a safetensors file tensor by tensor: the same specs and bytes give
/// the same file. Nothing is left behind unless finish() was ok.
class SafeTensorsWriter {
public:
  /// Begins \p path, whose data is that of \p specs in their order, without
  /// gaps: those of wide elements first keeps all aligned. InvalidArgument for
  /// a name used twice or a size that overflows; else as AtomicFile::create.
  static Result<SafeTensorsWriter>
  create(std::string path, std::span<const TensorSpec> specs,
         std::span<const std::pair<std::string, std::string>> metadata = {});

  /// Appends bytes of the data, in pieces of any size. InvalidArgument past the
  /// end of the last tensor; else as AtomicFile::write.
  Status write(std::span<const std::byte> bytes);

  /// Commits. InvalidArgument if bytes are missing; else as AtomicFile::commit.
  Status finish();

private:
  SafeTensorsWriter(AtomicFile file, uint64_t size)
      : file(std::move(file)), size(size) {}

  AtomicFile file;
  uint64_t size; ///< Of the whole file, in bytes.
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_SAFETENSORS_H
