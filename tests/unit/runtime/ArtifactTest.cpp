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

/// A change that makes a program wrong, and part of the message.
struct Fault {
  const char *name;
  void (*apply)(ArtifactBuilder &);
  const char *message;
};

using lathe::testing::constant;
using lathe::testing::symbol;
using lathe::testing::times;

artifact::LaunchT &launchOf(ArtifactBuilder &b, const char *entry, size_t i) {
  return *b.entry(entry).commands[i]->action.AsLaunch();
}

/// Gives the entry `scale` a temporary `u` of the size of `t` behind it, which
/// its commands \p first and \p last name.
void addTemporary(ArtifactBuilder &b, size_t first, size_t last) {
  artifact::EntryT &entry = b.entry("scale");
  auto buffer = std::make_unique<artifact::BufferT>(b.buffer("scale", "t"));
  buffer->name = "u";
  entry.buffers.push_back(std::move(buffer));
  for (auto &plan : entry.plans) {
    plan->offsets.push_back(4096);
    plan->arena_bytes = 8192;
  }
  for (size_t command : {first, last}) {
    if (auto *launch = entry.commands[command]->action.AsLaunch()) {
      launch->operands.push_back(5);
      continue;
    }
    artifact::FillT fill;
    fill.target = 5;
    entry.commands[command]->action.Set(std::move(fill));
  }
}

const Fault kFaults[] = {
    {"SymbolRange", [](auto &b) { b.program.symbols[0]->minimum = -1; },
     "symbols: 'tokens' has the range -1 to 64"},
    {"SymbolEmptyRange", [](auto &b) { b.program.symbols[0]->minimum = 65; },
     "range 65 to 64"},
    {"SymbolTwice", [](auto &b) { b.program.symbols[1]->name = "tokens"; },
     "symbols: the name 'tokens' occurs twice"},
    {"NameEmpty", [](auto &b) { b.program.symbols[1]->name = ""; },
     "a name is empty"},
    {"NameControl", [](auto &b) { b.program.entries[0]->name = "a\nb"; },
     "control"},
    {"ModelContext", [](auto &b) { b.program.model->context = -5; },
     "model: context: is -5"},
    {"ModelVocabulary",
     [](auto &b) { b.program.model->vocabulary = int64_t(1) << 31; },
     "vocabulary"},
    {"ModelPage", [](auto &b) { b.program.model->page_positions = 65537; },
     "page_positions: is 65537"},
    {"ModelPad", [](auto &b) { b.program.model->pad_id = -2; },
     "pad_id: is -2"},
    {"ModelEmbed", [](auto &b) { b.program.model->embed_tokens = -1; },
     "embed_tokens"},
    {"ModelEos", [](auto &b) { b.program.model->eos_ids = {-1}; }, "hold -1"},
    {"TargetSection", [](auto &b) { b.program.targets[0]->section = 1; },
     "section 1 is not code"},
    {"TargetSectionPast", [](auto &b) { b.program.targets[0]->section = 3; },
     "section 3 is not code"},
    {"KernelScalar", [](auto &b) { b.kernel("scale").scalars = {5}; },
     "kernel 'scale': scalars: names symbol 5 of 5"},
    {"KernelTarget", [](auto &b) { b.kernel("scale").code[0]->target = 9; },
     "target 9"},
    {"KernelTargetTwice",
     [](auto &b) {
       auto code = std::make_unique<artifact::KernelCodeT>();
       code->tiles = constant(1);
       b.kernel("scale").code.push_back(std::move(code));
     },
     "occurs twice"},
    {"KernelTilesNegative",
     [](auto &b) { b.kernel("scale").code[0]->tiles = times(0, -1); },
     "tiles: can be -64 to -1"},
    {"KernelTilesMany",
     [](auto &b) {
       b.kernel("scale").code[0]->tiles = constant((int64_t(1) << 40) + 1);
     },
     "tiles: can be"},
    {"KernelScratch",
     [](auto &b) { b.kernel("scale").code[0]->scratch_bytes = (1u << 28) + 1; },
     "scratch_bytes"},
    {"WeightKind",
     [](auto &b) {
       b.program.weights[0]->kind = artifact::BufferKind_Temporary;
     },
     "weight 'w': kind"},
    {"WeightSymbol", [](auto &b) { b.program.weights[0]->bytes = symbol(0); },
     "names symbol 0 of 0"},
    {"WeightPast", [](auto &b) { b.program.weights[0]->offset = 128; },
     "not inside a section of 80"},
    {"WeightOneMore",
     [](auto &b) { b.program.weights[0]->bytes = constant(17); },
     "17 bytes at 64"},
    {"WeightUnaligned", [](auto &b) { b.program.weights[0]->offset = 32; },
     "not aligned"},
    {"WeightWraps",
     [](auto &b) { b.program.weights[0]->offset = UINT64_MAX - 63; },
     "not inside"},
    {"WeightSection", [](auto &b) { b.program.weights[0]->section = 2; },
     "section 2 does not hold weights"},
    {"StateSymbol",
     [](auto &b) {
       b.program.states[0]->bytes = symbol(lathe::testing::kTokens);
     },
     "depends on symbol 'tokens'"},
    {"StateKind",
     [](auto &b) { b.program.states[0]->kind = artifact::BufferKind_Weight; },
     "state 'total': kind"},
    {"TokenizerSection", [](auto &b) { b.program.tokenizer = 1; },
     "tokenizer: section 1 is not a tokenizer"},
    {"EntryTwice", [](auto &b) { b.program.entries[1]->name = "scale"; },
     "entries: the name 'scale' occurs twice"},
    {"BufferTwice", [](auto &b) { b.buffer("scale", "t").name = "x"; },
     "the name 'x' occurs twice"},
    {"BufferElement",
     [](auto &b) {
       b.buffer("scale", "t").type->element = artifact::ElementType(9);
     },
     "element 9 is unknown"},
    {"BufferRank",
     [](auto &b) {
       for (int i = 0; i < 7; ++i)
         b.buffer("scale", "t").type->dims.push_back(constant(1));
     },
     "has 9 dimensions"},
    {"BufferHuge",
     [](auto &b) {
       b.buffer("scale", "t").type->dims[1] = constant(int64_t(1) << 40);
     },
     "can exceed"},
    {"BufferBytes",
     [](auto &b) { b.buffer("scale", "t").bytes = constant(-1); },
     "bytes: can be -1"},
    {"BufferKind",
     [](auto &b) { b.buffer("scale", "t").kind = artifact::BufferKind(5); },
     "kind: is 5"},
    {"WeightUnknown", [](auto &b) { b.buffer("scale", "w").name = "v"; },
     "'v': is no weight or state"},
    {"WeightOtherSize",
     [](auto &b) { b.buffer("scale", "w").bytes = constant(8); },
     "differs from the program's"},
    {"InputBuffer", [](auto &b) { b.entry("scale").inputs[0]->buffer = 99; },
     "bindings: 'x': buffer 99"},
    {"InputOtherKind", [](auto &b) { b.entry("scale").inputs[0]->buffer = 2; },
     "not of this kind"},
    {"InputUnbound", [](auto &b) { b.entry("scale").inputs.clear(); },
     "without a binding"},
    {"LimitOnFloats",
     [](auto &b) { b.entry("scale").inputs[0]->limit = constant(4); },
     "only I32 and I64"},
    {"LimitNegative",
     [](auto &b) { b.entry("step").inputs[0]->limit = constant(-4); },
     "limit: can be -4"},
    {"NoPlans", [](auto &b) { b.entry("scale").plans.clear(); },
     "plans: there is none"},
    {"PlanBounds",
     [](auto &b) { b.entry("scale").plans[0]->bounds.pop_back(); }, "4 bounds"},
    {"PlanOffsets",
     [](auto &b) { b.entry("scale").plans[0]->offsets.push_back(0); },
     "6 offsets"},
    {"PlanPast", [](auto &b) { b.entry("scale").plans[1]->arena_bytes = 1023; },
     "1024 bytes at 0"},
    {"PlanUnaligned",
     [](auto &b) { b.entry("scale").plans[1]->offsets[2] = 32; },
     "is not aligned"},
    {"PlanWraps",
     [](auto &b) { b.entry("scale").plans[1]->offsets[2] = UINT64_MAX - 63; },
     "not inside an arena"},
    {"PlanOverlap",
     [](auto &b) {
       addTemporary(b, /*first=*/0, /*last=*/2);
       b.entry("scale").plans[1]->offsets[5] = 960;
     },
     "entry 'scale': plan 1: offsets: 't' at 0 and 'u' at 960 live at one time "
     "and share bytes of the arena"},
    {"PlanOverlapInPlaceTooEarly",
     [](auto &b) {
       addTemporary(b, /*first=*/1, /*last=*/1);
       b.entry("scale").plans[1]->offsets[5] = 0;
     },
     "entry 'scale': plan 1: offsets: 't' at 0 and 'u' at 0 live"},
    {"CacheSymbol", [](auto &b) { b.program.symbols[4]->name = "slot_page"; },
     "model: page_positions: needs symbol 'slot_pages', which is not there"},
    {"CacheSymbolOfACall",
     [](auto &b) { b.program.symbols[3]->fixed_at_load = false; },
     "needs symbol 'slots', which is not there or not fixed"},
    {"CacheTooSmall", [](auto &b) { b.program.model->context = 33; },
     "needs symbol 'slot_pages' up to 9 for a context of 33 positions, but it "
     "ends at 8"},
    {"VocabularyOfTokens",
     [](auto &b) { b.entry("step_greedy").inputs[0]->limit = constant(15); },
     "entry 'step_greedy': input 'tokens': limit: can be 15 to 15, but the "
     "model's vocabulary is 16"},
    {"VocabularyOfLogits",
     [](auto &b) { b.buffer("step", "logits").type->dims[1] = constant(17); },
     "entry 'step': output 'logits': has 17 columns, but the model's "
     "vocabulary is 16"},
    {"PlanOffsetOfInput",
     [](auto &b) { b.entry("scale").plans[0]->offsets[0] = 64; },
     "is not in the arena"},
    {"PlanTooSmall", [](auto &b) { b.entry("scale").plans[1]->bounds[0] = 63; },
     "ends at 63 of symbol 'tokens', which goes up to 64"},
    {"PlanOrder",
     [](auto &b) {
       std::swap(b.entry("scale").plans[0], b.entry("scale").plans[1]);
     },
     "not ascending"},
    {"PlanBelow", [](auto &b) { b.entry("scale").plans[0]->bounds[0] = 0; },
     "0 is below symbol 'tokens'"},
    {"LaunchNoVariant",
     [](auto &b) { launchOf(b, "scale", 0).variants.clear(); },
     "commands: 0: variants: there is none"},
    {"LaunchKernel",
     [](auto &b) { launchOf(b, "scale", 0).variants[0]->kernel = 8; },
     "kernel 8"},
    {"LaunchSymbol",
     [](auto &b) { launchOf(b, "scale", 0).variants[0]->symbol = 5; },
     "symbol 5"},
    {"LaunchOrder",
     [](auto &b) { launchOf(b, "scale", 0).variants[0]->maximum = 64; },
     "not ascending in one symbol"},
    {"LaunchRange",
     [](auto &b) { launchOf(b, "scale", 0).variants[1]->maximum = 63; },
     "the last one ends at 63"},
    {"LaunchOperand", [](auto &b) { launchOf(b, "scale", 0).operands[2] = 5; },
     "operands: names buffer 5 of 5"},
    {"CopyPast",
     [](auto &b) { b.entry("fill").commands[1]->action.AsCopy()->source = 2; },
     "copies buffer 2"},
    {"CopySizes", [](auto &b) { b.buffer("fill", "t").bytes = constant(9); },
     "of another size"},
    {"CopyToInput",
     [](auto &b) { b.entry("scale").commands[2]->action.AsCopy()->target = 0; },
     "'x' is read-only"},
    {"FillPast",
     [](auto &b) { b.entry("fill").commands[0]->action.AsFill()->target = 2; },
     "fills buffer 2 of 2"},
    {"FillWeight",
     [](auto &b) {
       artifact::FillT fill;
       fill.target = 1;
       b.entry("scale").commands[2]->action.Set(std::move(fill));
     },
     "'w' is read-only"},
    {"PeakSymbol", [](auto &b) { b.entry("fill").peak = symbol(77); }, "peak"},
};

class ArtifactFaultTest : public ::testing::TestWithParam<Fault> {};

TEST_P(ArtifactFaultTest, IsRefusedByName) {
  ArtifactBuilder builder = ArtifactBuilder::create();
  GetParam().apply(builder);
  Status status = open(builder.build().span());
  EXPECT_EQ(status.code(), StatusCode::InvalidFile);
  EXPECT_NE(status.message().find(GetParam().message), std::string::npos)
      << status.message();
  EXPECT_EQ(status.message().substr(0, 3), "t: ");
}

INSTANTIATE_TEST_SUITE_P(All, ArtifactFaultTest, ::testing::ValuesIn(kFaults),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

TEST(ArtifactTest, AcceptsTemporariesThatLieApartOrAreWrittenInPlace) {
  ArtifactBuilder apart = ArtifactBuilder::create();
  addTemporary(apart, 0, 2);
  apart.entry("scale").plans[1]->offsets[5] = 1024;
  EXPECT_TRUE(open(apart.build().span()).isOk());
  // The copy reads 't' for the last time.
  ArtifactBuilder inPlace = ArtifactBuilder::create();
  addTemporary(inPlace, 2, 2);
  artifact::EntryT &entry = inPlace.entry("scale");
  artifact::CopyT copy;
  copy.source = 2;
  copy.target = 5;
  entry.commands[2]->action.Set(std::move(copy));
  for (auto &plan : entry.plans)
    plan->offsets[5] = 0;
  Status status = open(inPlace.build().span());
  EXPECT_TRUE(status.isOk()) << status.message();
}

// One list of many elements that many tables share: small on disk, endless to
// check.
TEST(ArtifactTest, RefusesASmallProgramThatDescribesTooMuch) {
  flatbuffers::FlatBufferBuilder b;
  std::vector<flatbuffers::Offset<artifact::KernelCode>> noCode;
  auto codes = b.CreateVector(noCode);
  auto scalars = b.CreateVector(std::vector<uint32_t>(100000));
  std::vector<flatbuffers::Offset<artifact::Kernel>> kernels;
  for (int i = 0; i < 1000; ++i) {
    auto name = b.CreateString("k" + std::to_string(i));
    kernels.push_back(artifact::CreateKernel(b, name, scalars, codes));
  }
  auto symbols =
      b.CreateVector(std::vector{artifact::CreateSymbolDirect(b, "s", 1, 2)});
  auto model = artifact::CreateModelDirect(b, "m");
  auto provenance = artifact::CreateProvenanceDirect(b, "p");
  auto targets =
      b.CreateVector(std::vector<flatbuffers::Offset<artifact::Target>>());
  auto buffers =
      b.CreateVector(std::vector<flatbuffers::Offset<artifact::Buffer>>());
  auto entries =
      b.CreateVector(std::vector<flatbuffers::Offset<artifact::Entry>>());
  artifact::FinishProgramBuffer(
      b, artifact::CreateProgram(b, 1, model, provenance, symbols, targets,
                                 b.CreateVector(kernels), buffers, buffers,
                                 entries));
  std::span<const std::byte> program =
      std::as_bytes(std::span(b.GetBufferPointer(), b.GetSize()));
  Status status = open(ArtifactBuilder::create().buildWith(program).span());
  EXPECT_NE(status.message().find("more than 2000000 items"), std::string::npos)
      << status.message();
}

} // namespace
