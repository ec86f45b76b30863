//===- ProgramCheckerEntries.cpp - Checks entries and commands ------------===//

#include "runtime/ProgramChecker.h"

#include "runtime/ProgramTables.h"

#include <algorithm>

using namespace lathe::runtime;
using lathe::artifact::BufferKind;
using lathe::artifact::ElementType;

static bool sameCode(const lathe::artifact::Expression &lhs,
                     const lathe::artifact::Expression &rhs) {
  return std::equal(lhs.code()->begin(), lhs.code()->end(), rhs.code()->begin(),
                    rhs.code()->end());
}

Status ProgramChecker::checkEntry(size_t index) {
  const artifact::Entry &entry =
      *program.entries()->Get(static_cast<flatbuffers::uoffset_t>(index));
  const std::string prefix = "entry " + quote(*entry.name());
  where = prefix + ": buffers";
  LATHE_RETURN_IF_ERROR(checkBuffers(index));
  where = prefix + ": bindings";
  LATHE_RETURN_IF_ERROR(checkBindings(entry));
  where = prefix;
  LATHE_RETURN_IF_ERROR(checkVocabulary(entry));
  where = prefix + ": commands";
  LATHE_RETURN_IF_ERROR(checkCommands(entry));
  where = prefix;
  LATHE_RETURN_IF_ERROR(checkPlans(entry));
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

/// Checks that the tables of `tokens`, and what a step chooses from, have the
/// model's vocabulary.
Status ProgramChecker::checkVocabulary(const artifact::Entry &entry) {
  const int64_t vocabulary = program.model()->vocabulary();
  if (vocabulary == 0)
    return Status::ok();
  for (const artifact::Binding *input : *entry.inputs()) {
    if (input->name()->string_view() != "tokens" || !input->limit())
      continue;
    Interval limit = *boundExpression(*input->limit(), artifact.ranges);
    if (limit.minimum != vocabulary || limit.maximum != vocabulary)
      return invalid(
          "input 'tokens': limit: can be " + std::to_string(limit.minimum) +
          " to " + std::to_string(limit.maximum) +
          ", but the model's vocabulary is " + std::to_string(vocabulary));
  }
  if (entry.name()->string_view() != "step")
    return Status::ok();
  for (const artifact::Binding *output : *entry.outputs()) {
    const auto &dims = *entry.buffers()->Get(output->buffer())->type()->dims();
    if (dims.size() != 2)
      continue;
    Interval width = *boundExpression(*dims.Get(1), artifact.ranges);
    if (width.minimum != vocabulary || width.maximum != vocabulary)
      return invalid("output " + quote(*output->name()) + ": has " +
                     std::to_string(width.maximum) +
                     " columns, but the model's vocabulary is " +
                     std::to_string(vocabulary));
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
  bool isChosen = launch.variants()->size() > 1 || launch.skipped_to() >= 0;
  if (artifact.ranges.empty() && isChosen)
    return invalid("variants, skipped_to: choose by a symbol, but there is "
                   "none");
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
  if (launch.skipped_to() < -1 || launch.skipped_to() >= previous->maximum())
    return invalid("skipped_to: is " + std::to_string(launch.skipped_to()) +
                   ", but the last variant ends at " +
                   std::to_string(previous->maximum()));
  for (uint32_t operand : *launch.operands())
    if (operand >= entry.buffers()->size())
      return invalid("operands: names buffer " + std::to_string(operand) +
                     " of " + std::to_string(entry.buffers()->size()));
  return checkLaunchCosts(entry, launch);
}

/// The operand that says where the tokens of \p pairs are.
static uint32_t placesOf(const lathe::artifact::PairCost &pairs) {
  return pairs.kind() == lathe::artifact::PairKind_Cached ? pairs.positions()
                                                          : pairs.sequences();
}

Status ProgramChecker::checkLaunchCosts(const artifact::Entry &entry,
                                        const artifact::Launch &launch) {
  const flatbuffers::Vector<uint32_t> &operands = *launch.operands();
  for (const artifact::Variant *variant : *launch.variants()) {
    const artifact::Kernel &kernel = *program.kernels()->Get(variant->kernel());
    const artifact::KernelCost *cost = kernel.cost();
    if (!cost)
      continue;
    if (cost->reads()->size() != operands.size())
      return invalid("operands: are " + std::to_string(operands.size()) +
                     ", but the cost of kernel " + quote(*kernel.name()) +
                     " is of " + std::to_string(cost->reads()->size()));
    if (!cost->pairs())
      continue;
    LATHE_RETURN_IF_ERROR(spend(cost->pairs()->size()));
    for (const artifact::PairCost *pairs : *cost->pairs())
      for (uint32_t operand : {pairs->sequences(), placesOf(*pairs)})
        if (entry.buffers()->Get(operands.Get(operand))->type()->element() !=
            ElementType::ElementType_I32)
          return invalid("operands: the cost of kernel " +
                         quote(*kernel.name()) + " reads operand " +
                         std::to_string(operand) + ", which is not of I32");
  }
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
