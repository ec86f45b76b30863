//===- ArtifactBuilder.cpp - Small artifacts made by hand -----------------===//

#include "tests/unit/runtime/ArtifactBuilder.h"

#include "runtime/abi/KernelAbi.h"
#include "runtime/devices/Cpu.h"
#include "runtime/formats/ArtifactWriter.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace lathe;
using namespace lathe::testing;
using artifact::BufferKind;
using artifact::ElementType;

ExpressionPtr lathe::testing::expression(std::vector<int64_t> code) {
  ExpressionPtr result = std::make_unique<artifact::ExpressionT>();
  result->code = std::move(code);
  return result;
}

ExpressionPtr lathe::testing::constant(int64_t value) {
  return expression({0, value});
}

ExpressionPtr lathe::testing::symbol(uint32_t index) {
  return expression({1, index});
}

ExpressionPtr lathe::testing::times(uint32_t index, int64_t factor) {
  return expression({1, index, 0, factor, 3, 0});
}

/// A dimension: a constant, or a symbol.
struct Dim {
  int64_t value;
  bool isSymbol;
};
static Dim of(int64_t value) { return {value, false}; }
static Dim by(Symbol index) { return {index, true}; }

static std::unique_ptr<artifact::BufferT> makeBuffer(std::string name,
                                                     BufferKind kind,
                                                     ElementType element,
                                                     std::vector<Dim> dims) {
  auto buffer = std::make_unique<artifact::BufferT>();
  buffer->name = std::move(name);
  buffer->kind = kind;
  buffer->type = std::make_unique<artifact::TensorTypeT>();
  buffer->type->element = element;
  int64_t factor = element == artifact::ElementType_I8 ? 1 : 4;
  std::vector<int64_t> code = {0, factor};
  for (Dim dim : dims) {
    buffer->type->dims.push_back(dim.isSymbol
                                     ? symbol(static_cast<uint32_t>(dim.value))
                                     : constant(dim.value));
    code.insert(code.end(), {dim.isSymbol ? 1 : 0, dim.value, 3, 0});
  }
  buffer->bytes = expression(std::move(code));
  return buffer;
}

static std::unique_ptr<artifact::BindingT>
makeBinding(std::string name, uint32_t buffer, ExpressionPtr limit = nullptr) {
  auto binding = std::make_unique<artifact::BindingT>();
  binding->name = std::move(name);
  binding->buffer = buffer;
  binding->limit = std::move(limit);
  return binding;
}

/// Adds a plan for at most \p tokens with each temporary at its own place.
static void addPlan(artifact::EntryT &entry, int64_t tokens) {
  auto plan = std::make_unique<artifact::PlanT>();
  plan->bounds = {tokens, kMaxTokens, 32, 8, 8};
  uint64_t place = 0;
  for (const auto &buffer : entry.buffers) {
    bool isHere = buffer->kind == artifact::BufferKind_Temporary;
    plan->offsets.push_back(isHere ? place : 0);
    if (isHere)
      place += 4096;
  }
  plan->arena_bytes = place;
  plan->live_bytes = place;
  entry.plans.push_back(std::move(plan));
}

template <typename Action>
static void addCommand(artifact::EntryT &entry, Action action) {
  auto command = std::make_unique<artifact::CommandT>();
  command->action.Set(std::move(action));
  entry.commands.push_back(std::move(command));
}

static void launch(artifact::EntryT &entry, std::string name,
                   std::vector<artifact::VariantT> variants,
                   std::vector<uint32_t> operands) {
  artifact::LaunchT action;
  for (const artifact::VariantT &variant : variants)
    action.variants.push_back(std::make_unique<artifact::VariantT>(variant));
  action.operands = std::move(operands);
  action.name = std::move(name);
  addCommand(entry, std::move(action));
}

static artifact::VariantT variant(Symbol index, int64_t maximum,
                                  uint32_t kernel) {
  artifact::VariantT result;
  result.symbol = index;
  result.maximum = maximum;
  result.kernel = kernel;
  return result;
}

enum Kernel : uint32_t {
  kScale,
  kScaleWide,
  kCount,
  kFail,
  kTable,
  kAppend,
  kLogits,
  kGreedy
};

static void addKernels(artifact::ProgramT &program) {
  struct Row {
    const char *name;
    std::vector<uint32_t> scalars;
    ExpressionPtr tiles;
  };
  Row rows[] = {{"scale", {kTokens}, symbol(kTokens)},
                {"scale_wide", {kTokens}, symbol(kTokens)},
                {"count", {kTokens}, constant(1)},
                {"fail", {}, constant(1)},
                {"table", {}, constant(2)},
                {"append", {kTokens, kSlotPages}, symbol(kTokens)},
                {"logits", {kRows, kSlotPages}, symbol(kRows)},
                {"greedy", {kRows, kSlotPages}, symbol(kRows)}};
  for (Row &row : rows) {
    auto kernel = std::make_unique<artifact::KernelT>();
    kernel->name = row.name;
    kernel->scalars = row.scalars;
    for (uint32_t target = 0; target < program.targets.size(); ++target) {
      auto code = std::make_unique<artifact::KernelCodeT>();
      code->target = target;
      code->tiles = expression(row.tiles->code);
      code->scratch_bytes = 16;
      kernel->code.push_back(std::move(code));
    }
    program.kernels.push_back(std::move(kernel));
  }
}

/// Adds to kernel \p index what it computes and moves, by operand.
static void addCost(artifact::ProgramT &program, Kernel index,
                    ExpressionPtr flops,
                    std::vector<std::vector<int64_t>> reads,
                    std::vector<std::vector<int64_t>> writes) {
  auto cost = std::make_unique<artifact::KernelCostT>();
  cost->flops = std::move(flops);
  for (std::vector<int64_t> &code : reads)
    cost->reads.push_back(expression(std::move(code)));
  for (std::vector<int64_t> &code : writes)
    cost->writes.push_back(expression(std::move(code)));
  program.kernels[index]->cost = std::move(cost);
}

/// All kernels but scale_wide, count, fail and table say what they do.
static void addCosts(artifact::ProgramT &program) {
  auto perToken = [](int64_t bytes) { return times(kTokens, bytes)->code; };
  auto perRow = [](int64_t bytes) { return times(kRows, bytes)->code; };
  const std::vector<int64_t> zero = {0, 0};
  addCost(program, kScale, times(kTokens, 4), {perToken(16), {0, 16}, zero},
          {zero, zero, perToken(16)});
  addCost(program, kAppend, constant(0),
          {perToken(4), perToken(4), perToken(4), zero, zero},
          {zero, zero, zero, zero, perToken(4)});
  for (Kernel kernel : {kLogits, kGreedy}) {
    addCost(program, kernel, times(kRows, 16),
            {perToken(4), perToken(4), perRow(4), zero, zero, zero},
            {zero, zero, zero, zero, zero,
             perRow(kernel == kLogits ? 4 * kVocabulary : 4)});
    artifact::PairCostT pairs;
    pairs.kind = artifact::PairKind_Cached;
    pairs.positions = 0;
    pairs.sequences = 1;
    pairs.flops = 2;
    pairs.keys = pairs.values = 4;
    pairs.key_bytes = 4;
    program.kernels[kernel]->cost->pairs.push_back(
        std::make_unique<artifact::PairCostT>(pairs));
  }
  program.kernels[kAppend]->cost->arithmetic = artifact::Arithmetic_BF16;
  program.kernels[kLogits]->cost->arithmetic = artifact::Arithmetic_Bytes;
}

static std::unique_ptr<artifact::EntryT> newEntry(std::string name) {
  auto entry = std::make_unique<artifact::EntryT>();
  entry->name = std::move(name);
  return entry;
}

static std::unique_ptr<artifact::EntryT> scaleEntry() {
  using namespace artifact;
  auto entry = newEntry("scale");
  entry->buffers.push_back(
      makeBuffer("x", BufferKind_Input, ElementType_F32, {by(kTokens), of(4)}));
  entry->buffers.push_back(
      makeBuffer("w", BufferKind_Weight, ElementType_F32, {of(4)}));
  entry->buffers.push_back(makeBuffer("t", BufferKind_Temporary,
                                      ElementType_F32, {by(kTokens), of(4)}));
  entry->buffers.push_back(makeBuffer("y", BufferKind_Output, ElementType_F32,
                                      {by(kTokens), of(4)}));
  entry->buffers.push_back(
      makeBuffer("total", BufferKind_State, ElementType_I32, {of(1)}));
  entry->inputs.push_back(makeBinding("x", 0));
  entry->outputs.push_back(makeBinding("y", 3));
  launch(
      *entry, "t",
      {variant(kTokens, 8, kScale), variant(kTokens, kMaxTokens, kScaleWide)},
      {0, 1, 2});
  launch(*entry, "total", {variant(kTokens, kMaxTokens, kCount)}, {4});
  CopyT copy;
  copy.source = 2;
  copy.target = 3;
  addCommand(*entry, std::move(copy));
  addPlan(*entry, 16);
  addPlan(*entry, kMaxTokens);
  return entry;
}

static std::unique_ptr<artifact::EntryT> fillEntry() {
  using namespace artifact;
  auto entry = newEntry("fill");
  entry->buffers.push_back(
      makeBuffer("t", BufferKind_Temporary, ElementType_I8, {of(8)}));
  entry->buffers.push_back(
      makeBuffer("z", BufferKind_Output, ElementType_I8, {of(8)}));
  entry->outputs.push_back(makeBinding("z", 1));
  FillT fill;
  fill.target = 0;
  fill.value = 5;
  addCommand(*entry, std::move(fill));
  CopyT copy;
  copy.source = 0;
  copy.target = 1;
  addCommand(*entry, std::move(copy));
  addPlan(*entry, kMaxTokens);
  return entry;
}

static std::unique_ptr<artifact::EntryT>
plainEntry(std::string name, uint32_t kernel, int64_t size) {
  using namespace artifact;
  auto entry = newEntry(std::move(name));
  entry->buffers.push_back(
      makeBuffer("z", BufferKind_Output, ElementType_I32, {of(size)}));
  entry->outputs.push_back(makeBinding("z", 0));
  launch(*entry, "z", {variant(kTokens, kMaxTokens, kernel)}, {0});
  addPlan(*entry, kMaxTokens);
  return entry;
}

static std::unique_ptr<artifact::EntryT> stepEntry(bool isGreedy) {
  using namespace artifact;
  auto entry = newEntry(isGreedy ? "step_greedy" : "step");
  auto input = [&](const char *name, std::vector<Dim> dims,
                   ExpressionPtr limit) {
    uint32_t index = static_cast<uint32_t>(entry->buffers.size());
    entry->buffers.push_back(
        makeBuffer(name, BufferKind_Input, ElementType_I32, std::move(dims)));
    entry->inputs.push_back(makeBinding(name, index, std::move(limit)));
  };
  input("tokens", {by(kTokens)}, constant(kVocabulary));
  input("positions", {by(kTokens)}, times(kSlotPages, kPagePositions));
  input("sequences", {by(kTokens)}, symbol(kSlots));
  input("rows", {by(kRows)}, symbol(kTokens));
  input("page_table", {by(kSlots), by(kSlotPages)}, symbol(kPages));
  entry->buffers.push_back(makeBuffer("cache", BufferKind_State,
                                      ElementType_I32,
                                      {by(kPages), of(kPagePositions)}));
  std::vector<Dim> dims = {by(kRows)};
  if (!isGreedy)
    dims.push_back(of(kVocabulary));
  entry->buffers.push_back(
      makeBuffer(isGreedy ? "next" : "logits", BufferKind_Output,
                 isGreedy ? ElementType_I32 : ElementType_F32, dims));
  entry->outputs.push_back(makeBinding(isGreedy ? "next" : "logits", 6));
  launch(*entry, "cache", {variant(kTokens, kMaxTokens, kAppend)},
         {0, 1, 2, 4, 5});
  launch(*entry, entry->buffers[6]->name,
         {variant(kRows, kMaxTokens, isGreedy ? kGreedy : kLogits)},
         {1, 2, 3, 4, 5, 6});
  addPlan(*entry, kMaxTokens);
  return entry;
}

static void addSymbol(artifact::ProgramT &program, std::string name,
                      int64_t maximum, bool isFixed) {
  auto result = std::make_unique<artifact::SymbolT>();
  result->name = std::move(name);
  result->minimum = 1;
  result->maximum = maximum;
  result->fixed_at_load = isFixed;
  program.symbols.push_back(std::move(result));
}

static void addModel(artifact::ProgramT &program) {
  program.kernel_abi = LATHE_KERNEL_ABI_VERSION;
  program.model = std::make_unique<artifact::ModelT>();
  program.model->family = "test";
  program.model->context = 32;
  program.model->vocabulary = kVocabulary;
  program.model->bos_ids = {1};
  program.model->eos_ids = {0};
  program.model->page_positions = kPagePositions;
  for (auto [name, text] : {std::pair("default", "{{ messages }}\n"),
                            {"tool use", "{{ tools }}"}}) {
    program.model->chat_templates.push_back(
        std::make_unique<artifact::ChatTemplateT>());
    program.model->chat_templates.back()->name = name;
    program.model->chat_templates.back()->text = text;
  }
  program.provenance = std::make_unique<artifact::ProvenanceT>();
  program.provenance->producer = "tests";
  addSymbol(program, "tokens", kMaxTokens, false);
  addSymbol(program, "rows", kMaxTokens, false);
  addSymbol(program, "pages", 32, true);
  addSymbol(program, "slots", 8, true);
  addSymbol(program, "slot_pages", 8, true);
  for (std::string_view name : runtime::supportedCpuTargets()) {
    auto target = std::make_unique<artifact::TargetT>();
    target->name = std::string(name);
    target->section = 2;
    program.targets.push_back(std::move(target));
  }
}

ArtifactBuilder ArtifactBuilder::create() {
  ArtifactBuilder builder;
  artifact::ProgramT &program = builder.program;
  addModel(program);
  addKernels(program);
  addCosts(program);
  program.weights.push_back(makeBuffer("w", artifact::BufferKind_Weight,
                                       artifact::ElementType_F32, {of(4)}));
  program.weights[0]->section = 1;
  program.weights[0]->offset = 64;
  program.states.push_back(makeBuffer("total", artifact::BufferKind_State,
                                      artifact::ElementType_I32, {of(1)}));
  program.states.push_back(makeBuffer("cache", artifact::BufferKind_State,
                                      artifact::ElementType_I32,
                                      {by(kPages), of(kPagePositions)}));
  program.entries.push_back(scaleEntry());
  program.entries.push_back(fillEntry());
  program.entries.push_back(plainEntry("table", kTable, 2));
  program.entries.push_back(plainEntry("fail", kFail, 1));
  program.entries.push_back(stepEntry(/*isGreedy=*/false));
  program.entries.push_back(stepEntry(/*isGreedy=*/true));
  const float values[] = {1, 2, 3, 4};
  builder.weights.resize(64 + sizeof(values));
  std::memcpy(builder.weights.data() + 64, values, sizeof(values));
  builder.code = testKernelImage();
  return builder;
}

artifact::EntryT &ArtifactBuilder::entry(const std::string &name) {
  for (auto &entry : program.entries)
    if (entry->name == name)
      return *entry;
  std::abort();
}

artifact::BufferT &ArtifactBuilder::buffer(const std::string &entryName,
                                           const std::string &name) {
  for (auto &buffer : entry(entryName).buffers)
    if (buffer->name == name)
      return *buffer;
  std::abort();
}

artifact::KernelT &ArtifactBuilder::kernel(const std::string &name) {
  for (auto &kernel : program.kernels)
    if (kernel->name == name)
      return *kernel;
  std::abort();
}

std::vector<std::byte> ArtifactBuilder::programBytes() const {
  flatbuffers::FlatBufferBuilder builder;
  artifact::FinishProgramBuffer(builder,
                                artifact::Program::Pack(builder, &program));
  const std::byte *start =
      reinterpret_cast<const std::byte *>(builder.GetBufferPointer());
  return {start, start + builder.GetSize()};
}

runtime::MappedMemory ArtifactBuilder::build() const {
  return buildWith(programBytes());
}

runtime::MappedMemory
ArtifactBuilder::buildWith(std::span<const std::byte> programBytes) const {
  std::vector<runtime::SectionSource> sections = {
      runtime::sectionFromBytes(LATHE_SECTION_PROGRAM, programBytes),
      runtime::sectionFromBytes(LATHE_SECTION_WEIGHTS, weights),
      runtime::sectionFromBytes(LATHE_SECTION_CODE, code)};
  if (!tokenizer.empty())
    sections.push_back(
        runtime::sectionFromBytes(LATHE_SECTION_TOKENIZER, tokenizer));
  std::vector<std::byte> bytes = *runtime::buildArtifact(sections);
  runtime::MappedMemory memory =
      std::move(*runtime::MappedMemory::allocate(bytes.size(), "test"));
  std::memcpy(memory.data(), bytes.data(), bytes.size());
  return memory;
}

int32_t lathe::testing::expectedNext(std::span<const int32_t> ids) {
  int32_t sum = 0;
  for (size_t p = 0; p < ids.size(); ++p)
    sum += ids[p] * static_cast<int32_t>(p % 3 + 1);
  return sum % static_cast<int32_t>(kVocabulary);
}

std::vector<std::byte> lathe::testing::testKernelImage() {
  std::vector<std::byte> bytes;
  std::FILE *file = std::fopen(LATHE_TEST_KERNELS, "rb");
  if (!file)
    std::abort();
  std::byte block[4096];
  while (size_t count = std::fread(block, 1, sizeof(block), file))
    bytes.insert(bytes.end(), block, block + count);
  std::fclose(file);
  return bytes;
}
