//===- MappedMemory.h - Memory that the system gives on use -----*- C++ -*-===//
#ifndef LATHE_RUNTIME_MAPPEDMEMORY_H
#define LATHE_RUNTIME_MAPPEDMEMORY_H

#include "runtime/Status.h"

#include <cstddef>
#include <span>

namespace lathe::runtime {

/// Bytes that a kernel may read past the end of each of its buffers.
inline constexpr size_t kBufferTail = 64;
/// Alignment of buffers, in bytes.
inline constexpr size_t kBufferAlignment = 64;

/// Owns a private mapping: page-aligned, zero at first, and backed by real
/// memory only where it is touched.
class MappedMemory {
public:
  MappedMemory() = default;
  MappedMemory(MappedMemory &&other) noexcept;
  MappedMemory &operator=(MappedMemory &&other) noexcept;
  ~MappedMemory();

  /// Zeroed memory of \p bytes (0 gives an empty object). Fails with
  /// ResourceExhausted, naming \p purpose.
  static Result<MappedMemory> allocate(size_t bytes, const char *purpose);

  /// The first \p bytes of the open file \p fd, read-only; at least kBufferTail
  /// readable zero bytes follow. Fails with IoError and ResourceExhausted,
  /// naming \p name.
  static Result<MappedMemory> mapFile(int fd, size_t bytes, const char *name);

  std::byte *data() const { return start; }
  /// What was asked for, in bytes; the mapping itself may be longer.
  size_t size() const { return length; }
  std::span<std::byte> span() const { return {start, length}; }

  /// Makes the pages [begin, end), page-aligned bytes, readable and, as said,
  /// writable or executable. Fails with ResourceExhausted.
  enum class Access { Read, ReadExecute };
  Status protect(size_t begin, size_t end, Access access);

  /// Gives the pages back to the system; they read as zero again. Only for what
  /// allocate() made.
  void clear();

private:
  std::byte *start = nullptr;
  size_t length = 0;
  size_t mapped = 0;
};

/// The size of a page of this machine, in bytes.
size_t pageSize();

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_MAPPEDMEMORY_H
