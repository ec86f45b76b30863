//===- MappedMemory.cpp - Memory that the system gives on use -------------===//

#include "runtime/MappedMemory.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

using namespace lathe::runtime;

size_t lathe::runtime::pageSize() {
  static const size_t size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

MappedMemory::MappedMemory(MappedMemory &&other) noexcept
    : start(std::exchange(other.start, nullptr)),
      length(std::exchange(other.length, 0)),
      mapped(std::exchange(other.mapped, 0)) {}

MappedMemory &MappedMemory::operator=(MappedMemory &&other) noexcept {
  std::swap(start, other.start);
  std::swap(length, other.length);
  std::swap(mapped, other.mapped);
  return *this;
}

MappedMemory::~MappedMemory() {
  if (start)
    munmap(start, mapped);
}

/// Bytes of a huge page on the machines that Lathe runs on.
static constexpr size_t kHugePage = size_t(2) << 20;

/// Reserves whole pages for \p bytes and \p tail more; null if there are none.
static void *reserve(size_t bytes, size_t tail, size_t &mapped) {
  if (bytes > SIZE_MAX - tail - pageSize()) {
    errno = ENOMEM;
    return nullptr;
  }
  mapped = (bytes + tail + pageSize() - 1) / pageSize() * pageSize();
  void *address = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return address == MAP_FAILED ? nullptr : address;
}

Result<MappedMemory> MappedMemory::allocate(size_t bytes, const char *purpose) {
  MappedMemory memory;
  if (bytes == 0)
    return memory;
  memory.start =
      static_cast<std::byte *>(reserve(bytes, kBufferTail, memory.mapped));
  if (!memory.start)
    return Status::error(StatusCode::ResourceExhausted,
                         std::string(purpose) + ": cannot get " +
                             std::to_string(bytes) +
                             " bytes: " + std::strerror(errno));
  memory.length = bytes;
  // Fewer pages, fewer misses of the TLB. Where the system has none to give,
  // nothing is lost.
  if (bytes >= kHugePage)
    madvise(memory.start, memory.mapped, MADV_HUGEPAGE);
  return memory;
}

Result<MappedMemory> MappedMemory::mapFile(int fd, size_t bytes,
                                           const char *name) {
  MappedMemory memory;
  if (bytes == 0)
    return memory;
  // The file goes over the start of a larger reservation, so that what follows
  // it can be read even where it ends with a page.
  memory.start =
      static_cast<std::byte *>(reserve(bytes, kBufferTail, memory.mapped));
  if (!memory.start || mmap(memory.start, bytes, PROT_READ,
                            MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED)
    return Status::error(
        errno == ENOMEM ? StatusCode::ResourceExhausted : StatusCode::IoError,
        std::string(name) + ": cannot map " + std::to_string(bytes) +
            " bytes: " + std::strerror(errno));
  memory.length = bytes;
  return memory;
}

Status MappedMemory::protect(size_t begin, size_t end, Access access) {
  int protection = access == Access::Read ? PROT_READ : (PROT_READ | PROT_EXEC);
  if (mprotect(start + begin, end - begin, protection) != 0)
    return Status::error(StatusCode::ResourceExhausted,
                         "cannot protect " + std::to_string(end - begin) +
                             " bytes of code: " + std::strerror(errno));
  return Status::ok();
}

void MappedMemory::clear() {
  if (!start)
    return;
  // Private anonymous pages that were given back read as zero.
  if (madvise(start, mapped, MADV_DONTNEED) != 0)
    std::memset(start, 0, length);
}
