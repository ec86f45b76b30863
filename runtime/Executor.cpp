//===- Executor.cpp - Runs the commands of an entry -----------------------===//
//
// Nothing here checks an index or a size: ProgramChecker did, for all values
// that the symbols can have.
//
//===----------------------------------------------------------------------===//

#include "runtime/Executor.h"

#include "runtime/schema/artifact_generated.h"

#include <algorithm>
#include <chrono>

using namespace lathe::runtime;

static const lathe::artifact::Entry &entryOf(const Model &model, size_t entry) {
  return *model.program().entries()->Get(
      static_cast<flatbuffers::uoffset_t>(entry));
}

Executor::Executor(const Model &model, size_t entry)
    : model(&model), entry(entry) {
  uint32_t index = 0;
  size_t longest = 0;
  for (const artifact::Command *source : *entryOf(model, entry).commands()) {
    Command command = {};
    command.index = index++;
    command.firstOperand = static_cast<uint32_t>(operands.size());
    if (const artifact::Launch *launch = source->action_as_Launch()) {
      command.kind = Command::Kind::Launch;
      command.firstVariant = static_cast<uint32_t>(variants.size());
      command.variantCount = launch->variants()->size();
      command.skippedTo = launch->skipped_to();
      for (const artifact::Variant *variant : *launch->variants()) {
        variants.push_back(
            {variant->symbol(), variant->maximum(), variant->kernel()});
        longest = std::max<size_t>(longest, model.program()
                                                .kernels()
                                                ->Get(variant->kernel())
                                                ->scalars()
                                                ->size());
      }
      operands.insert(operands.end(), launch->operands()->begin(),
                      launch->operands()->end());
    } else if (const artifact::Copy *copy = source->action_as_Copy()) {
      command.kind = Command::Kind::Copy;
      operands.insert(operands.end(), {copy->target(), copy->source()});
    } else {
      const artifact::Fill *fill = source->action_as_Fill();
      command.kind = Command::Kind::Fill;
      command.value = fill->value();
      operands.push_back(fill->target());
    }
    command.operandCount =
        static_cast<uint32_t>(operands.size()) - command.firstOperand;
    commands.push_back(command);
  }
  addresses.resize(operands.size());
  scalars.resize(longest);
}

size_t Executor::choosePlan(std::span<const int64_t> symbols) const {
  const auto &plans = *entryOf(*model, entry).plans();
  for (flatbuffers::uoffset_t i = 0; i + 1 < plans.size(); ++i) {
    const flatbuffers::Vector<int64_t> &bounds = *plans.Get(i)->bounds();
    if (std::equal(symbols.begin(), symbols.end(), bounds.begin(),
                   [](int64_t value, int64_t bound) { return value <= bound; }))
      return i;
  }
  return plans.size() - 1;
}

void Executor::placeOperands(size_t plan, const CallMemory &memory) {
  if (plan == placedPlan && memory.arena == placedArena)
    return;
  const flatbuffers::Vector<uint64_t> &offsets =
      *entryOf(*model, entry)
           .plans()
           ->Get(static_cast<flatbuffers::uoffset_t>(plan))
           ->offsets();
  for (size_t i = 0; i < operands.size(); ++i) {
    std::byte *fixed = memory.fixed[operands[i]];
    addresses[i] = fixed ? fixed : memory.arena + offsets.Get(operands[i]);
  }
  placedPlan = plan;
  placedArena = memory.arena;
}

Status Executor::runLaunch(const Command &command,
                           std::span<const int64_t> symbols,
                           const CallMemory &memory, const LaunchScope &scope,
                           const LaunchObserver &observer) {
  const Variant *variant = &variants[command.firstVariant];
  const Variant *last = variant + command.variantCount - 1;
  if (command.skippedTo >= 0 && symbols[variant->symbol] <= command.skippedTo)
    return Status::ok();
  while (variant != last && symbols[variant->symbol] > variant->maximum)
    ++variant;

  const artifact::Kernel &kernel =
      *model->program().kernels()->Get(variant->kernel);
  const artifact::KernelCode &code = *kernel.code()->Get(
      static_cast<flatbuffers::uoffset_t>(model->codeIndex(variant->kernel)));
  size_t count = 0;
  for (uint32_t symbol : *kernel.scalars())
    scalars[count++] = symbols[symbol];

  LaunchArguments arguments = {};
  arguments.kernel = variant->kernel;
  arguments.buffers = addresses.data() + command.firstOperand;
  arguments.scalars = scalars.data();
  arguments.tiles = evaluateExpression(*code.tiles(), symbols);
  arguments.scratch = memory.scratch;
  arguments.scratchStride = memory.scratchStride;
  arguments.launch = ++*memory.launches;
  if (!observer.function)
    return model->device().launch(model->code(), arguments, scope);

  using Clock = std::chrono::steady_clock;
  LaunchEvent event = {
      false,
      entry,
      command.index,
      variant->kernel,
      arguments.tiles,
      0,
      arguments.buffers,
      std::span(operands).subspan(command.firstOperand, command.operandCount),
      symbols,
      {}};
  observer.function(observer.user, event);
  Clock::time_point start = Clock::now();
  LATHE_RETURN_IF_ERROR(
      model->device().launch(model->code(), arguments, scope));
  LATHE_RETURN_IF_ERROR(model->device().synchronize());
  event.nanoseconds = static_cast<uint64_t>(
      std::chrono::nanoseconds(Clock::now() - start).count());
  event.finished = true;
  if (scope.times)
    event.workers = {scope.times, scope.pool->workers()};
  observer.function(observer.user, event);
  return Status::ok();
}

/// \p status with the entry and command before its message.
static Status atCommand(const Model &model, size_t entry, uint32_t command,
                        Status status) {
  const lathe::artifact::Entry &table = entryOf(model, entry);
  std::string place = model.artifact().name() + ": entry '" +
                      table.name()->str() + "': command " +
                      std::to_string(command);
  if (const auto *launch = table.commands()->Get(command)->action_as_Launch())
    place += " ('" + launch->name()->str() + "')";
  return Status::error(status.code(), place + ": " + status.message());
}

Status Executor::run(size_t plan, std::span<const int64_t> symbols,
                     const CallMemory &memory, const LaunchScope &scope,
                     const LaunchObserver &observer) {
  placeOperands(plan, memory);
  const Device &device = model->device();
  const auto &buffers = *entryOf(*model, entry).buffers();
  for (const Command &command : commands) {
    Status status;
    if (command.kind == Command::Kind::Launch) {
      status = runLaunch(command, symbols, memory, scope, observer);
    } else {
      std::byte *target =
          static_cast<std::byte *>(addresses[command.firstOperand]);
      size_t bytes = static_cast<size_t>(evaluateExpression(
          *buffers.Get(operands[command.firstOperand])->bytes(), symbols));
      if (command.kind == Command::Kind::Copy)
        status = device.copy(
            target,
            static_cast<std::byte *>(addresses[command.firstOperand + 1]),
            bytes, scope);
      else
        status = device.fill(target, command.value, bytes, scope);
    }
    if (!status.isOk())
      return atCommand(*model, entry, command.index, std::move(status));
  }
  return device.synchronize();
}
