//===- Npy.h - Reads and writes .npy files ----------------------*- C++ -*-===//
//
// Format: NumPy, "The NPY format" (numpy.lib.format), versions 1.0 and 2.0.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_FORMATS_NPY_H
#define LATHE_RUNTIME_FORMATS_NPY_H

#include "runtime/Status.h"
#include "runtime/formats/ElementType.h"
#include "runtime/formats/MappedFile.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lathe::runtime {

/// A checked array of a .npy file: little-endian, row-major, of f2, f4, f8, i1,
/// i2, i4, i8, u1 or b1. It keeps the file mapped.
class Npy {
public:
  /// Most dimensions an array may have.
  static constexpr size_t kMaximumRank = 32;
  /// Longest header, in bytes.
  static constexpr size_t kMaximumHeader = 65535;

  /// Maps and checks \p path. InvalidFile if the header breaks the format or
  /// the file has more or fewer bytes than the shape needs; Unsupported for
  /// other element types, Fortran order, big-endian data and later versions;
  /// else as MappedFile::open.
  static Result<Npy> open(const std::string &path);

  /// Checks \p bytes, which stay the caller's and must outlive the result.
  /// \p path is only for messages.
  static Result<Npy> parse(std::span<const std::byte> bytes,
                           const std::string &path);

  ElementType type() const { return element; }
  /// Row-major, innermost last; empty for a scalar.
  const std::vector<int64_t> &shape() const { return dims; }
  /// Exactly the elements; at any alignment.
  std::span<const std::byte> bytes() const { return data; }

private:
  Npy(ElementType element, std::vector<int64_t> dims,
      std::span<const std::byte> data)
      : element(element), dims(std::move(dims)), data(data) {}

  std::optional<MappedFile> file;
  ElementType element;
  std::vector<int64_t> dims;
  std::span<const std::byte> data;
};

/// Writes \p bytes, row-major, as an array of \p shape to \p path through
/// AtomicFile. InvalidArgument for an element type that the format lacks (BF16,
/// F8) or if \p shape does not need exactly these bytes; else as AtomicFile.
Status writeNpy(const std::string &path, ElementType type,
                std::span<const int64_t> shape,
                std::span<const std::byte> bytes);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_NPY_H
