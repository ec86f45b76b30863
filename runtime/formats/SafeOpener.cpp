//===- SafeOpener.cpp - Opens what a file's content names -----------------===//
//
// The kernel resolves the whole path beneath the directory (openat2), so that a
// symlink swapped in between two checks cannot lead out. Where the kernel lacks
// the call, each component is opened by itself and symlinks are refused.
//
//===----------------------------------------------------------------------===//

#include "runtime/formats/SafeOpener.h"

#include "runtime/formats/SystemError.h"

#include <cerrno>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace lathe::runtime;

static constexpr size_t kLongestName = 4096;
static constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

/// What is wrong with \p name by itself, if anything.
static std::optional<std::string> findFault(std::string_view name) {
  if (name.empty())
    return "is empty";
  if (name.size() > kLongestName)
    return "has " + std::to_string(name.size()) + " bytes, more than " +
           std::to_string(kLongestName);
  if (name.find('\0') != std::string_view::npos)
    return "has a NUL byte";
  if (name.front() == '/')
    return "is absolute (name a file beside this one)";
  for (size_t begin = 0; begin <= name.size();) {
    size_t end = std::min(name.find('/', begin), name.size());
    if (name.substr(begin, end - begin) == "..")
      return "has a component '..' (name a file beside this one)";
    begin = end + 1;
  }
  return std::nullopt;
}

/// Opens \p name beneath \p directory without any symlink. Returns a negative
/// errno on failure.
static int openWithoutSymlinks(int directory, std::string_view name) {
  int current = ::dup(directory);
  while (current >= 0) {
    size_t slash = name.find('/');
    bool isLast = slash == std::string_view::npos;
    std::string component(name.substr(0, slash));
    if (component.empty())
      component = ".";
    int flags = kOpenFlags | O_NOFOLLOW | (isLast ? 0 : O_DIRECTORY);
    int next = ::openat(current, component.c_str(), flags);
    int error = errno;
    ::close(current);
    if (next < 0)
      return -error;
    if (isLast)
      return next;
    current = next;
    name.remove_prefix(slash + 1);
  }
  return -errno;
}

/// Opens \p name beneath \p directory. Returns a negative errno on failure.
static int openBeneath(int directory, std::string_view name) {
  struct open_how how = {};
  how.flags = kOpenFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  std::string terminated(name);
  long opened =
      ::syscall(SYS_openat2, directory, terminated.c_str(), &how, sizeof(how));
  if (opened >= 0)
    return static_cast<int>(opened);
  // Sandboxes answer EPERM for calls that they do not know.
  if (errno == ENOSYS || errno == EPERM)
    return openWithoutSymlinks(directory, name);
  return -errno;
}

/// Opens the entry \p name of \p directory, following its symlinks. Returns a
/// negative errno on failure.
static int openEntry(int directory, std::string_view name) {
  int opened = ::openat(directory, std::string(name).c_str(), kOpenFlags);
  return opened >= 0 ? opened : -errno;
}

Result<SafeOpener> SafeOpener::create(std::string directory,
                                      Symlinks symlinks) {
  int descriptor =
      ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return systemError(directory, "open the directory", errno);
  return SafeOpener(descriptor, std::move(directory), symlinks);
}

Result<MappedFile> SafeOpener::map(std::string_view name,
                                   std::string_view namedBy) const {
  auto refuse = [&](std::string_view fault) {
    return Status::error(StatusCode::InvalidFile,
                         std::string(namedBy) + ": the file name '" +
                             std::string(name.substr(0, 256)) + "' " +
                             std::string(fault));
  };
  if (std::optional<std::string> fault = findFault(name))
    return refuse(*fault);

  std::string full = path + "/" + std::string(name);
  bool isEntry = name.find('/') == std::string_view::npos;
  int opened = symlinks == Symlinks::OfEntries && isEntry
                   ? openEntry(descriptor, name)
                   : openBeneath(descriptor, name);
  if (opened == -EXDEV || opened == -ELOOP)
    return refuse("leads out of its directory through a symlink (put the file "
                  "itself there)");
  std::string subject = std::string(namedBy) + ": " + full;
  if (opened < 0)
    return systemError(subject, "open", -opened);
  Result<MappedFile> file = MappedFile::fromDescriptor(opened, full);
  ::close(opened);
  if (!file.isOk())
    return Status::error(file.status().code(),
                         std::string(namedBy) + ": " + file.status().message());
  return file;
}

SafeOpener::SafeOpener(SafeOpener &&other) noexcept
    : descriptor(std::exchange(other.descriptor, -1)),
      path(std::move(other.path)), symlinks(other.symlinks) {}

SafeOpener &SafeOpener::operator=(SafeOpener &&other) noexcept {
  std::swap(descriptor, other.descriptor);
  std::swap(path, other.path);
  std::swap(symlinks, other.symlinks);
  return *this;
}

SafeOpener::~SafeOpener() {
  if (descriptor >= 0)
    ::close(descriptor);
}
