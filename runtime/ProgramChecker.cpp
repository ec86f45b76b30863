//===- ProgramChecker.cpp - Checks what a program says --------------------===//
//
// The run loop indexes, adds and copies without looking; this is where each of
// those is shown to be in bounds, for every value that the symbols can have.
//
//===----------------------------------------------------------------------===//

#include "runtime/ProgramChecker.h"

#include "runtime/ProgramTables.h"
#include "runtime/abi/KernelAbi.h"
#include "runtime/text/Utf8.h"

#include <algorithm>
#include <limits>

using namespace lathe::runtime;
using lathe::artifact::BufferKind;
using lathe::artifact::ElementType;

/// Most elements of all lists together. FlatBuffers may refer to one list many
/// times, so without it a small file could describe endless work.
static constexpr size_t kMaxItems = 2'000'000;
static constexpr uint32_t kMaxSymbols = 256;
static constexpr uint32_t kMaxRank = 8;
static constexpr size_t kMaxChatTemplates = 64;
static constexpr size_t kMaxChatTemplate = 1 << 20; ///< Bytes.

Status ProgramChecker::invalid(const std::string &message) const {
  return artifact.invalid(where + ": " + message);
}

Status ProgramChecker::spend(size_t items) {
  spent += items;
  if (spent > kMaxItems)
    return invalid("the program describes more than " +
                   std::to_string(kMaxItems) + " items");
  return Status::ok();
}

Status ProgramChecker::checkNameList(std::vector<std::string_view> names) {
  for (std::string_view name : names) {
    // Names go into messages and C strings.
    bool isPlain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return c >= 0x20 && c != 0x7f;
    });
    if (name.empty() || name.size() > 1024 || !isPlain)
      return invalid("a name is empty, longer than 1024 bytes or has control "
                     "characters");
  }
  std::sort(names.begin(), names.end());
  auto twin = std::adjacent_find(names.begin(), names.end());
  if (twin != names.end())
    return invalid("the name '" + std::string(*twin) + "' occurs twice");
  return Status::ok();
}

Result<Interval>
ProgramChecker::checkSize(const artifact::Expression &expression,
                          std::string_view what, uint64_t limit,
                          std::span<const Interval> symbols) {
  Result<Interval> bounds = boundExpression(expression, symbols);
  if (!bounds.isOk())
    return invalid(std::string(what) + ": " + bounds.status().message());
  if (bounds->minimum < 0 || static_cast<uint64_t>(bounds->maximum) > limit)
    return invalid(std::string(what) + ": can be " +
                   std::to_string(bounds->minimum) + " to " +
                   std::to_string(bounds->maximum) + ", expected 0 to " +
                   std::to_string(limit));
  return bounds;
}

Status ProgramChecker::check() {
  where = "program";
  if (program.kernel_abi() != LATHE_KERNEL_ABI_VERSION)
    return Status::error(StatusCode::Unsupported,
                         artifact.name() + ": kernel_abi: is " +
                             std::to_string(program.kernel_abi()) +
                             ", this build runs " +
                             std::to_string(LATHE_KERNEL_ABI_VERSION));
  LATHE_RETURN_IF_ERROR(checkModel());
  LATHE_RETURN_IF_ERROR(checkSymbols());
  LATHE_RETURN_IF_ERROR(checkCache());
  LATHE_RETURN_IF_ERROR(checkTargets());
  LATHE_RETURN_IF_ERROR(checkKernels());
  LATHE_RETURN_IF_ERROR(checkWeights());
  LATHE_RETURN_IF_ERROR(checkStates());

  where = "tokenizer";
  uint32_t section = program.tokenizer();
  if (section != 0 &&
      (section >= artifact.sectionCount() ||
       artifact.section(section).kind != LATHE_SECTION_TOKENIZER))
    return invalid("section " + std::to_string(section) +
                   " is not a tokenizer");

  where = "entries";
  LATHE_RETURN_IF_ERROR(checkNames(*program.entries()));
  artifact.globals.resize(program.entries()->size());
  for (size_t i = 0; i < artifact.globals.size(); ++i)
    LATHE_RETURN_IF_ERROR(checkEntry(i));
  return Status::ok();
}

Status ProgramChecker::checkModel() {
  where = "model";
  const artifact::Model &model = *program.model();
  constexpr int64_t kMaxIds = std::numeric_limits<int32_t>::max();
  if (model.context() < 0 || model.context() > kMaxIds)
    return invalid("context: is " + std::to_string(model.context()));
  if (model.vocabulary() < 0 || model.vocabulary() > kMaxIds)
    return invalid("vocabulary: is " + std::to_string(model.vocabulary()));
  if (model.embed_tokens() < 0 || model.embed_tokens() > kMaxIds)
    return invalid("embed_tokens: is " + std::to_string(model.embed_tokens()));
  if (model.page_positions() < 0 || model.page_positions() > 65536)
    return invalid("page_positions: is " +
                   std::to_string(model.page_positions()));
  if (model.pad_id() < -1 || model.pad_id() > kMaxIds)
    return invalid("pad_id: is " + std::to_string(model.pad_id()));
  for (const flatbuffers::Vector<int64_t> *ids :
       {model.bos_ids(), model.eos_ids()}) {
    if (!ids)
      continue;
    LATHE_RETURN_IF_ERROR(spend(ids->size()));
    if (!isAligned(*ids))
      return invalid("bos_ids, eos_ids: are not aligned");
    for (int64_t id : *ids)
      if (id < 0 || id > kMaxIds)
        return invalid("bos_ids, eos_ids: hold " + std::to_string(id));
  }
  return model.chat_templates() ? checkTemplates() : Status::ok();
}

/// Checks that the chat templates are C strings of UTF-8, by their names.
Status ProgramChecker::checkTemplates() {
  where = "model: chat_templates";
  const auto &templates = *program.model()->chat_templates();
  if (templates.size() > kMaxChatTemplates)
    return invalid("there are " + std::to_string(templates.size()) +
                   ", at most " + std::to_string(kMaxChatTemplates) +
                   " are possible");
  LATHE_RETURN_IF_ERROR(checkNames(templates));
  for (const artifact::ChatTemplate *chatTemplate : templates) {
    std::string_view text = chatTemplate->text()->string_view();
    if (text.size() > kMaxChatTemplate || !text::isUtf8(text) ||
        text.find('\0') != text.npos)
      return invalid(quote(*chatTemplate->name()) + ": is longer than " +
                     std::to_string(kMaxChatTemplate) +
                     " bytes, no UTF-8 or has a 0");
  }
  return Status::ok();
}

Status ProgramChecker::checkSymbols() {
  where = "symbols";
  if (program.symbols()->size() > kMaxSymbols)
    return invalid("there are " + std::to_string(program.symbols()->size()) +
                   ", at most " + std::to_string(kMaxSymbols) +
                   " are possible");
  LATHE_RETURN_IF_ERROR(checkNames(*program.symbols()));
  for (const artifact::Symbol *symbol : *program.symbols()) {
    if (symbol->minimum() < 0 || symbol->maximum() < symbol->minimum() ||
        symbol->maximum() > kMaxExtent)
      return invalid(quote(*symbol->name()) + " has the range " +
                     std::to_string(symbol->minimum()) + " to " +
                     std::to_string(symbol->maximum()));
    artifact.ranges.push_back({symbol->minimum(), symbol->maximum()});
  }
  return Status::ok();
}

/// Checks that the symbols of the key-value cache, if there is one, hold the
/// context.
Status ProgramChecker::checkCache() {
  where = "model";
  const artifact::Model &model = *program.model();
  constexpr std::string_view kNames[] = {"slots", "slot_pages", "pages"};
  const artifact::Symbol *symbols[std::size(kNames)] = {};
  for (const artifact::Symbol *symbol : *program.symbols())
    for (size_t i = 0; i < std::size(kNames); ++i)
      if (symbol->name()->string_view() == kNames[i])
        symbols[i] = symbol;
  bool hasCache = std::any_of(std::begin(symbols), std::end(symbols),
                              [](const auto *symbol) { return symbol; });
  if (model.page_positions() == 0 || !hasCache)
    return Status::ok();
  int64_t pages =
      (model.context() + model.page_positions() - 1) / model.page_positions();
  for (size_t i = 0; i < std::size(kNames); ++i) {
    std::string field =
        "page_positions: needs symbol '" + std::string(kNames[i]) + "'";
    if (!symbols[i] || !symbols[i]->fixed_at_load())
      return invalid(field + ", which is not there or not fixed at load");
    int64_t needed = i == 0 ? 1 : pages;
    if (symbols[i]->maximum() < needed)
      return invalid(field + " up to " + std::to_string(needed) +
                     " for a context of " + std::to_string(model.context()) +
                     " positions, but it ends at " +
                     std::to_string(symbols[i]->maximum()));
  }
  return Status::ok();
}

Status ProgramChecker::checkTargets() {
  where = "targets";
  LATHE_RETURN_IF_ERROR(checkNames(*program.targets()));
  for (const artifact::Target *target : *program.targets())
    if (target->section() >= artifact.sectionCount() ||
        artifact.section(target->section()).kind != LATHE_SECTION_CODE)
      return invalid(quote(*target->name()) + ": section " +
                     std::to_string(target->section()) + " is not code");
  return Status::ok();
}

Status ProgramChecker::checkKernels() {
  where = "kernels";
  LATHE_RETURN_IF_ERROR(checkNames(*program.kernels()));
  for (const artifact::Kernel *kernel : *program.kernels()) {
    where = "kernel " + quote(*kernel->name());
    LATHE_RETURN_IF_ERROR(checkKernel(*kernel));
  }
  return Status::ok();
}

Status ProgramChecker::checkKernel(const artifact::Kernel &kernel) {
  LATHE_RETURN_IF_ERROR(
      spend(kernel.scalars()->size() + kernel.code()->size()));
  for (uint32_t symbol : *kernel.scalars())
    if (symbol >= artifact.ranges.size())
      return invalid("scalars: names symbol " + std::to_string(symbol) +
                     " of " + std::to_string(artifact.ranges.size()));
  std::vector<bool> seen(program.targets()->size());
  for (const artifact::KernelCode *code : *kernel.code()) {
    if (code->target() >= seen.size() || seen[code->target()])
      return invalid("code: target " + std::to_string(code->target()) + " of " +
                     std::to_string(seen.size()) +
                     " does not exist or occurs twice");
    seen[code->target()] = true;
    Result<Interval> tiles =
        checkSize(*code->tiles(), "tiles", kMaxExtent, artifact.ranges);
    if (!tiles.isOk())
      return tiles.takeStatus();
    if (code->scratch_bytes() > Artifact::kMaxScratchBytes)
      return invalid("scratch_bytes: is " +
                     std::to_string(code->scratch_bytes()) + ", at most " +
                     std::to_string(Artifact::kMaxScratchBytes) +
                     " are possible");
  }
  return kernel.cost() ? checkCost(*kernel.cost()) : Status::ok();
}

Status ProgramChecker::checkCost(const artifact::KernelCost &cost) {
  uint32_t operands = cost.reads()->size();
  uint32_t pairCount = cost.pairs() ? cost.pairs()->size() : 0;
  LATHE_RETURN_IF_ERROR(
      spend(size_t(operands) + cost.writes()->size() + pairCount));
  if (cost.writes()->size() != operands)
    return invalid("cost: has " + std::to_string(operands) + " reads and " +
                   std::to_string(cost.writes()->size()) + " writes");
  if (cost.arithmetic() > artifact::Arithmetic_MAX)
    return invalid("cost: arithmetic " + std::to_string(cost.arithmetic()) +
                   " is unknown");
  Result<Interval> flops =
      checkSize(*cost.flops(), "cost: flops", kMaxFlops, artifact.ranges);
  if (!flops.isOk())
    return flops.takeStatus();
  for (const auto *list : {cost.reads(), cost.writes()})
    for (const artifact::Expression *expression : *list) {
      Result<Interval> bytes = checkSize(
          *expression, list == cost.reads() ? "cost: reads" : "cost: writes",
          Artifact::kMaxBufferBytes, artifact.ranges);
      if (!bytes.isOk())
        return bytes.takeStatus();
    }
  for (uint32_t i = 0; i < pairCount; ++i)
    LATHE_RETURN_IF_ERROR(checkPairs(*cost.pairs()->Get(i), operands));
  return Status::ok();
}

Status ProgramChecker::checkPairs(const artifact::PairCost &pairs,
                                  uint32_t operands) {
  if (pairs.kind() > artifact::PairKind_MAX)
    return invalid("cost: pairs: kind " + std::to_string(pairs.kind()) +
                   " is unknown");
  for (uint32_t operand :
       {pairs.sequences(), pairs.positions(), pairs.keys(), pairs.values()})
    if (operand >= operands)
      return invalid("cost: pairs: names operand " + std::to_string(operand) +
                     " of " + std::to_string(operands));
  for (int64_t number :
       {pairs.window(), pairs.flops(), pairs.key_bytes(), pairs.value_bytes()})
    if (number < 0 || number > kMaxExtent)
      return invalid("cost: pairs: holds " + std::to_string(number) +
                     ", expected 0 to " + std::to_string(kMaxExtent));
  return Status::ok();
}

Status ProgramChecker::checkType(const artifact::TensorType &type) {
  uint64_t element = elementBytes(type.element());
  if (element == 0)
    return invalid("type: element " + std::to_string(type.element()) +
                   " is unknown");
  if (type.dims()->size() > kMaxRank)
    return invalid("type: has " + std::to_string(type.dims()->size()) +
                   " dimensions, at most " + std::to_string(kMaxRank) +
                   " are possible");
  uint64_t bytes = element;
  for (const artifact::Expression *dim : *type.dims()) {
    Result<Interval> bounds =
        checkSize(*dim, "type", kMaxExtent, artifact.ranges);
    if (!bounds.isOk())
      return bounds.takeStatus();
    // Both factors are at most 2^44 and 2^40, but their product may not fit.
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(bounds->maximum),
                               &bytes) ||
        bytes > Artifact::kMaxBufferBytes)
      return invalid("type: can exceed " +
                     std::to_string(Artifact::kMaxBufferBytes) + " bytes");
  }
  return Status::ok();
}

Status ProgramChecker::checkBuffer(const artifact::Buffer &buffer) {
  LATHE_RETURN_IF_ERROR(checkType(*buffer.type()));
  Result<Interval> bytes = checkSize(
      *buffer.bytes(), "bytes", Artifact::kMaxBufferBytes, artifact.ranges);
  return bytes.isOk() ? Status::ok() : bytes.takeStatus();
}

Status ProgramChecker::checkWeights() {
  where = "weights";
  LATHE_RETURN_IF_ERROR(checkNames(*program.weights()));
  for (const artifact::Buffer *weight : *program.weights()) {
    where = "weight " + quote(*weight->name());
    LATHE_RETURN_IF_ERROR(checkBuffer(*weight));
    if (weight->kind() != BufferKind::BufferKind_Weight)
      return invalid("kind: is " + std::to_string(weight->kind()));
    // No symbols are given, so one that names any is refused.
    Result<Interval> bytes =
        checkSize(*weight->bytes(), "bytes", Artifact::kMaxBufferBytes, {});
    if (!bytes.isOk())
      return bytes.takeStatus();
    if (weight->section() >= artifact.sectionCount() ||
        artifact.section(weight->section()).kind != LATHE_SECTION_WEIGHTS)
      return invalid("section " + std::to_string(weight->section()) +
                     " does not hold weights");
    uint64_t size = static_cast<uint64_t>(bytes->maximum);
    uint64_t length = artifact.section(weight->section()).length;
    if (weight->offset() % kBufferAlignment != 0 || weight->offset() > length ||
        size > length - weight->offset())
      return invalid("offset: " + std::to_string(size) + " bytes at " +
                     std::to_string(weight->offset()) +
                     " are not aligned or not inside a section of " +
                     std::to_string(length));
    artifact.weightSizes.push_back(size);
  }
  return Status::ok();
}

Status ProgramChecker::checkStates() {
  where = "states";
  LATHE_RETURN_IF_ERROR(checkNames(*program.states()));
  for (const artifact::Buffer *state : *program.states()) {
    where = "state " + quote(*state->name());
    LATHE_RETURN_IF_ERROR(checkBuffer(*state));
    if (state->kind() != BufferKind::BufferKind_State)
      return invalid("kind: is " + std::to_string(state->kind()));
    const flatbuffers::Vector<int64_t> &code = *state->bytes()->code();
    for (flatbuffers::uoffset_t i = 0; i < code.size(); i += 2) {
      if (code.Get(i) != static_cast<int64_t>(Opcode::PushSymbol))
        continue;
      // boundExpression showed that the symbol exists.
      const artifact::Symbol &symbol = *program.symbols()->Get(
          static_cast<flatbuffers::uoffset_t>(code.Get(i + 1)));
      if (!symbol.fixed_at_load())
        return invalid("bytes: depends on symbol " + quote(*symbol.name()) +
                       ", which each call sets");
    }
  }
  return Status::ok();
}
