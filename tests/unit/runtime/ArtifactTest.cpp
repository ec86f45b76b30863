//===- ArtifactTest.cpp - Tests of runtime/Artifact.h ---------------------===//

#include "runtime/Artifact.h"

#include "runtime/formats/ArtifactWriter.h"
#include "tests/unit/runtime/ArtifactBuilder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace lathe;
using namespace lathe::runtime;
using lathe::testing::ArtifactBuilder;

namespace {

/// A folder that goes away with the test.
struct Folder {
  Folder() {
    char pattern[] = "/tmp/lathe-artifact-XXXXXX";
    path = mkdtemp(pattern);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const char *name) const { return path + "/" + name; }
  std::string path;
};

Status open(std::span<const std::byte> bytes) {
  ArtifactOptions options;
  options.threads = 1;
  Result<std::shared_ptr<const Artifact>> artifact =
      Artifact::openMemory(bytes, "t", options);
  return artifact.isOk() ? Status::ok() : artifact.takeStatus();
}

/// A copy of \p bytes of another size, zeros at its end where it grew.
MappedMemory resized(std::span<const std::byte> bytes, size_t size) {
  MappedMemory copy = std::move(*MappedMemory::allocate(size, "test"));
  std::memcpy(copy.data(), bytes.data(), std::min(size, bytes.size()));
  return copy;
}

TEST(ArtifactTest, OpensWhatTheWriterWrites) {
  MappedMemory bytes = ArtifactBuilder::create().build();
  Result<std::shared_ptr<const Artifact>> artifact =
      Artifact::openMemory(bytes.span(), "t");
  ASSERT_TRUE(artifact.isOk()) << artifact.status().message();
  EXPECT_EQ((*artifact)->sectionCount(), 3u);
  EXPECT_EQ((*artifact)->weightBytes(0).size(), 16u);
  float second;
  std::memcpy(&second, (*artifact)->weightBytes(0).data() + 4, 4);
  EXPECT_EQ(second, 2);
}

TEST(ArtifactTest, OpensAFileAndADescriptor) {
  Folder folder;
  ArtifactBuilder builder = ArtifactBuilder::create();
  std::vector<std::byte> program = builder.programBytes();
  SectionSource sections[] = {
      sectionFromBytes(LATHE_SECTION_PROGRAM, program),
      sectionFromBytes(LATHE_SECTION_WEIGHTS, builder.weights),
      sectionFromBytes(LATHE_SECTION_CODE, builder.code)};
  std::string path = folder / "m.lathe";
  ASSERT_TRUE(writeArtifact(path, sections).isOk());
  EXPECT_TRUE(Artifact::openPath(path).isOk());
  int fd = ::open(path.c_str(), O_RDONLY);
  EXPECT_TRUE(Artifact::openFile(fd, "descriptor").isOk());
  close(fd);
  MappedMemory inMemory = builder.build();
  EXPECT_EQ(std::filesystem::file_size(path), inMemory.size());
}

TEST(ArtifactTest, TheWriterRefusesASectionOfAnotherLength) {
  Folder folder;
  SectionSource section = {
      LATHE_SECTION_PROGRAM, 8,
      [](const SectionSink &sink) { return sink(std::vector<std::byte>(7)); }};
  std::string path = folder / "m.lathe";
  EXPECT_EQ(writeArtifact(path, {&section, 1}).code(),
            StatusCode::InvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ArtifactTest, RefusesWhatIsNoFile) {
  Folder folder;
  EXPECT_EQ(Artifact::openPath(folder / "none").status().code(),
            StatusCode::NotFound);
  EXPECT_EQ(Artifact::openPath(folder.path).status().code(),
            StatusCode::IoError);
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(Artifact::openPath(folder / "fifo").status().code(),
            StatusCode::IoError);
  std::ofstream(folder / "empty").close();
  Status status = Artifact::openPath(folder / "empty").takeStatus();
  EXPECT_EQ(status.code(), StatusCode::InvalidFile);
  EXPECT_EQ(status.message(), (folder / "empty") +
                                  ": magic: not a Lathe artifact (make one "
                                  "with lathe compile)");
}

TEST(ArtifactTest, RefusesMemoryThatIsNotAligned) {
  MappedMemory bytes = ArtifactBuilder::create().build();
  EXPECT_EQ(open(bytes.span().subspan(8)).code(), StatusCode::InvalidArgument);
}

/// The sections of the file that \p bytes are.
std::vector<LatheSection> sectionsOf(std::span<const std::byte> bytes) {
  LatheFileHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  std::vector<LatheSection> sections(header.section_count);
  std::memcpy(sections.data(), bytes.data() + sizeof(header),
              sections.size() * sizeof(LatheSection));
  return sections;
}

TEST(ArtifactTest, FindsEachFlippedBitOfHeaderAndTable) {
  MappedMemory bytes = ArtifactBuilder::create().build();
  size_t head = sizeof(LatheFileHeader) + 3 * sizeof(LatheSection);
  for (size_t bit = 0; bit < head * 8; ++bit) {
    bytes.data()[bit / 8] ^= std::byte(1 << bit % 8);
    EXPECT_EQ(open(bytes.span()).code(), StatusCode::InvalidFile) << bit;
    bytes.data()[bit / 8] ^= std::byte(1 << bit % 8);
  }
  EXPECT_TRUE(open(bytes.span()).isOk());
}

TEST(ArtifactTest, FindsFlippedBitsAnywhere) {
  MappedMemory bytes = ArtifactBuilder::create().build();
  int flips = std::getenv("LATHE_CAMPAIGN") ? 10000 : 1000;
  std::mt19937_64 random(1);
  for (int i = 0; i < flips; ++i) {
    size_t bit = random() % (bytes.size() * 8);
    bytes.data()[bit / 8] ^= std::byte(1 << bit % 8);
    EXPECT_EQ(open(bytes.span()).code(), StatusCode::InvalidFile) << bit;
    bytes.data()[bit / 8] ^= std::byte(1 << bit % 8);
  }
}

TEST(ArtifactTest, FindsCutsAndExtensions) {
  MappedMemory bytes = ArtifactBuilder::create().build();
  std::mt19937_64 random(2);
  for (int i = 0; i < 200; ++i) {
    MappedMemory cut =
        resized(bytes.span(),
                i < 100 ? size_t(i) + 1 : 1 + random() % (bytes.size() - 1));
    EXPECT_EQ(open(cut.span()).code(), StatusCode::InvalidFile);
    MappedMemory longer =
        resized(bytes.span(), bytes.size() + 1 + random() % 9999);
    EXPECT_EQ(open(longer.span()).code(), StatusCode::InvalidFile);
  }
}

TEST(ArtifactTest, FindsSectionsOfAnotherFile) {
  ArtifactBuilder other = ArtifactBuilder::create();
  other.weights[70] = std::byte(9);
  other.program.model->family = "best";
  MappedMemory theirs = other.build();
  MappedMemory bytes = ArtifactBuilder::create().build();
  std::vector<LatheSection> sections = sectionsOf(bytes.span());
  for (size_t i : {0, 1}) {
    MappedMemory mixed = resized(bytes.span(), bytes.size());
    std::memcpy(mixed.data() + sections[i].offset,
                theirs.data() + sections[i].offset, sections[i].length);
    EXPECT_EQ(open(mixed.span()).code(), StatusCode::InvalidFile) << i;
  }
}

TEST(ArtifactTest, SkipsOnlyTheHashesOfWeights) {
  MappedMemory bytes = ArtifactBuilder::create().build();
  std::vector<LatheSection> sections = sectionsOf(bytes.span());
  ArtifactOptions options;
  options.verifyWeights = false;
  bytes.data()[sections[1].offset] ^= std::byte(1);
  EXPECT_TRUE(Artifact::openMemory(bytes.span(), "t", options).isOk());
  bytes.data()[sections[2].offset] ^= std::byte(1);
  EXPECT_FALSE(Artifact::openMemory(bytes.span(), "t", options).isOk());
}

// Long enough for threads, and for a last block of one byte.
TEST(ArtifactTest, FindsFlippedBitsOfEachBlockOfALongSection) {
  ArtifactBuilder builder = ArtifactBuilder::create();
  constexpr size_t kBlock = LATHE_ARTIFACT_HASH_BLOCK;
  builder.weights.resize(4 * kBlock + 1, std::byte(3));
  MappedMemory bytes = builder.build();
  uint64_t start = sectionsOf(bytes.span())[1].offset;
  ArtifactOptions options;
  options.threads = 3;
  ASSERT_TRUE(Artifact::openMemory(bytes.span(), "t", options).isOk());
  for (size_t place : {size_t(0), kBlock - 1, kBlock, 4 * kBlock}) {
    bytes.data()[start + place] ^= std::byte(1);
    EXPECT_EQ(Artifact::openMemory(bytes.span(), "t", options).status().code(),
              StatusCode::InvalidFile);
    bytes.data()[start + place] ^= std::byte(1);
  }
}

TEST(ArtifactTest, TheWriterTakesPiecesOfAnySize) {
  std::vector<std::byte> content(2 * LATHE_ARTIFACT_HASH_BLOCK + 7,
                                 std::byte(9));
  SectionSource whole = sectionFromBytes(LATHE_SECTION_PROGRAM, content);
  SectionSource pieces = whole;
  pieces.write = [&](const SectionSink &sink) {
    std::span<const std::byte> rest = content;
    for (size_t size = 1; !rest.empty(); size = size * 3 + 1) {
      std::span<const std::byte> piece =
          rest.first(std::min(size, rest.size()));
      LATHE_RETURN_IF_ERROR(sink(piece));
      rest = rest.subspan(piece.size());
    }
    return Status::ok();
  };
  EXPECT_EQ(*buildArtifact({&whole, 1}), *buildArtifact({&pieces, 1}));
}

TEST(ArtifactTest, RefusesAnotherKernelAbi) {
  ArtifactBuilder builder = ArtifactBuilder::create();
  builder.program.kernel_abi = 99;
  EXPECT_EQ(open(builder.build().span()).code(), StatusCode::Unsupported);
}

TEST(ArtifactTest, RefusesAProgramThatIsNoFlatBuffer) {
  ArtifactBuilder builder = ArtifactBuilder::create();
  for (size_t size : {0, 1, 7, 8, 100}) {
    std::vector<std::byte> program(size, std::byte(0x41));
    EXPECT_EQ(open(builder.buildWith(program).span()).code(),
              StatusCode::InvalidFile);
  }
}

// Flips that a writer signed: hashes are right, so the checks of structure and
// meaning stand alone. None may crash, and none may be misread as another code.
TEST(ArtifactTest, SurvivesFlippedBitsUnderRightHashes) {
  ArtifactBuilder builder = ArtifactBuilder::create();
  std::vector<std::byte> program = builder.programBytes();
  std::mt19937_64 random(3);
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    size_t bit = random() % (program.size() * 8);
    program[bit / 8] ^= std::byte(1 << bit % 8);
    Status status = open(builder.buildWith(program).span());
    EXPECT_TRUE(status.isOk() || status.code() == StatusCode::InvalidFile ||
                status.code() == StatusCode::Unsupported);
    refused += !status.isOk();
    program[bit / 8] ^= std::byte(1 << bit % 8);
  }
  EXPECT_GT(refused, 200);
}

} // namespace
