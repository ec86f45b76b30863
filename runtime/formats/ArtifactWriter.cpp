//===- ArtifactWriter.cpp - Writes the outer layout of an artifact --------===//

#include "runtime/formats/ArtifactWriter.h"

#include "runtime/formats/AtomicFile.h"

#include <algorithm>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace lathe::runtime;

SectionSource
lathe::runtime::sectionFromBytes(LatheSectionKind kind,
                                 std::span<const std::byte> bytes) {
  return {kind, bytes.size(),
          [bytes](const SectionSink &sink) { return sink(bytes); }};
}

namespace {
/// Header and table, with all offsets and no hashes yet.
struct Layout {
  LatheFileHeader header = {};
  std::vector<LatheSection> sections;
};
} // namespace

namespace {
/// The hash of a section whose bytes come in pieces.
class SectionHash {
public:
  SectionHash() { XXH3_64bits_reset(&state); }

  void update(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      size_t room = LATHE_ARTIFACT_HASH_BLOCK - filled;
      std::span<const std::byte> piece =
          bytes.first(std::min(room, bytes.size()));
      XXH3_64bits_update(&state, piece.data(), piece.size());
      filled += piece.size();
      if (filled == LATHE_ARTIFACT_HASH_BLOCK)
        endBlock();
      bytes = bytes.subspan(piece.size());
    }
  }
  uint64_t finish() {
    if (filled > 0)
      endBlock();
    return XXH3_64bits(blocks.data(), blocks.size() * sizeof(uint64_t));
  }

private:
  void endBlock() {
    blocks.push_back(XXH3_64bits_digest(&state));
    XXH3_64bits_reset(&state);
    filled = 0;
  }

  XXH3_state_t state;
  size_t filled = 0; ///< Bytes of the current block.
  std::vector<uint64_t> blocks;
};
} // namespace

static uint64_t headBytes(size_t sectionCount) {
  return sizeof(LatheFileHeader) + sectionCount * sizeof(LatheSection);
}

static Result<Layout> layOut(std::span<const SectionSource> sources) {
  if (sources.empty() || sources.size() > LATHE_ARTIFACT_MAX_SECTIONS)
    return Status::error(StatusCode::InvalidArgument,
                         "an artifact of " + std::to_string(sources.size()) +
                             " sections, expected 1 to " +
                             std::to_string(LATHE_ARTIFACT_MAX_SECTIONS));
  Layout layout;
  std::memcpy(layout.header.magic, LATHE_ARTIFACT_MAGIC, 8);
  layout.header.version = LATHE_ARTIFACT_VERSION;
  layout.header.section_count = static_cast<uint32_t>(sources.size());
  uint64_t end = headBytes(sources.size());
  for (const SectionSource &source : sources) {
    bool isMapped = source.kind == LATHE_SECTION_WEIGHTS ||
                    source.kind == LATHE_SECTION_CODE;
    uint64_t alignment =
        isMapped ? LATHE_ARTIFACT_PAGE : LATHE_ARTIFACT_ALIGNMENT;
    uint64_t offset = (end + alignment - 1) & ~(alignment - 1);
    layout.sections.push_back({source.kind, 0, offset, source.length, 0});
    if (offset < end || source.length > (uint64_t(1) << 62) - offset)
      return Status::error(StatusCode::InvalidArgument,
                           "a section of " + std::to_string(source.length) +
                               " bytes is too large");
    end = offset + source.length;
  }
  layout.header.file_size = end + LATHE_ARTIFACT_TAIL;
  return layout;
}

/// Header and table as they stand in the file, once all hashes are known.
static std::vector<std::byte> finishHead(Layout &layout) {
  size_t tableBytes = layout.sections.size() * sizeof(LatheSection);
  std::vector<std::byte> head(sizeof(LatheFileHeader) + tableBytes);
  std::memcpy(head.data(), &layout.header, sizeof(LatheFileHeader));
  std::memcpy(head.data() + sizeof(LatheFileHeader), layout.sections.data(),
              tableBytes);
  layout.header.table_hash = XXH3_64bits(head.data(), head.size());
  std::memcpy(head.data(), &layout.header, sizeof(LatheFileHeader));
  return head;
}

static Status writeZeros(const SectionSink &sink, uint64_t count) {
  static constexpr std::byte zeros[LATHE_ARTIFACT_PAGE] = {};
  // Never more than a page: the distance to the next section.
  return count == 0 ? Status::ok() : sink(std::span(zeros).first(count));
}

/// Gives room for the head, then all sections to \p sink, and fills in hashes.
static Status writeSections(std::span<const SectionSource> sources,
                            Layout &layout, const SectionSink &sink) {
  std::vector<std::byte> room(headBytes(sources.size()));
  LATHE_RETURN_IF_ERROR(sink(room));
  uint64_t end = room.size();
  for (size_t i = 0; i < sources.size(); ++i) {
    LatheSection &section = layout.sections[i];
    LATHE_RETURN_IF_ERROR(writeZeros(sink, section.offset - end));
    SectionHash hash;
    uint64_t given = 0;
    Status status = sources[i].write([&](std::span<const std::byte> bytes) {
      given += bytes.size();
      hash.update(bytes);
      return given > section.length ? Status::ok() : sink(bytes);
    });
    LATHE_RETURN_IF_ERROR(std::move(status));
    if (given != section.length)
      return Status::error(StatusCode::InvalidArgument,
                           "section " + std::to_string(i) + " gave " +
                               std::to_string(given) + " bytes, expected " +
                               std::to_string(section.length));
    section.hash = hash.finish();
    end = section.offset + section.length;
  }
  return writeZeros(sink, LATHE_ARTIFACT_TAIL);
}

Status lathe::runtime::writeArtifact(const std::string &path,
                                     std::span<const SectionSource> sections) {
  Result<Layout> layout = layOut(sections);
  if (!layout.isOk())
    return layout.takeStatus();
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file.isOk())
    return file.takeStatus();
  LATHE_RETURN_IF_ERROR(
      writeSections(sections, *layout, [&](std::span<const std::byte> bytes) {
        return file->write(bytes);
      }));
  LATHE_RETURN_IF_ERROR(file->overwrite(0, finishHead(*layout)));
  return file->commit();
}

Result<std::vector<std::byte>>
lathe::runtime::buildArtifact(std::span<const SectionSource> sections) {
  Result<Layout> layout = layOut(sections);
  if (!layout.isOk())
    return layout.takeStatus();
  std::vector<std::byte> bytes;
  bytes.reserve(layout->header.file_size);
  Status status =
      writeSections(sections, *layout, [&](std::span<const std::byte> piece) {
        bytes.insert(bytes.end(), piece.begin(), piece.end());
        return Status::ok();
      });
  if (!status.isOk())
    return status;
  std::vector<std::byte> head = finishHead(*layout);
  std::memcpy(bytes.data(), head.data(), head.size());
  return bytes;
}
