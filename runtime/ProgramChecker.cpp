//===- ProgramChecker.cpp - Checks what a program says --------------------===//
//
// The run loop indexes, adds and copies without looking; this is where each of
// those is shown to be in bounds, for every value that the symbols can have.
//
//===----------------------------------------------------------------------===//

#include "runtime/ProgramChecker.h"

#include "runtime/abi/KernelAbi.h"
#include "runtime/schema/artifact_generated.h"

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
/// Largest value of a symbol, dimension or number of tiles.
static constexpr int64_t kMaxExtent = int64_t(1) << 40;

static std::string quote(const flatbuffers::String &name) {
  return "'" + name.str() + "'";
}

/// Size of an element in bytes; 0 for a value that is no type.
static uint64_t elementBytes(ElementType type) {
  switch (type) {
  case ElementType::ElementType_I8:
  case ElementType::ElementType_U8:
    return 1;
  case ElementType::ElementType_F16:
  case ElementType::ElementType_BF16:
    return 2;
  case ElementType::ElementType_F32:
  case ElementType::ElementType_I32:
    return 4;
  case ElementType::ElementType_F64:
  case ElementType::ElementType_I64:
    return 8;
  }
  return 0;
}

/// True if the numbers of \p list can be read in place: the FlatBuffers
/// verifier looks at the alignment of the list's length only.
template <typename T>
static bool isAligned(const flatbuffers::Vector<T> &list) {
  return list.size() == 0 ||
         reinterpret_cast<uintptr_t>(list.Data()) % alignof(T) == 0;
}

static bool sameCode(const lathe::artifact::Expression &lhs,
                     const lathe::artifact::Expression &rhs) {
  return std::equal(lhs.code()->begin(), lhs.code()->end(), rhs.code()->begin(),
                    rhs.code()->end());
}

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

template <typename Tables>
Status ProgramChecker::checkNames(const Tables &tables) {
  LATHE_RETURN_IF_ERROR(spend(tables.size()));
  std::vector<std::string_view> names;
  names.reserve(tables.size());
  for (const auto *table : tables) {
    std::string_view name = table->name()->string_view();
    // Names go into messages and C strings.
    bool isPlain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return c >= 0x20 && c != 0x7f;
    });
    if (name.empty() || name.size() > 1024 || !isPlain)
      return invalid("a name is empty, longer than 1024 bytes or has control "
                     "characters");
    names.push_back(name);
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

Status ProgramChecker::checkEntry(size_t index) {
  const artifact::Entry &entry =
      *program.entries()->Get(static_cast<flatbuffers::uoffset_t>(index));
  const std::string prefix = "entry " + quote(*entry.name());
  where = prefix + ": buffers";
  LATHE_RETURN_IF_ERROR(checkBuffers(index));
  where = prefix + ": bindings";
  LATHE_RETURN_IF_ERROR(checkBindings(entry));
  where = prefix + ": plans";
  LATHE_RETURN_IF_ERROR(checkPlans(entry));
  where = prefix + ": commands";
  LATHE_RETURN_IF_ERROR(checkCommands(entry));
  where = prefix + ": peak";
  if (!entry.peak())
    return Status::ok();
  Result<Interval> peak = checkSize(*entry.peak(), "bytes",
                                    Artifact::kMaxBufferBytes, artifact.ranges);
  if (!peak.isOk())
    return peak.takeStatus();
  return Status::ok();
}

/// Names of a list of tables with their indices, sorted by name.
template <typename Tables>
static std::vector<std::pair<std::string_view, uint32_t>>
sortedNames(const Tables &tables) {
  std::vector<std::pair<std::string_view, uint32_t>> names;
  names.reserve(tables.size());
  for (const auto *table : tables)
    names.emplace_back(table->name()->string_view(), names.size());
  std::sort(names.begin(), names.end());
  return names;
}

Status ProgramChecker::checkBuffers(size_t index) {
  const artifact::Entry &entry =
      *program.entries()->Get(static_cast<flatbuffers::uoffset_t>(index));
  LATHE_RETURN_IF_ERROR(checkNames(*entry.buffers()));
  // The lists are sorted anew for each entry, so they count for each.
  LATHE_RETURN_IF_ERROR(
      spend(program.weights()->size() + program.states()->size()));
  auto weights = sortedNames(*program.weights());
  auto states = sortedNames(*program.states());
  const std::string prefix = where;
  for (const artifact::Buffer *buffer : *entry.buffers()) {
    where = prefix + ": " + quote(*buffer->name());
    LATHE_RETURN_IF_ERROR(checkBuffer(*buffer));
    uint32_t global = 0;
    bool isWeight = buffer->kind() == BufferKind::BufferKind_Weight;
    if (isWeight || buffer->kind() == BufferKind::BufferKind_State) {
      auto &names = isWeight ? weights : states;
      std::string_view name = buffer->name()->string_view();
      auto found = std::lower_bound(names.begin(), names.end(), name,
                                    [](const auto &lhs, std::string_view rhs) {
                                      return lhs.first < rhs;
                                    });
      if (found == names.end() || found->first != name)
        return invalid("is no weight or state of the program");
      global = found->second;
      const artifact::Buffer &definition =
          *(isWeight ? program.weights() : program.states())->Get(global);
      if (!sameCode(*definition.bytes(), *buffer->bytes()))
        return invalid("bytes: differs from the program's");
    } else if (buffer->kind() > BufferKind::BufferKind_State) {
      return invalid("kind: is " + std::to_string(buffer->kind()));
    }
    artifact.globals[index].push_back(global);
  }
  where = prefix;
  return Status::ok();
}

Status ProgramChecker::checkBindings(const artifact::Entry &entry) {
  LATHE_RETURN_IF_ERROR(checkNames(*entry.inputs()));
  LATHE_RETURN_IF_ERROR(checkNames(*entry.outputs()));
  const artifact::BufferKind kinds[] = {BufferKind::BufferKind_Input,
                                        BufferKind::BufferKind_Output};
  std::vector<bool> bound(entry.buffers()->size());
  size_t side = 0;
  for (const auto *bindings : {entry.inputs(), entry.outputs()}) {
    BufferKind kind = kinds[side++];
    for (const artifact::Binding *binding : *bindings) {
      uint32_t buffer = binding->buffer();
      if (buffer >= bound.size() || bound[buffer] ||
          entry.buffers()->Get(buffer)->kind() != kind)
        return invalid(quote(*binding->name()) + ": buffer " +
                       std::to_string(buffer) + " of " +
                       std::to_string(bound.size()) +
                       " is not there, not of this kind or bound twice");
      bound[buffer] = true;
      if (!binding->limit())
        continue;
      ElementType element = entry.buffers()->Get(buffer)->type()->element();
      if (element != ElementType::ElementType_I32 &&
          element != ElementType::ElementType_I64)
        return invalid(quote(*binding->name()) +
                       ": limit: only I32 and I64 inputs have one");
      Result<Interval> limit =
          checkSize(*binding->limit(), quote(*binding->name()) + ": limit",
                    uint64_t(kMaxExtent), artifact.ranges);
      if (!limit.isOk())
        return limit.takeStatus();
    }
  }
  for (flatbuffers::uoffset_t i = 0; i < bound.size(); ++i) {
    BufferKind kind = entry.buffers()->Get(i)->kind();
    if (!bound[i] && (kind == kinds[0] || kind == kinds[1]))
      return invalid(quote(*entry.buffers()->Get(i)->name()) +
                     " is an input or output without a binding");
  }
  return Status::ok();
}

Status ProgramChecker::checkPlans(const artifact::Entry &entry) {
  if (entry.plans()->size() == 0)
    return invalid("there is none");
  const artifact::Plan *previous = nullptr;
  for (const artifact::Plan *plan : *entry.plans()) {
    LATHE_RETURN_IF_ERROR(checkPlan(entry, *plan));
    for (flatbuffers::uoffset_t i = 0; previous && i < plan->bounds()->size();
         ++i)
      if (plan->bounds()->Get(i) < previous->bounds()->Get(i))
        return invalid("bounds: are not ascending from plan to plan");
    previous = plan;
  }
  for (flatbuffers::uoffset_t i = 0; i < artifact.ranges.size(); ++i)
    if (previous->bounds()->Get(i) < artifact.ranges[i].maximum)
      return invalid("bounds: the last plan ends at " +
                     std::to_string(previous->bounds()->Get(i)) +
                     " of symbol " + quote(*program.symbols()->Get(i)->name()) +
                     ", which goes up to " +
                     std::to_string(artifact.ranges[i].maximum));
  return Status::ok();
}

Status ProgramChecker::checkPlan(const artifact::Entry &entry,
                                 const artifact::Plan &plan) {
  LATHE_RETURN_IF_ERROR(spend(plan.bounds()->size() + plan.offsets()->size()));
  if (plan.bounds()->size() != artifact.ranges.size() ||
      plan.offsets()->size() != entry.buffers()->size())
    return invalid("has " + std::to_string(plan.bounds()->size()) +
                   " bounds and " + std::to_string(plan.offsets()->size()) +
                   " offsets for " + std::to_string(artifact.ranges.size()) +
                   " symbols and " + std::to_string(entry.buffers()->size()) +
                   " buffers");
  if (!isAligned(*plan.bounds()) || !isAligned(*plan.offsets()))
    return invalid("bounds, offsets: are not aligned");
  if (plan.arena_bytes() > Artifact::kMaxBufferBytes)
    return invalid("arena_bytes: is " + std::to_string(plan.arena_bytes()));

  std::vector<Interval> ranges = artifact.ranges;
  for (flatbuffers::uoffset_t i = 0; i < ranges.size(); ++i) {
    int64_t bound = plan.bounds()->Get(i);
    if (bound < ranges[i].minimum)
      return invalid("bounds: " + std::to_string(bound) + " is below symbol " +
                     quote(*program.symbols()->Get(i)->name()));
    ranges[i].maximum = std::min(ranges[i].maximum, bound);
  }
  for (flatbuffers::uoffset_t i = 0; i < plan.offsets()->size(); ++i) {
    const artifact::Buffer &buffer = *entry.buffers()->Get(i);
    uint64_t offset = plan.offsets()->Get(i);
    if (buffer.kind() != BufferKind::BufferKind_Temporary) {
      if (offset != 0)
        return invalid("offsets: " + quote(*buffer.name()) +
                       " is not in the arena, but has the offset " +
                       std::to_string(offset));
      continue;
    }
    Result<Interval> bytes =
        checkSize(*buffer.bytes(), "bytes", Artifact::kMaxBufferBytes, ranges);
    if (!bytes.isOk())
      return bytes.takeStatus();
    uint64_t size = static_cast<uint64_t>(bytes->maximum);
    if (offset % kBufferAlignment != 0 || offset > plan.arena_bytes() ||
        size > plan.arena_bytes() - offset)
      return invalid("offsets: " + quote(*buffer.name()) + ", " +
                     std::to_string(size) + " bytes at " +
                     std::to_string(offset) +
                     ", is not aligned or not inside an arena of " +
                     std::to_string(plan.arena_bytes()));
  }
  return Status::ok();
}

Status ProgramChecker::checkCommands(const artifact::Entry &entry) {
  LATHE_RETURN_IF_ERROR(spend(entry.commands()->size()));
  const std::string prefix = where;
  size_t index = 0;
  for (const artifact::Command *command : *entry.commands()) {
    where = prefix + ": " + std::to_string(index++);
    Status status = invalid(
        "action: " + std::to_string(command->action_type()) + " is unknown");
    if (const artifact::Launch *launch = command->action_as_Launch())
      status = checkLaunch(entry, *launch);
    else if (const artifact::Copy *copy = command->action_as_Copy())
      status = checkCopy(entry, *copy);
    else if (const artifact::Fill *fill = command->action_as_Fill())
      status = checkFill(entry, *fill);
    LATHE_RETURN_IF_ERROR(std::move(status));
  }
  return Status::ok();
}

Status ProgramChecker::checkLaunch(const artifact::Entry &entry,
                                   const artifact::Launch &launch) {
  LATHE_RETURN_IF_ERROR(
      spend(launch.variants()->size() + launch.operands()->size()));
  if (launch.variants()->size() == 0)
    return invalid("variants: there is none");
  const artifact::Variant *previous = nullptr;
  // A program without symbols can still launch: nothing reads a last bound.
  size_t symbols = std::max<size_t>(artifact.ranges.size(), 1);
  for (const artifact::Variant *variant : *launch.variants()) {
    if (variant->symbol() >= symbols ||
        variant->kernel() >= program.kernels()->size())
      return invalid("variants: names symbol " +
                     std::to_string(variant->symbol()) + " and kernel " +
                     std::to_string(variant->kernel()));
    if (previous && (previous->symbol() != variant->symbol() ||
                     previous->maximum() >= variant->maximum()))
      return invalid("variants: are not ascending in one symbol");
    previous = variant;
  }
  int64_t largest = artifact.ranges.empty()
                        ? previous->maximum()
                        : artifact.ranges[previous->symbol()].maximum;
  if (previous->maximum() < largest)
    return invalid("variants: the last one ends at " +
                   std::to_string(previous->maximum()) +
                   ", but its symbol goes up to " + std::to_string(largest));
  for (uint32_t operand : *launch.operands())
    if (operand >= entry.buffers()->size())
      return invalid("operands: names buffer " + std::to_string(operand) +
                     " of " + std::to_string(entry.buffers()->size()));
  return Status::ok();
}

/// True if commands may write to buffers of this kind.
static bool isWritable(BufferKind kind) {
  return kind != BufferKind::BufferKind_Weight &&
         kind != BufferKind::BufferKind_Input;
}

Status ProgramChecker::checkCopy(const artifact::Entry &entry,
                                 const artifact::Copy &copy) {
  size_t count = entry.buffers()->size();
  if (copy.source() >= count || copy.target() >= count)
    return invalid("copies buffer " + std::to_string(copy.source()) + " to " +
                   std::to_string(copy.target()) + " of " +
                   std::to_string(count));
  const artifact::Buffer &target = *entry.buffers()->Get(copy.target());
  const artifact::Buffer &source = *entry.buffers()->Get(copy.source());
  if (!isWritable(target.kind()))
    return invalid("target: " + quote(*target.name()) + " is read-only");
  // Equal for all symbols, without proving more than is needed.
  if (!sameCode(*source.bytes(), *target.bytes()))
    return invalid("copies " + quote(*source.name()) + " to " +
                   quote(*target.name()) + " of another size");
  return Status::ok();
}

Status ProgramChecker::checkFill(const artifact::Entry &entry,
                                 const artifact::Fill &fill) {
  if (fill.target() >= entry.buffers()->size())
    return invalid("fills buffer " + std::to_string(fill.target()) + " of " +
                   std::to_string(entry.buffers()->size()));
  const artifact::Buffer &target = *entry.buffers()->Get(fill.target());
  if (!isWritable(target.kind()))
    return invalid("target: " + quote(*target.name()) + " is read-only");
  return Status::ok();
}
