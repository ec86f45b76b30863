//===- AtomicFile.cpp - Writes a whole file or nothing --------------------===//

#include "runtime/formats/AtomicFile.h"

#include "runtime/formats/SystemError.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace lathe::runtime;

/// Names tried before an attempt to make a temporary file is given up.
static constexpr int kNameAttempts = 1000;

/// Bytes after which the disk is told to begin.
static constexpr size_t kPiece = size_t(16) << 20;

/// The directory of \p path, for opening.
static std::string directoryOf(const std::string &path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// The name of a temporary file beside \p destination, short enough where that
/// has any name that the system itself takes.
static std::string nameBeside(const std::string &destination, int attempt) {
  return directoryOf(destination) + "/.lathe-" + std::to_string(::getpid()) +
         "-" + std::to_string(attempt) + ".tmp";
}

/// Creates a file beside \p destination, and gives its name in \p name.
/// Returns a descriptor, or a negative errno.
static int createBeside(const std::string &destination, std::string &name) {
  for (int attempt = 0; attempt < kNameAttempts; ++attempt) {
    name = nameBeside(destination, attempt);
    int descriptor =
        ::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0)
      return descriptor;
    if (errno != EEXIST)
      return -errno;
  }
  return -EEXIST;
}

/// The name under which the system shows an open file.
static std::string shownName(int descriptor) {
  return "/proc/self/fd/" + std::to_string(descriptor);
}

/// Opens a file without a name in the directory of \p destination: whatever
/// ends the process leaves nothing of it. Returns -1 where the file system or
/// /proc does not have such files.
static int createNameless(const std::string &destination) {
  int descriptor = ::open(directoryOf(destination).c_str(),
                          O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  if (descriptor >= 0 && ::access(shownName(descriptor).c_str(), F_OK) != 0)
    ::close(std::exchange(descriptor, -1));
  return descriptor;
}

/// Gives the nameless file \p descriptor a name beside \p destination, in
/// \p name. Returns a negative errno on failure.
static int linkBeside(int descriptor, const std::string &destination,
                      std::string &name) {
  std::string shown = shownName(descriptor);
  for (int attempt = 0; attempt < kNameAttempts; ++attempt) {
    name = nameBeside(destination, attempt);
    if (::linkat(AT_FDCWD, shown.c_str(), AT_FDCWD, name.c_str(),
                 AT_SYMLINK_FOLLOW) == 0)
      return 0;
    if (errno != EEXIST)
      return -errno;
  }
  return -EEXIST;
}

Result<AtomicFile> AtomicFile::create(std::string path) {
  if (path.empty() || path.find('\0') != std::string::npos)
    return Status::error(StatusCode::InvalidArgument,
                         "the output's file name is empty or has a NUL byte");

  struct stat old;
  bool exists = ::stat(path.c_str(), &old) == 0;
  if (exists && S_ISDIR(old.st_mode))
    return Status::error(StatusCode::IoError, path + ": is a directory");
  if (exists && !S_ISREG(old.st_mode)) {
    int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0)
      return systemError(path, "write", errno);
    return AtomicFile(descriptor, path, /*destination=*/"", /*temporary=*/"");
  }

  std::string destination = path;
  char resolved[PATH_MAX];
  if (exists && ::realpath(path.c_str(), resolved))
    destination = resolved;

  std::string temporary;
  int descriptor = createNameless(destination);
  if (descriptor < 0)
    descriptor = createBeside(destination, temporary);
  if (descriptor < 0)
    return systemError(path, "write", -descriptor);
  if (exists && ::fchmod(descriptor, old.st_mode & 07777) != 0) {
    int error = errno;
    ::close(descriptor);
    if (!temporary.empty())
      ::unlink(temporary.c_str());
    return systemError(path, "keep the permissions", error);
  }
  return AtomicFile(descriptor, std::move(path), std::move(destination),
                    std::move(temporary));
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    ssize_t count =
        ::write(descriptor, bytes.data(), std::min(bytes.size(), kPiece));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return systemError(target, "write", errno);
    written += static_cast<uint64_t>(count);
    bytes = bytes.subspan(static_cast<size_t>(count));
    if (written - begun < kPiece)
      continue;
    // While more bytes are computed: commit() then has less to wait for. A
    // hint, which pipes and devices refuse.
    ::sync_file_range(descriptor, static_cast<off_t>(begun),
                      static_cast<off_t>(written - begun),
                      SYNC_FILE_RANGE_WRITE);
    begun = written;
  }
  return Status::ok();
}

Status AtomicFile::write(std::string_view text) {
  return write(std::as_bytes(std::span(text.data(), text.size())));
}

Status AtomicFile::overwrite(uint64_t offset,
                             std::span<const std::byte> bytes) {
  if (offset > written || bytes.size() > written - offset)
    return Status::error(StatusCode::InvalidArgument,
                         target + ": cannot write over " +
                             std::to_string(bytes.size()) + " bytes at " +
                             std::to_string(offset) + " of " +
                             std::to_string(written) + " written");
  while (!bytes.empty()) {
    ssize_t count = ::pwrite(descriptor, bytes.data(), bytes.size(),
                             static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return systemError(target, "write", errno);
    offset += static_cast<uint64_t>(count);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return Status::ok();
}

Status AtomicFile::commit() {
  if (destination.empty()) {
    // A device or FIFO has nothing to sync; only close tells of late errors.
    int closed = ::close(std::exchange(descriptor, -1));
    return closed == 0 ? Status::ok() : systemError(target, "close", errno);
  }
  if (::fsync(descriptor) != 0)
    return systemError(target, "sync", errno);
  if (temporary.empty())
    if (int linked = linkBeside(descriptor, destination, temporary)) {
      temporary.clear();
      return systemError(target, "write", -linked);
    }
  if (::close(std::exchange(descriptor, -1)) != 0)
    return systemError(target, "close", errno);
  if (std::rename(temporary.c_str(), destination.c_str()) != 0)
    return systemError(target, "rename the temporary file to it", errno);
  temporary.clear();

  // The new name itself is durable only once its directory is.
  int directory = ::open(directoryOf(destination).c_str(),
                         O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0)
    return systemError(target, "open its directory", errno);
  int synced = ::fsync(directory);
  int error = errno;
  ::close(directory);
  // Some file systems cannot sync a directory; they order renames themselves.
  if (synced != 0 && error != EINVAL)
    return systemError(target, "sync its directory", error);
  return Status::ok();
}

void AtomicFile::discard() {
  if (descriptor >= 0)
    ::close(std::exchange(descriptor, -1));
  if (!temporary.empty())
    ::unlink(temporary.c_str());
  temporary.clear();
}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : descriptor(std::exchange(other.descriptor, -1)), written(other.written),
      begun(other.begun), target(std::move(other.target)),
      destination(std::move(other.destination)),
      temporary(std::exchange(other.temporary, {})) {}

AtomicFile &AtomicFile::operator=(AtomicFile &&other) noexcept {
  if (this == &other)
    return *this;
  discard();
  descriptor = std::exchange(other.descriptor, -1);
  written = other.written;
  begun = other.begun;
  target = std::move(other.target);
  destination = std::move(other.destination);
  temporary = std::exchange(other.temporary, {});
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

Status lathe::runtime::writeFile(const std::string &path,
                                 std::string_view bytes) {
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file.isOk())
    return file.takeStatus();
  LATHE_RETURN_IF_ERROR(file->write(bytes));
  return file->commit();
}
