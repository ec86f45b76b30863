//===- Reader.h - Reads little-endian values within bounds ------*- C++ -*-===//
#ifndef LATHE_RUNTIME_FORMATS_READER_H
#define LATHE_RUNTIME_FORMATS_READER_H

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace lathe::runtime {

static_assert(std::endian::native == std::endian::little,
              "files are little-endian and read in place");

/// Walks over bytes that it does not own and never leaves them. A read that
/// does not fit gives nothing and moves nowhere. Allocates nothing.
class Reader {
public:
  explicit Reader(std::span<const std::byte> bytes) : bytes(bytes) {}

  /// Bytes read so far.
  size_t offset() const { return position; }
  /// Bytes that are left.
  size_t remaining() const { return bytes.size() - position; }

  /// The next value, at any alignment.
  template <typename T>
  std::optional<T> read() {
    static_assert(std::is_trivially_copyable_v<T>);
    if (remaining() < sizeof(T))
      return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data() + position, sizeof(T));
    position += sizeof(T);
    return value;
  }

  /// The next \p size bytes; they live as long as those the reader was given.
  std::optional<std::span<const std::byte>> take(uint64_t size) {
    if (size > remaining())
      return std::nullopt;
    std::span<const std::byte> taken = bytes.subspan(position, size);
    position += size;
    return taken;
  }

private:
  std::span<const std::byte> bytes;
  size_t position = 0;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_READER_H
