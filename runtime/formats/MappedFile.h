//===- MappedFile.h - A file's bytes, mapped read-only ----------*- C++ -*-===//
#ifndef LATHE_RUNTIME_FORMATS_MAPPEDFILE_H
#define LATHE_RUNTIME_FORMATS_MAPPEDFILE_H

#include "runtime/Status.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace lathe::runtime {

/// A regular file mapped into memory for reading. The bytes live as long as
/// this object or what it was moved into, at one address. May be read from
/// several threads. A file that another program cuts while it is mapped makes
/// reads past its new end fail with SIGBUS.
class MappedFile {
public:
  /// Maps \p path, following symlinks. An empty file is an empty span.
  /// Directories, FIFOs, sockets and devices are refused with IoError, without
  /// waiting for a writer; NotFound, ResourceExhausted or IoError as the system
  /// says. Messages begin with \p path.
  static Result<MappedFile> open(const std::string &path);

  /// Maps what \p descriptor, which stays the caller's, has open. \p path is
  /// only for messages. Fails as open does.
  static Result<MappedFile> fromDescriptor(int descriptor, std::string path);

  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();

  /// The file's bytes; page-aligned.
  std::span<const std::byte> bytes() const { return mapping; }
  /// The same bytes as characters.
  std::string_view text() const {
    return {reinterpret_cast<const char *>(mapping.data()), mapping.size()};
  }
  /// The path that messages name.
  const std::string &path() const { return name; }

private:
  MappedFile(std::span<const std::byte> mapping, std::string name)
      : mapping(mapping), name(std::move(name)) {}

  std::span<const std::byte> mapping;
  std::string name;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_MAPPEDFILE_H
