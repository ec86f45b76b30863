//===- Context.cpp - States, buffers and threads of one user --------------===//

#include "runtime/ContextEntry.h"
#include "runtime/abi/KernelAbi.h"

#include <algorithm>
#include <cstring>

using namespace lathe::runtime;
using lathe::artifact::BufferKind;
namespace artifact = lathe::artifact;

Context::~Context() = default;

/// Most bytes that \p buffer can need with symbols in \p ranges.
static size_t largestBytes(const artifact::Buffer &buffer,
                           std::span<const Interval> ranges) {
  int64_t elements = 1;
  for (const artifact::Expression *dim : *buffer.type()->dims())
    elements *= boundExpression(*dim, ranges)->maximum;
  size_t bytes =
      static_cast<size_t>(elements) * elementBytes(buffer.type()->element());
  return std::max(
      bytes,
      static_cast<size_t>(boundExpression(*buffer.bytes(), ranges)->maximum));
}

Result<std::unique_ptr<Context>>
Context::create(std::shared_ptr<const Model> model,
                const ContextOptions &options) {
  if (!model->isRunnable())
    return invalidArgument(model->artifact().name() +
                           ": was opened to look inside only (open it without "
                           "inspect_only)");
  std::unique_ptr<Context> context(new Context());
  context->shared = std::move(model);
  Status status = context->chooseSymbols(options);
  if (status.isOk())
    status = context->allocate();
  if (!status.isOk())
    return Status::error(status.code(), context->shared->artifact().name() +
                                            ": " + status.message());
  Result<std::unique_ptr<ThreadPool>> pool =
      ThreadPool::create(options.threads, options.hostPool);
  if (!pool.isOk())
    return pool.takeStatus();
  context->threads = std::move(*pool);
  size_t stride =
      LATHE_SCRATCH_HEADER + (context->shared->scratchBytes() + 63) / 64 * 64;
  Result<std::unique_ptr<DeviceMemory>> scratch =
      context->shared->device().allocate(stride * context->threads->workers(),
                                         "scratch");
  if (!scratch.isOk())
    return scratch.takeStatus();
  context->scratch = std::move(*scratch);
  context->scratchStride = stride;
  return context;
}

/// Makes states, arena, and the places of inputs and outputs.
Status Context::allocate() {
  const artifact::Program &program = shared->program();
  const Device &device = shared->device();
  for (const artifact::Buffer *buffer : *program.states()) {
    size_t bytes = largestBytes(*buffer, ranges);
    Result<std::unique_ptr<DeviceMemory>> memory =
        device.allocate(bytes, "state");
    if (!memory.isOk())
      return memory.takeStatus();
    states.push_back(std::move(*memory));
    stateBytes.push_back(bytes);
  }

  uint64_t arenaBytes = 0;
  for (const artifact::Entry *entry : *program.entries())
    for (const artifact::Plan *plan : *entry->plans())
      arenaBytes = std::max(arenaBytes, plan->arena_bytes());
  Result<std::unique_ptr<DeviceMemory>> memory =
      device.allocate(arenaBytes, "arena");
  if (!memory.isOk())
    return memory.takeStatus();
  arena = std::move(*memory);

  for (size_t i = 0; i < program.entries()->size(); ++i)
    LATHE_RETURN_IF_ERROR(addEntry(i));
  return Status::ok();
}

Status Context::addEntry(size_t index) {
  const artifact::Entry &entry = *shared->program().entries()->Get(
      static_cast<flatbuffers::uoffset_t>(index));
  std::unique_ptr<EntryState> state =
      std::make_unique<EntryState>(*shared, index);
  state->entry = &entry;
  state->symbols = symbols;
  state->needed = neededSymbols(*shared, entry);
  state->fixed.resize(entry.buffers()->size());
  for (size_t i = 0; i < state->fixed.size(); ++i) {
    BufferKind kind =
        entry.buffers()->Get(static_cast<flatbuffers::uoffset_t>(i))->kind();
    uint32_t global = shared->artifact().globalIndex(index, i);
    // Kernels take one kind of pointer; the mapping itself is read-only.
    if (kind == artifact::BufferKind_Weight)
      state->fixed[i] = const_cast<std::byte *>(shared->weight(global));
    if (kind == artifact::BufferKind_State)
      state->fixed[i] = states[global]->data();
  }
  for (auto [bindings, ports] : {std::pair(entry.inputs(), &state->inputs),
                                 std::pair(entry.outputs(), &state->outputs)})
    for (const artifact::Binding *binding : *bindings) {
      Port port;
      port.binding = binding;
      port.buffer = entry.buffers()->Get(binding->buffer());
      for (const artifact::Expression *dim : *port.buffer->type()->dims())
        port.names.push_back(symbolOfExpression(*dim));
      Result<std::unique_ptr<DeviceMemory>> memory = shared->device().allocate(
          largestBytes(*port.buffer, ranges), "inputs and outputs");
      if (!memory.isOk())
        return memory.takeStatus();
      port.memory = std::move(*memory);
      state->fixed[binding->buffer()] = port.memory->data();
      ports->push_back(std::move(port));
    }
  entries.push_back(std::move(state));
  return Status::ok();
}

Result<TensorView> Context::mapInput(size_t entry, size_t input,
                                     std::span<const int64_t> dims) {
  if (entry >= entries.size() || input >= entries[entry]->inputs.size())
    return invalidArgument("entry " + std::to_string(entry) + " has no input " +
                           std::to_string(input));
  EntryState &state = *entries[entry];
  Port &port = state.inputs[input];
  const auto &expected = *port.buffer->type()->dims();
  if (dims.size() != expected.size())
    return invalidArgument(placeOfInput(*shared, *state.entry, *port.binding) +
                           "has " + std::to_string(dims.size()) +
                           " dimensions, expected " +
                           std::to_string(expected.size()));
  for (size_t i = 0; i < dims.size(); ++i) {
    Interval range = *boundExpression(
        *expected.Get(static_cast<flatbuffers::uoffset_t>(i)), ranges);
    if (dims[i] < range.minimum || dims[i] > range.maximum)
      return invalidArgument(
          placeOfInput(*shared, *state.entry, *port.binding) + "dimension " +
          std::to_string(i) + " is " + std::to_string(dims[i]) +
          ", the model was compiled for " + rangeText(range));
  }
  std::copy(dims.begin(), dims.end(), port.dims);
  port.isSet = true;
  return viewOf(port, port.dims);
}

TensorView Context::viewOf(const Port &port, const int64_t *dims) const {
  TensorView view;
  view.name = port.binding->name()->c_str();
  view.element = port.buffer->type()->element();
  view.rank = static_cast<uint32_t>(port.names.size());
  view.data = port.memory->data();
  view.bytes = elementBytes(port.buffer->type()->element());
  for (size_t i = 0; i < port.names.size(); ++i) {
    view.dims[i] = dims[i];
    view.bytes *= static_cast<size_t>(dims[i]);
  }
  return view;
}

Status Context::setInput(size_t entry, size_t input, const void *data,
                         std::span<const int64_t> dims) {
  Result<TensorView> view = mapInput(entry, input, dims);
  if (!view.isOk())
    return view.takeStatus();
  if (view->bytes > 0)
    std::memcpy(view->data, data, view->bytes);
  return Status::ok();
}

Status Context::call(size_t entry) {
  if (entry >= entries.size())
    return invalidArgument("entry " + std::to_string(entry) + " of " +
                           std::to_string(entries.size()) + " does not exist");
  EntryState &state = *entries[entry];
  LATHE_RETURN_IF_ERROR(resolveSymbols(state));
  LATHE_RETURN_IF_ERROR(checkLimits(state));

  size_t plan = state.executor.choosePlan(symbols);
  usedArena =
      std::max(usedArena, state.entry->plans()
                              ->Get(static_cast<flatbuffers::uoffset_t>(plan))
                              ->arena_bytes());
  ThreadPool::Region region(*threads);
  Status status = state.executor.run(
      plan, symbols,
      {state.fixed, arena->data(), scratch->data(), scratchStride, &launches},
      {threads.get(), &cancelled,
       observer.function && !workerTimes.empty() ? workerTimes.data()
                                                 : nullptr},
      observer);
  if (status.code() == StatusCode::Cancelled)
    cancelled.store(false, std::memory_order_relaxed);
  LATHE_RETURN_IF_ERROR(std::move(status));
  state.hasRun = true;
  std::copy(symbols.begin(), symbols.end(), state.symbols.begin());
  return Status::ok();
}

Result<TensorView> Context::output(size_t entry, size_t index) const {
  if (entry >= entries.size() || index >= entries[entry]->outputs.size())
    return invalidArgument("entry " + std::to_string(entry) +
                           " has no output " + std::to_string(index));
  const EntryState &state = *entries[entry];
  if (!state.hasRun)
    return invalidArgument("entry " + std::to_string(entry) +
                           " has not run yet");
  const Port &port = state.outputs[index];
  int64_t dims[8] = {};
  for (size_t i = 0; i < port.names.size(); ++i)
    dims[i] = evaluateExpression(*port.buffer->type()->dims()->Get(
                                     static_cast<flatbuffers::uoffset_t>(i)),
                                 state.symbols);
  return viewOf(port, dims);
}

TensorView Context::state(size_t index) const {
  const artifact::Buffer &buffer = *shared->program().states()->Get(
      static_cast<flatbuffers::uoffset_t>(index));
  TensorView view;
  view.name = buffer.name()->c_str();
  view.element = buffer.type()->element();
  view.rank = buffer.type()->dims()->size();
  for (uint32_t i = 0; i < view.rank; ++i)
    view.dims[i] =
        boundExpression(*buffer.type()->dims()->Get(i), ranges)->maximum;
  view.data = states[index]->data();
  view.bytes = stateBytes[index];
  return view;
}

void Context::reset() {
  for (const std::unique_ptr<DeviceMemory> &state : states)
    state->clear();
}
