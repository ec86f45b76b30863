//===- Artifact.cpp - A model.lathe file, mapped and checked --------------===//

#include "runtime/Artifact.h"

#include "runtime/ProgramChecker.h"
#include "runtime/schema/artifact_generated.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace lathe::runtime;

/// Most tables that the FlatBuffers verifier walks over. It sees a table anew
/// through each reference, so this bounds its time.
static constexpr flatbuffers::uoffset_t kMaxTables = 2'000'000;

Status Artifact::invalid(const std::string &message) const {
  return Status::error(StatusCode::InvalidFile, fileName + ": " + message);
}

std::span<const std::byte> Artifact::sectionBytes(size_t index) const {
  return file.subspan(sections[index].offset, sections[index].length);
}

static uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

static uint64_t sectionAlignment(uint32_t kind) {
  bool isMapped = kind == LATHE_SECTION_WEIGHTS || kind == LATHE_SECTION_CODE;
  return isMapped ? LATHE_ARTIFACT_PAGE : LATHE_ARTIFACT_ALIGNMENT;
}

static bool isZero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](std::byte byte) { return byte == std::byte(0); });
}

/// Checks header, table, and that every byte belongs to one of them, to a
/// section or to zero padding.
Status Artifact::checkLayout() {
  if (file.size() < sizeof(LatheFileHeader) ||
      std::memcmp(file.data(), LATHE_ARTIFACT_MAGIC, 8) != 0)
    return invalid("magic: not a Lathe artifact (make one with lathe compile)");
  std::memcpy(&header, file.data(), sizeof(header));

  if (header.section_count == 0 ||
      header.section_count > LATHE_ARTIFACT_MAX_SECTIONS)
    return invalid("section_count: is " + std::to_string(header.section_count) +
                   ", expected 1 to " +
                   std::to_string(LATHE_ARTIFACT_MAX_SECTIONS));
  size_t tableBytes = header.section_count * sizeof(LatheSection);
  if (file.size() < sizeof(header) + tableBytes)
    return invalid("section_count: a table of " +
                   std::to_string(header.section_count) +
                   " sections does not fit in a file of " +
                   std::to_string(file.size()) + " bytes");

  sections.resize(header.section_count);
  std::memcpy(sections.data(), file.data() + sizeof(header), tableBytes);
  std::vector<std::byte> head(file.begin(),
                              file.begin() + sizeof(header) + tableBytes);
  std::memset(head.data() + offsetof(LatheFileHeader, table_hash), 0,
              sizeof(header.table_hash));
  if (XXH3_64bits(head.data(), head.size()) != header.table_hash)
    return invalid("table_hash: header or section table is damaged");
  if (header.version != LATHE_ARTIFACT_VERSION)
    return Status::error(
        StatusCode::Unsupported,
        fileName + ": version: is " + std::to_string(header.version) +
            ", this build reads " + std::to_string(LATHE_ARTIFACT_VERSION));
  if (header.file_size != file.size())
    return invalid("file_size: is " + std::to_string(header.file_size) +
                   ", but the file has " + std::to_string(file.size()) +
                   " bytes (it was cut or extended)");

  uint64_t end = sizeof(header) + tableBytes;
  for (size_t i = 0; i < sections.size(); ++i) {
    const LatheSection &section = sections[i];
    std::string field = "section " + std::to_string(i);
    if (section.kind < LATHE_SECTION_PROGRAM ||
        section.kind > LATHE_SECTION_TOKENIZER || section.reserved != 0)
      return invalid(field + ": has the unknown kind " +
                     std::to_string(section.kind));
    if ((section.kind == LATHE_SECTION_PROGRAM) != (i == 0))
      return invalid(field + ": section 0 and no other must be the program");
    uint64_t offset = alignUp(end, sectionAlignment(section.kind));
    // Not offset + length > size: the sum could wrap around.
    if (section.offset != offset || offset > file.size() ||
        section.length > file.size() - offset)
      return invalid(field + ": lies at " + std::to_string(section.offset) +
                     " with " + std::to_string(section.length) +
                     " bytes, expected at " + std::to_string(offset) +
                     " in a file of " + std::to_string(file.size()));
    if (!isZero(file.subspan(end, offset - end)))
      return invalid(field + ": the padding before it is not zero");
    end = offset + section.length;
  }
  if (file.size() - end != LATHE_ARTIFACT_TAIL || !isZero(file.subspan(end)))
    return invalid("tail: expected " + std::to_string(LATHE_ARTIFACT_TAIL) +
                   " zero bytes after the last section, got " +
                   std::to_string(file.size() - end) + " bytes");
  return Status::ok();
}

namespace {
/// A block of a section, and its hash once a worker computed it.
struct HashBlock {
  std::span<const std::byte> bytes;
  uint64_t hash;
};
} // namespace

static int hashBlocks(void *data, uint32_t, int64_t begin, int64_t end) {
  HashBlock *blocks = static_cast<HashBlock *>(data);
  for (int64_t i = begin; i < end; ++i)
    blocks[i].hash =
        XXH3_64bits(blocks[i].bytes.data(), blocks[i].bytes.size());
  return 0;
}

Status Artifact::checkHashes(const ArtifactOptions &options) {
  auto isHashed = [&](const LatheSection &section) {
    return section.kind != LATHE_SECTION_WEIGHTS || options.verifyWeights;
  };
  std::vector<HashBlock> blocks;
  for (size_t i = 0; i < sections.size(); ++i) {
    if (!isHashed(sections[i]))
      continue;
    std::span<const std::byte> rest = sectionBytes(i);
    while (!rest.empty()) {
      size_t size = std::min<size_t>(rest.size(), LATHE_ARTIFACT_HASH_BLOCK);
      blocks.push_back({rest.first(size), 0});
      rest = rest.subspan(size);
    }
  }

  // Threads cost more than they save on a small file.
  constexpr uint64_t kWorthThreads = 4 * uint64_t(LATHE_ARTIFACT_HASH_BLOCK);
  bool isAlone = file.size() < kWorthThreads;
  Result<std::unique_ptr<ThreadPool>> pool = ThreadPool::create(
      isAlone ? 1 : options.threads, isAlone ? HostPool() : options.hostPool);
  if (!pool.isOk())
    return pool.takeStatus();
  // The function returns 0, so there is nothing to report.
  (void)(*pool)->run(static_cast<int64_t>(blocks.size()), 1,
                     {hashBlocks, blocks.data()});

  size_t next = 0;
  std::vector<uint64_t> hashes;
  for (size_t i = 0; i < sections.size(); ++i) {
    if (!isHashed(sections[i]))
      continue;
    hashes.clear();
    for (uint64_t left = sections[i].length; left > 0; ++next) {
      hashes.push_back(blocks[next].hash);
      left -= blocks[next].bytes.size();
    }
    if (XXH3_64bits(hashes.data(), hashes.size() * sizeof(uint64_t)) !=
        sections[i].hash)
      return invalid("section " + std::to_string(i) +
                     ": its bytes do not have the hash of the table (the file "
                     "is damaged)");
  }
  return Status::ok();
}

Status Artifact::checkProgram() {
  std::span<const std::byte> bytes = sectionBytes(0);
  if (bytes.size() > LATHE_ARTIFACT_MAX_PROGRAM)
    return invalid("program: has " + std::to_string(bytes.size()) +
                   " bytes, at most " +
                   std::to_string(LATHE_ARTIFACT_MAX_PROGRAM) + " are read");
  // Smaller than a root offset and an identifier is no buffer at all.
  if (bytes.size() < 2 * sizeof(flatbuffers::uoffset_t))
    return invalid("program: has only " + std::to_string(bytes.size()) +
                   " bytes");
  flatbuffers::Verifier verifier(
      reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(),
      /*max_depth=*/64, kMaxTables);
  if (!artifact::VerifyProgramBuffer(verifier))
    return invalid("program: is not a well-formed FlatBuffers table");
  root = artifact::GetProgram(bytes.data());
  return ProgramChecker(*this).check();
}

std::span<const std::byte> Artifact::weightBytes(size_t index) const {
  const artifact::Buffer &weight =
      *root->weights()->Get(static_cast<flatbuffers::uoffset_t>(index));
  return sectionBytes(weight.section())
      .subspan(weight.offset(), weightSizes[index]);
}

Result<std::shared_ptr<const Artifact>>
Artifact::check(std::shared_ptr<Artifact> artifact,
                const ArtifactOptions &options) {
  LATHE_RETURN_IF_ERROR(artifact->checkLayout());
  LATHE_RETURN_IF_ERROR(artifact->checkHashes(options));
  LATHE_RETURN_IF_ERROR(artifact->checkProgram());
  return std::shared_ptr<const Artifact>(std::move(artifact));
}

Result<std::shared_ptr<const Artifact>>
Artifact::openPath(const std::string &path, const ArtifactOptions &options) {
  // Non-blocking, so that a FIFO cannot hang us before it is refused.
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return Status::error(errno == ENOENT || errno == ENOTDIR
                             ? StatusCode::NotFound
                             : StatusCode::IoError,
                         path + ": cannot open: " + std::strerror(errno));
  struct Closer {
    int fd;
    ~Closer() { close(fd); }
  } closer{fd};
  return openFile(fd, path, options);
}

Result<std::shared_ptr<const Artifact>>
Artifact::openFile(int fd, const std::string &name,
                   const ArtifactOptions &options) {
  struct stat status = {};
  if (fstat(fd, &status) != 0)
    return Status::error(StatusCode::IoError,
                         name + ": cannot read: " + std::strerror(errno));
  if (!S_ISREG(status.st_mode))
    return Status::error(StatusCode::IoError, name + ": is not a regular file");

  Result<MappedMemory> mapping = MappedMemory::mapFile(
      fd, static_cast<size_t>(status.st_size), name.c_str());
  if (!mapping.isOk())
    return mapping.takeStatus();
  std::shared_ptr<Artifact> artifact(new Artifact());
  artifact->fileName = name;
  artifact->mapping = std::move(*mapping);
  artifact->file = artifact->mapping.span();
  return check(std::move(artifact), options);
}

Result<std::shared_ptr<const Artifact>>
Artifact::openMemory(std::span<const std::byte> bytes, const std::string &name,
                     const ArtifactOptions &options) {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % kBufferAlignment != 0)
    return Status::error(StatusCode::InvalidArgument,
                         name + ": the memory is not aligned to " +
                             std::to_string(kBufferAlignment) + " bytes");
  std::shared_ptr<Artifact> artifact(new Artifact());
  artifact->fileName = name;
  artifact->file = bytes;
  return check(std::move(artifact), options);
}
