//===- SafeOpener.h - Opens what a file's content names ---------*- C++ -*-===//
#ifndef LATHE_RUNTIME_FORMATS_SAFEOPENER_H
#define LATHE_RUNTIME_FORMATS_SAFEOPENER_H

#include "runtime/Status.h"
#include "runtime/formats/MappedFile.h"

#include <string>
#include <string_view>

namespace lathe::runtime {

/// Which symlinks are followed.
enum class Symlinks {
  /// Those that stay beneath the directory.
  Beneath,
  /// The directory's own entries too, wherever they lead: for a checkpoint
  /// that a user names, whose entries are as much his as the directory. Caches
  /// of model hubs are made of such links. A name with a slash stays beneath.
  OfEntries,
};

/// Opens files whose names come from the content of another file (shards of an
/// index, the weights of a .mlir file): only regular files beneath one
/// directory, whatever the name says. Names that our own code chooses go
/// through MappedFile::open, which follows symlinks anywhere.
class SafeOpener {
public:
  /// Holds \p directory open. NotFound or IoError if it cannot be.
  static Result<SafeOpener> create(std::string directory,
                                   Symlinks symlinks = Symlinks::Beneath);

  SafeOpener(SafeOpener &&other) noexcept;
  SafeOpener &operator=(SafeOpener &&other) noexcept;
  ~SafeOpener();

  /// Maps \p name, a path relative to the directory. InvalidFile if the name is
  /// empty, absolute, longer than 4,096 bytes, has a NUL or a component `..`,
  /// or leads out of the directory through a symlink that is not followed; else
  /// as MappedFile::open. \p namedBy is what names it, such as
  /// "model.safetensors.index.json: weight_map", and begins the messages.
  Result<MappedFile> map(std::string_view name, std::string_view namedBy) const;

  /// The directory as it was given.
  const std::string &directory() const { return path; }

private:
  SafeOpener(int descriptor, std::string path, Symlinks symlinks)
      : descriptor(descriptor), path(std::move(path)), symlinks(symlinks) {}

  int descriptor;
  std::string path;
  Symlinks symlinks;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_SAFEOPENER_H
