//===- SafeOpener.h - Opens what a file's content names ---------*- C++ -*-===//
#ifndef LATHE_RUNTIME_FORMATS_SAFEOPENER_H
#define LATHE_RUNTIME_FORMATS_SAFEOPENER_H

#include "runtime/Status.h"
#include "runtime/formats/MappedFile.h"

#include <string>
#include <string_view>

namespace lathe::runtime {

/// Opens files whose names come from the content of another file (shards of an
/// index, the weights of a .mlir file): only regular files beneath one
/// directory, whatever the name says. Names that our own code chooses go
/// through MappedFile::open, which follows symlinks anywhere: caches of model
/// hubs are made of them.
class SafeOpener {
public:
  /// Holds \p directory open. NotFound or IoError if it cannot be.
  static Result<SafeOpener> create(std::string directory);

  SafeOpener(SafeOpener &&other) noexcept;
  SafeOpener &operator=(SafeOpener &&other) noexcept;
  ~SafeOpener();

  /// Maps \p name, a path relative to the directory. InvalidFile if the name is
  /// empty, absolute, longer than 4,096 bytes, has a NUL or a component `..`,
  /// or leads out of the directory through a symlink; else as MappedFile::open.
  /// \p namedBy is what names it, such as "model.safetensors.index.json:
  /// weight_map", and begins the messages about the name.
  Result<MappedFile> map(std::string_view name, std::string_view namedBy) const;

  /// The directory as it was given.
  const std::string &directory() const { return path; }

private:
  SafeOpener(int descriptor, std::string path)
      : descriptor(descriptor), path(std::move(path)) {}

  int descriptor;
  std::string path;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_SAFEOPENER_H
