//===- ProgramCheckerTest.cpp - Tests of runtime/ProgramChecker.h ---------===//

#include "runtime/Artifact.h"
#include "runtime/abi/KernelAbi.h"
#include "tests/unit/runtime/ArtifactBuilder.h"

#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::runtime;
using lathe::testing::ArtifactBuilder;

namespace {

Status open(std::span<const std::byte> bytes) {
  ArtifactOptions options;
  options.threads = 1;
  Result<std::shared_ptr<const Artifact>> artifact =
      Artifact::openMemory(bytes, "t", options);
  return artifact.isOk() ? Status::ok() : artifact.takeStatus();
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

/// Adds \p count empty chat templates.
void addTemplates(ArtifactBuilder &b, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    b.program.model->chat_templates.push_back(
        std::make_unique<artifact::ChatTemplateT>());
    b.program.model->chat_templates.back()->name = std::to_string(i);
  }
}

/// The cost of a pair of the kernel `logits`.
artifact::PairCostT &pairsOf(ArtifactBuilder &b) {
  return *b.kernel("logits").cost->pairs[0];
}

/// Gives the entry `scale` a temporary `u` of the size of `t` behind it, which
/// its commands \p first and \p last name.
void addTemporary(ArtifactBuilder &b, size_t first, size_t last) {
  b.kernel("scale").cost.reset();
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
    {"TemplateNameTwice",
     [](auto &b) { b.program.model->chat_templates[1]->name = "default"; },
     "model: chat_templates: the name 'default' occurs twice"},
    {"TemplateName",
     [](auto &b) { b.program.model->chat_templates[1]->name = "a\033b"; },
     "model: chat_templates: a name is empty"},
    {"TemplateNotUtf8",
     [](auto &b) { b.program.model->chat_templates[1]->text = "\xff"; },
     "model: chat_templates: 'tool use': is longer than 1048576 bytes, no "
     "UTF-8 or has a 0"},
    {"TemplateZero",
     [](auto &b) {
       b.program.model->chat_templates[0]->text = std::string("a\0b", 3);
     },
     "chat_templates: 'default': is longer"},
    {"TemplateLong",
     [](auto &b) {
       b.program.model->chat_templates[0]->text.assign((1 << 20) + 1, 'x');
     },
     "chat_templates: 'default': is longer"},
    {"TemplatesMany", [](auto &b) { addTemplates(b, 63); },
     "model: chat_templates: there are 65, at most 64"},
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
    {"CostFlopsNegative",
     [](auto &b) { b.kernel("scale").cost->flops = times(0, -1); },
     "kernel 'scale': cost: flops: can be -64 to -1"},
    {"CostFlopsMany",
     [](auto &b) {
       b.kernel("scale").cost->flops = constant((int64_t(1) << 60) + 1);
     },
     "cost: flops: can be"},
    {"CostArithmetic",
     [](auto &b) {
       b.kernel("scale").cost->arithmetic = artifact::Arithmetic(3);
     },
     "kernel 'scale': cost: arithmetic 3 is unknown"},
    {"CostReadsSymbol",
     [](auto &b) { b.kernel("scale").cost->reads[1] = symbol(5); },
     "cost: reads: an expression names symbol 5 of 5"},
    {"CostWritesHuge",
     [](auto &b) {
       b.kernel("scale").cost->writes[1] = constant((int64_t(1) << 44) + 1);
     },
     "cost: writes: can be"},
    {"CostSides", [](auto &b) { b.kernel("scale").cost->writes.pop_back(); },
     "cost: has 3 reads and 2 writes"},
    {"CostOperands",
     [](auto &b) { launchOf(b, "scale", 0).operands.push_back(0); },
     "commands: 0: operands: are 4, but the cost of kernel 'scale' is of 3"},
    {"PairKind", [](auto &b) { pairsOf(b).kind = artifact::PairKind(3); },
     "kernel 'logits': cost: pairs: kind 3 is unknown"},
    {"PairSequences", [](auto &b) { pairsOf(b).sequences = 6; },
     "cost: pairs: names operand 6 of 6"},
    {"PairPositions", [](auto &b) { pairsOf(b).positions = 6; },
     "names operand 6 of 6"},
    {"PairKeys", [](auto &b) { pairsOf(b).keys = 6; }, "names operand 6 of 6"},
    {"PairValues", [](auto &b) { pairsOf(b).values = 6; },
     "names operand 6 of 6"},
    {"PairWindow", [](auto &b) { pairsOf(b).window = -1; },
     "cost: pairs: holds -1"},
    {"PairFlops", [](auto &b) { pairsOf(b).flops = (int64_t(1) << 40) + 1; },
     "cost: pairs: holds 1099511627777"},
    {"PairKeyBytes", [](auto &b) { pairsOf(b).key_bytes = -1; }, "holds -1"},
    {"PairValueBytes", [](auto &b) { pairsOf(b).value_bytes = -1; },
     "holds -1"},
    {"PairSequencesType", [](auto &b) { pairsOf(b).sequences = 5; },
     "commands: 1: operands: the cost of kernel 'logits' reads operand 5, "
     "which is not of I32"},
    {"PairPositionsType", [](auto &b) { pairsOf(b).positions = 5; },
     "reads operand 5, which is not of I32"},
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
    {"LaunchSkippedAlways",
     [](auto &b) { launchOf(b, "scale", 0).skipped_to = 64; },
     "skipped_to: is 64, but the last variant ends at 64"},
    {"LaunchSkippedBelow",
     [](auto &b) { launchOf(b, "scale", 0).skipped_to = -2; },
     "skipped_to: is -2"},
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

class ProgramCheckerFaultTest : public ::testing::TestWithParam<Fault> {};

TEST_P(ProgramCheckerFaultTest, IsRefusedByName) {
  ArtifactBuilder builder = ArtifactBuilder::create();
  GetParam().apply(builder);
  Status status = open(builder.build().span());
  EXPECT_EQ(status.code(), StatusCode::InvalidFile);
  EXPECT_NE(status.message().find(GetParam().message), std::string::npos)
      << status.message();
  EXPECT_EQ(status.message().substr(0, 3), "t: ");
}

INSTANTIATE_TEST_SUITE_P(All, ProgramCheckerFaultTest,
                         ::testing::ValuesIn(kFaults), [](const auto &info) {
                           return std::string(info.param.name);
                         });

/// The entry `table` alone, in a program without symbols.
ArtifactBuilder withoutSymbols() {
  ArtifactBuilder builder = ArtifactBuilder::create();
  artifact::ProgramT &program = builder.program;
  std::erase_if(program.entries,
                [](const auto &entry) { return entry->name != "table"; });
  std::erase_if(program.kernels,
                [](const auto &kernel) { return kernel->name != "table"; });
  program.symbols.clear();
  program.states.clear();
  program.model->page_positions = 0;
  launchOf(builder, "table", 0).variants[0]->kernel = 0;
  for (auto &plan : builder.entry("table").plans)
    plan->bounds.clear();
  return builder;
}

TEST(ProgramCheckerTest, AcceptsOneVariantWithoutASymbolAndNoSecond) {
  ArtifactBuilder one = withoutSymbols();
  Status status = open(one.build().span());
  EXPECT_TRUE(status.isOk()) << status.message();
  ArtifactBuilder two = withoutSymbols();
  artifact::LaunchT &launch = launchOf(two, "table", 0);
  launch.variants.push_back(
      std::make_unique<artifact::VariantT>(*launch.variants[0]));
  ++launch.variants[1]->maximum;
  status = open(two.build().span());
  EXPECT_EQ(status.code(), StatusCode::InvalidFile);
  EXPECT_EQ(status.message(),
            "t: entry 'table': commands: 0: variants, skipped_to: choose by a "
            "symbol, but there is none");
  ArtifactBuilder skipped = withoutSymbols();
  launchOf(skipped, "table", 0).skipped_to = 0;
  EXPECT_EQ(open(skipped.build().span()).code(), StatusCode::InvalidFile);
}

TEST(ProgramCheckerTest, AcceptsTheMostAndLongestChatTemplates) {
  ArtifactBuilder builder = ArtifactBuilder::create();
  addTemplates(builder, 62);
  builder.program.model->chat_templates[0]->text.assign(1 << 20, 'x');
  Status status = open(builder.build().span());
  EXPECT_TRUE(status.isOk()) << status.message();
}

TEST(ProgramCheckerTest, AcceptsTheLargestCosts) {
  ArtifactBuilder builder = ArtifactBuilder::create();
  artifact::KernelCostT &cost = *builder.kernel("logits").cost;
  cost.flops = constant(int64_t(1) << 60);
  cost.reads[5] = constant(int64_t(1) << 44);
  cost.writes[5] = constant(int64_t(1) << 44);
  pairsOf(builder).flops = pairsOf(builder).key_bytes = int64_t(1) << 40;
  cost.arithmetic = artifact::Arithmetic_MAX;
  // Only a cache has positions.
  pairsOf(builder).kind = artifact::PairKind_Causal;
  pairsOf(builder).positions = 5;
  Status status = open(builder.build().span());
  EXPECT_TRUE(status.isOk()) << status.message();
}

TEST(ProgramCheckerTest, AcceptsTemporariesThatLieApartOrAreWrittenInPlace) {
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
TEST(ProgramCheckerTest, RefusesASmallProgramThatDescribesTooMuch) {
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
      b, artifact::CreateProgram(b, LATHE_KERNEL_ABI_VERSION, model, provenance,
                                 symbols, targets, b.CreateVector(kernels),
                                 buffers, buffers, entries));
  std::span<const std::byte> program =
      std::as_bytes(std::span(b.GetBufferPointer(), b.GetSize()));
  Status status = open(ArtifactBuilder::create().buildWith(program).span());
  EXPECT_NE(status.message().find("more than 2000000 items"), std::string::npos)
      << status.message();
}

} // namespace
