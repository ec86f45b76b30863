//===- ArtifactWriter.h - Writes the layout of an artifact ------*- C++ -*-===//
#ifndef LATHE_RUNTIME_FORMATS_ARTIFACTWRITER_H
#define LATHE_RUNTIME_FORMATS_ARTIFACTWRITER_H

#include "runtime/Status.h"
#include "runtime/abi/ArtifactFormat.h"

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace lathe::runtime {

/// Takes the next bytes of a section.
using SectionSink = std::function<Status(std::span<const std::byte>)>;

/// One section to write.
struct SectionSource {
  LatheSectionKind kind;
  /// Exact length in bytes, known before.
  uint64_t length;
  /// Gives the bytes to \p sink in pieces, in order, `length` in all.
  std::function<Status(const SectionSink &sink)> write;
};

/// A section that is in memory, which must live until it is written.
SectionSource sectionFromBytes(LatheSectionKind kind,
                               std::span<const std::byte> bytes);

/// Writes an artifact to \p path through AtomicFile: streamed, synced, renamed.
/// Section 0 is the program; section i of \p sections gets index i. Equal
/// sections give equal files. Fails with InvalidArgument (a section whose
/// writer gives another length), IoError, ResourceExhausted, and what a
/// section's writer fails with; the target is then as before.
Status writeArtifact(const std::string &path,
                     std::span<const SectionSource> sections);

/// The same bytes in memory, for tests and small programs.
Result<std::vector<std::byte>>
buildArtifact(std::span<const SectionSource> sections);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_ARTIFACTWRITER_H
