//===- Artifact.h - A model.lathe file, mapped and checked ------*- C++ -*-===//
//
// All checks stand here, at load: header, table, padding, hashes, FlatBuffers
// structure, then every index, expression, offset and size of the program. What
// runs later trusts an Artifact. Any changed bit of a file is found.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_ARTIFACT_H
#define LATHE_RUNTIME_ARTIFACT_H

#include "runtime/Expression.h"
#include "runtime/MappedMemory.h"
#include "runtime/Status.h"
#include "runtime/ThreadPool.h"
#include "runtime/abi/ArtifactFormat.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lathe::artifact {
struct Program;
} // namespace lathe::artifact

namespace lathe::runtime {

struct ArtifactOptions {
  /// Hash the weights too. All else is always hashed.
  bool verifyWeights = true;
  /// Threads that hash; 0: the physical cores.
  uint32_t threads = 0;
  HostPool hostPool;
};

/// Immutable, so any number of threads may read it.
class Artifact {
public:
  /// Largest sizes that a program may ask for, in bytes.
  static constexpr uint64_t kMaxBufferBytes = uint64_t(1) << 44;
  static constexpr uint64_t kMaxScratchBytes = uint64_t(1) << 28;

  /// Opens, maps and checks a file. Fails with NotFound, IoError, InvalidFile,
  /// Unsupported (a newer format or kernel ABI) and ResourceExhausted; every
  /// message begins with the file's name.
  static Result<std::shared_ptr<const Artifact>>
  openPath(const std::string &path, const ArtifactOptions &options = {});

  /// As openPath, from an open file, which stays the caller's.
  static Result<std::shared_ptr<const Artifact>>
  openFile(int fd, const std::string &name,
           const ArtifactOptions &options = {});

  /// As openPath, from memory that must outlive the artifact; 64-byte aligned
  /// (else InvalidArgument).
  static Result<std::shared_ptr<const Artifact>>
  openMemory(std::span<const std::byte> bytes, const std::string &name,
             const ArtifactOptions &options = {});

  const artifact::Program &program() const { return *root; }
  /// For messages.
  const std::string &name() const { return fileName; }
  std::span<const std::byte> bytes() const { return file; }
  size_t sectionCount() const { return sections.size(); }
  const LatheSection &section(size_t index) const { return sections[index]; }
  std::span<const std::byte> sectionBytes(size_t index) const;
  /// Hash of header and table, and so of all that the file holds.
  uint64_t identity() const { return header.table_hash; }

  /// Range of each symbol, by index.
  std::span<const Interval> symbolRanges() const { return ranges; }
  /// Bytes of weight \p index of the program.
  std::span<const std::byte> weightBytes(size_t index) const;
  /// Index in Program.weights or Program.states of buffer \p buffer of entry
  /// \p entry; only for such buffers.
  uint32_t globalIndex(size_t entry, size_t buffer) const {
    return globals[entry][buffer];
  }

private:
  friend class ProgramChecker;
  Artifact() = default;

  static Result<std::shared_ptr<const Artifact>>
  check(std::shared_ptr<Artifact> artifact, const ArtifactOptions &options);
  Status checkLayout();
  Status checkHashes(const ArtifactOptions &options);
  Status checkProgram();
  Status invalid(const std::string &message) const;

  std::string fileName;
  MappedMemory mapping;
  std::span<const std::byte> file;
  LatheFileHeader header = {};
  std::vector<LatheSection> sections;
  const artifact::Program *root = nullptr;
  std::vector<Interval> ranges;
  std::vector<uint64_t> weightSizes;          ///< By index of Program.weights.
  std::vector<std::vector<uint32_t>> globals; ///< [entry][buffer].
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ARTIFACT_H
