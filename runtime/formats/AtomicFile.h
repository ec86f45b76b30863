//===- AtomicFile.h - Writes a whole file or nothing ------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_FORMATS_ATOMICFILE_H
#define LATHE_RUNTIME_FORMATS_ATOMICFILE_H

#include "runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lathe::runtime {

/// The one way in which files are written. Bytes go to a temporary file in the
/// target's directory, one without a name where the file system has such files,
/// so that a killed process leaves nothing; commit() makes them durable and
/// renames, so that a crash at any instant leaves the old file or the new one.
/// Without a commit nothing is left. Not thread-safe.
class AtomicFile {
public:
  /// Begins to write \p path. An existing file keeps its permissions, a symlink
  /// its place: what it names is replaced. A device or FIFO is written directly
  /// and a directory refused. ResourceExhausted, NotFound or IoError; messages
  /// begin with \p path.
  static Result<AtomicFile> create(std::string path);

  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&other) noexcept;
  /// Removes the temporary file unless it was committed.
  ~AtomicFile();

  /// Appends bytes. ResourceExhausted if the disk is full, else IoError.
  Status write(std::span<const std::byte> bytes);
  Status write(std::string_view text);

  /// Writes over bytes written before, all of them within size(): for a header
  /// that is known last. InvalidArgument past the end; else as write.
  Status overwrite(uint64_t offset, std::span<const std::byte> bytes);

  /// Syncs, renames over the target and syncs the directory. To be called once,
  /// last. ResourceExhausted or IoError; the old file is then as it was.
  Status commit();

  /// Bytes appended so far.
  uint64_t size() const { return written; }
  /// The path that messages name.
  const std::string &path() const { return target; }

private:
  AtomicFile(int descriptor, std::string target, std::string destination,
             std::string temporary)
      : descriptor(descriptor), target(std::move(target)),
        destination(std::move(destination)), temporary(std::move(temporary)) {}

  /// Closes, and removes the temporary file if there is one.
  void discard();

  int descriptor;
  uint64_t written = 0;
  uint64_t begun = 0; ///< Bytes of them that the disk was told to begin with.
  std::string target; ///< As the caller named it.
  std::string destination; ///< With symlinks followed; empty: written directly.
  std::string temporary;   ///< Empty while nameless, and once committed.
};

/// Writes \p bytes to \p path through AtomicFile. Fails as it does.
Status writeFile(const std::string &path, std::string_view bytes);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_ATOMICFILE_H
