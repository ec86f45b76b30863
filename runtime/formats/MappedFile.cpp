//===- MappedFile.cpp - A file's bytes, mapped read-only ------------------===//

#include "runtime/formats/MappedFile.h"

#include "runtime/formats/SystemError.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace lathe::runtime;

static const char *kindOf(mode_t mode) {
  if (S_ISDIR(mode))
    return "a directory";
  if (S_ISFIFO(mode))
    return "a FIFO";
  if (S_ISSOCK(mode))
    return "a socket";
  return "a device";
}

Result<MappedFile> MappedFile::open(const std::string &path) {
  // A NUL would silently cut the name that the system sees.
  if (path.find('\0') != std::string::npos)
    return Status::error(StatusCode::InvalidArgument,
                         path.substr(0, path.find('\0')) +
                             ": the file name has a NUL byte");
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return systemError(path, "open", errno);
  Result<MappedFile> file = fromDescriptor(descriptor, path);
  ::close(descriptor);
  return file;
}

Result<MappedFile> MappedFile::fromDescriptor(int descriptor,
                                              std::string path) {
  struct stat information;
  if (::fstat(descriptor, &information) != 0)
    return systemError(path, "stat", errno);
  if (!S_ISREG(information.st_mode))
    return Status::error(StatusCode::IoError, path + ": is " +
                                                  kindOf(information.st_mode) +
                                                  ", not a regular file");
  if (information.st_size == 0)
    return MappedFile({}, std::move(path));

  size_t size = static_cast<size_t>(information.st_size);
  void *address =
      ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, /*offset=*/0);
  if (address == MAP_FAILED)
    return systemError(path, "map", errno);
  return MappedFile({static_cast<const std::byte *>(address), size},
                    std::move(path));
}

MappedFile::MappedFile(MappedFile &&other) noexcept
    : mapping(std::exchange(other.mapping, {})), name(std::move(other.name)) {}

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(mapping, other.mapping);
  std::swap(name, other.name);
  return *this;
}

MappedFile::~MappedFile() {
  if (!mapping.empty())
    ::munmap(const_cast<std::byte *>(mapping.data()), mapping.size());
}
