//===- Context.cpp - States, buffers and threads of one user --------------===//

#include "runtime/Context.h"

#include "runtime/schema/artifact_generated.h"

#include <algorithm>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace lathe::runtime;
using lathe::artifact::BufferKind;
namespace artifact = lathe::artifact;

/// An input or output of one entry.
struct Context::Port {
  const artifact::Binding *binding = nullptr;
  const artifact::Buffer *buffer = nullptr;
  std::unique_ptr<DeviceMemory> memory;
  bool isSet = false;         ///< Inputs: dims hold.
  int64_t dims[8] = {};       ///< Inputs: of the next call.
  std::vector<int64_t> names; ///< The symbol that each dimension is, or -1.
};

struct Context::EntryState {
  explicit EntryState(const Model &model, size_t entry)
      : executor(model, entry) {}

  const artifact::Entry *entry = nullptr;
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  std::vector<std::byte *> fixed; ///< By buffer; null: in the arena.
  std::vector<bool> needed;       ///< By symbol: the commands read it.
  std::vector<int64_t> symbols;   ///< Of the last call.
  bool hasRun = false;
  Executor executor;
};

Context::~Context() = default;

static Status invalid(std::string message) {
  return Status::error(StatusCode::InvalidArgument, std::move(message));
}

static size_t elementBytes(artifact::ElementType type) {
  switch (type) {
  case artifact::ElementType_I8:
  case artifact::ElementType_U8:
    return 1;
  case artifact::ElementType_F16:
  case artifact::ElementType_BF16:
    return 2;
  case artifact::ElementType_F32:
  case artifact::ElementType_I32:
    return 4;
  case artifact::ElementType_F64:
  case artifact::ElementType_I64:
    return 8;
  }
  return 0;
}

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

/// Marks the symbols of \p expression in \p needed.
static void markSymbols(const artifact::Expression &expression,
                        std::vector<bool> &needed) {
  const flatbuffers::Vector<int64_t> &code = *expression.code();
  for (flatbuffers::uoffset_t i = 0; i < code.size(); i += 2)
    if (code.Get(i) == static_cast<int64_t>(Opcode::PushSymbol))
      needed[static_cast<size_t>(code.Get(i + 1))] = true;
}

static void markSymbols(const artifact::Buffer &buffer,
                        std::vector<bool> &needed) {
  for (const artifact::Expression *dim : *buffer.type()->dims())
    markSymbols(*dim, needed);
}

/// The symbols that the calls of \p entry read.
static std::vector<bool> neededSymbols(const Model &model,
                                       const artifact::Entry &entry) {
  std::vector<bool> needed(model.program().symbols()->size());
  for (const auto *bindings : {entry.inputs(), entry.outputs()})
    for (const artifact::Binding *binding : *bindings) {
      markSymbols(*entry.buffers()->Get(binding->buffer()), needed);
      if (binding->limit())
        markSymbols(*binding->limit(), needed);
    }
  for (const artifact::Command *command : *entry.commands()) {
    if (const artifact::Copy *copy = command->action_as_Copy())
      markSymbols(*entry.buffers()->Get(copy->target())->bytes(), needed);
    if (const artifact::Fill *fill = command->action_as_Fill())
      markSymbols(*entry.buffers()->Get(fill->target())->bytes(), needed);
    const artifact::Launch *launch = command->action_as_Launch();
    if (!launch)
      continue;
    for (const artifact::Variant *variant : *launch->variants()) {
      const artifact::Kernel &kernel =
          *model.program().kernels()->Get(variant->kernel());
      if (launch->variants()->size() > 1)
        needed[variant->symbol()] = true;
      for (uint32_t symbol : *kernel.scalars())
        needed[symbol] = true;
      size_t code = model.codeIndex(variant->kernel());
      markSymbols(*kernel.code()
                       ->Get(static_cast<flatbuffers::uoffset_t>(code))
                       ->tiles(),
                  needed);
    }
  }
  return needed;
}

static std::string rangeText(Interval range) {
  return std::to_string(range.minimum) + " to " + std::to_string(range.maximum);
}

/// Values of the symbols that size the key-value cache.
static std::vector<std::pair<std::string, int64_t>>
cacheSymbols(const artifact::Model &model, const ContextOptions &options) {
  if (model.page_positions() == 0)
    return {{"slots", options.slots}};
  int64_t context = options.context > 0 ? options.context : model.context();
  int64_t slotPages =
      (context + model.page_positions() - 1) / model.page_positions();
  // A number of slots that overflows fits no range either.
  int64_t pages = 0;
  if (__builtin_mul_overflow(slotPages, options.slots, &pages))
    pages = INT64_MAX;
  return {
      {"slots", options.slots}, {"slot_pages", slotPages}, {"pages", pages}};
}

/// Gives each symbol that is fixed at load its value.
Status Context::chooseSymbols(const ContextOptions &options) {
  const artifact::Program &program = shared->program();
  const artifact::Model &model = *program.model();
  ranges.assign(shared->artifact().symbolRanges().begin(),
                shared->artifact().symbolRanges().end());
  symbols.assign(ranges.size(), -1);
  explicitSymbols = symbols;
  if (options.slots < 1)
    return invalid("slots: is " + std::to_string(options.slots) +
                   ", at least 1 is needed");
  if (options.context < 0 || options.context > model.context())
    return invalid("context: " + std::to_string(options.context) +
                   " positions, but the model was compiled for " +
                   std::to_string(model.context()));

  contextPositions = options.context > 0 ? options.context : model.context();

  std::vector<std::pair<std::string, int64_t>> values = options.symbols;
  size_t named = values.size();
  for (auto &value : cacheSymbols(model, options))
    values.push_back(std::move(value));
  std::vector<bool> used(named);
  for (size_t i = 0; i < symbols.size(); ++i) {
    const artifact::Symbol &symbol =
        *program.symbols()->Get(static_cast<flatbuffers::uoffset_t>(i));
    if (!symbol.fixed_at_load())
      continue;
    symbols[i] = symbol.minimum();
    for (size_t j = 0; j < values.size(); ++j) {
      if (values[j].first != symbol.name()->string_view())
        continue;
      symbols[i] = values[j].second;
      if (j < named)
        used[j] = true;
      break;
    }
    if (symbols[i] < ranges[i].minimum || symbols[i] > ranges[i].maximum)
      return invalid("symbol '" + symbol.name()->str() + "': is " +
                     std::to_string(symbols[i]) +
                     ", but the model was "
                     "compiled for " +
                     rangeText(ranges[i]) +
                     " (ask for fewer slots or a shorter context)");
    ranges[i] = {symbols[i], symbols[i]};
  }
  for (size_t j = 0; j < named; ++j)
    if (!used[j])
      return invalid("symbol '" + values[j].first +
                     "': does not exist or is not fixed at load");
  return Status::ok();
}

Result<std::unique_ptr<Context>>
Context::create(std::shared_ptr<const Model> model,
                const ContextOptions &options) {
  if (!model->isRunnable())
    return invalid(model->artifact().name() +
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
  size_t stride = (context->shared->scratchBytes() + 63) / 64 * 64;
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

/// "FILE: entry 'x': input 'y': ", for messages.
static std::string placeOf(const Model &model, const artifact::Entry &entry,
                           const artifact::Binding &binding) {
  return model.artifact().name() + ": entry '" + entry.name()->str() +
         "': input '" + binding.name()->str() + "': ";
}

Result<TensorView> Context::mapInput(size_t entry, size_t input,
                                     std::span<const int64_t> dims) {
  if (entry >= entries.size() || input >= entries[entry]->inputs.size())
    return invalid("entry " + std::to_string(entry) + " has no input " +
                   std::to_string(input));
  EntryState &state = *entries[entry];
  Port &port = state.inputs[input];
  const auto &expected = *port.buffer->type()->dims();
  if (dims.size() != expected.size())
    return invalid(placeOf(*shared, *state.entry, *port.binding) + "has " +
                   std::to_string(dims.size()) + " dimensions, expected " +
                   std::to_string(expected.size()));
  for (size_t i = 0; i < dims.size(); ++i) {
    Interval range = *boundExpression(
        *expected.Get(static_cast<flatbuffers::uoffset_t>(i)), ranges);
    if (dims[i] < range.minimum || dims[i] > range.maximum)
      return invalid(placeOf(*shared, *state.entry, *port.binding) +
                     "dimension " + std::to_string(i) + " is " +
                     std::to_string(dims[i]) + ", the model was compiled for " +
                     rangeText(range));
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

Status Context::setSymbol(size_t symbol, int64_t value) {
  if (symbol >= symbols.size())
    return invalid("symbol " + std::to_string(symbol) + " of " +
                   std::to_string(symbols.size()) + " does not exist");
  if (value < ranges[symbol].minimum || value > ranges[symbol].maximum)
    return invalid(shared->artifact().name() + ": symbol '" +
                   symbolName(symbol) + "': is " + std::to_string(value) +
                   ", expected " + rangeText(ranges[symbol]));
  explicitSymbols[symbol] = value;
  return Status::ok();
}

std::string Context::symbolName(size_t symbol) const {
  return shared->program()
      .symbols()
      ->Get(static_cast<flatbuffers::uoffset_t>(symbol))
      ->name()
      ->str();
}

/// Takes the symbols of a call from inputs and setSymbol.
Status Context::resolveSymbols(EntryState &state) {
  for (size_t i = 0; i < symbols.size(); ++i)
    symbols[i] = ranges[i].minimum == ranges[i].maximum ? ranges[i].minimum
                                                        : explicitSymbols[i];
  // Where an input gives a symbol, it goes before setSymbol; two inputs that
  // give one must agree.
  for (size_t pass = 0; pass < 2; ++pass)
    for (const Port &port : state.inputs) {
      if (!port.isSet)
        return invalid(placeOf(*shared, *state.entry, *port.binding) +
                       "was not set");
      for (size_t i = 0; i < port.names.size(); ++i) {
        int64_t name = port.names[i];
        if (name < 0)
          continue;
        int64_t &value = symbols[static_cast<size_t>(name)];
        if (pass == 0)
          value = port.dims[i];
        else if (value != port.dims[i])
          return invalid(placeOf(*shared, *state.entry, *port.binding) +
                         "dimension " + std::to_string(i) + " is " +
                         std::to_string(port.dims[i]) + ", but '" +
                         symbolName(static_cast<size_t>(name)) + "' is " +
                         std::to_string(value) + " by another input");
      }
    }
  for (size_t i = 0; i < symbols.size(); ++i) {
    if (symbols[i] >= 0)
      continue;
    if (state.needed[i])
      return invalid(shared->artifact().name() + ": entry '" +
                     state.entry->name()->str() + "': symbol '" +
                     symbolName(i) + "' was not set");
    symbols[i] = ranges[i].minimum;
  }
  for (const Port &port : state.inputs)
    for (size_t i = 0; i < port.names.size(); ++i) {
      if (port.names[i] >= 0)
        continue;
      int64_t expected =
          evaluateExpression(*port.buffer->type()->dims()->Get(
                                 static_cast<flatbuffers::uoffset_t>(i)),
                             symbols);
      if (port.dims[i] != expected)
        return invalid(placeOf(*shared, *state.entry, *port.binding) +
                       "dimension " + std::to_string(i) + " is " +
                       std::to_string(port.dims[i]) + ", expected " +
                       std::to_string(expected));
    }
  return Status::ok();
}

/// The first place in \p values that is not in [0, limit), or -1.
template <typename T>
static int64_t findOutside(const std::byte *data, int64_t count,
                           int64_t limit) {
  const T *values = reinterpret_cast<const T *>(data);
  for (int64_t i = 0; i < count; ++i)
    if (values[i] < 0 || values[i] >= limit)
      return i;
  return -1;
}

Status Context::checkLimits(const EntryState &state) const {
  for (const Port &port : state.inputs) {
    if (!port.binding->limit())
      continue;
    int64_t limit = evaluateExpression(*port.binding->limit(), symbols);
    TensorView view = viewOf(port, port.dims);
    bool isWide = view.element == artifact::ElementType_I64;
    int64_t count = static_cast<int64_t>(view.bytes / (isWide ? 8 : 4));
    int64_t place = isWide ? findOutside<int64_t>(view.data, count, limit)
                           : findOutside<int32_t>(view.data, count, limit);
    if (place < 0)
      continue;
    int64_t value = isWide
                        ? reinterpret_cast<const int64_t *>(view.data)[place]
                        : reinterpret_cast<const int32_t *>(view.data)[place];
    return invalid(placeOf(*shared, *state.entry, *port.binding) + "element " +
                   std::to_string(place) + " is " + std::to_string(value) +
                   ", expected 0 to " + std::to_string(limit - 1));
  }
  return Status::ok();
}

Status Context::call(size_t entry) {
  if (entry >= entries.size())
    return invalid("entry " + std::to_string(entry) + " of " +
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
      {state.fixed, arena->data(), scratch->data(), scratchStride},
      {threads.get(), &cancelled}, observer);
  if (status.code() == StatusCode::Cancelled)
    cancelled.store(false, std::memory_order_relaxed);
  LATHE_RETURN_IF_ERROR(std::move(status));
  state.hasRun = true;
  std::copy(symbols.begin(), symbols.end(), state.symbols.begin());
  return Status::ok();
}

Result<TensorView> Context::output(size_t entry, size_t index) const {
  if (entry >= entries.size() || index >= entries[entry]->outputs.size())
    return invalid("entry " + std::to_string(entry) + " has no output " +
                   std::to_string(index));
  const EntryState &state = *entries[entry];
  if (!state.hasRun)
    return invalid("entry " + std::to_string(entry) + " has not run yet");
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

//===----------------------------------------------------------------------===//
// Saved states: SavedHead | symbols | bytes of each state | XXH3-64 of all that
//===----------------------------------------------------------------------===//

namespace {
struct SavedHead {
  char magic[8];
  uint64_t artifact; ///< Artifact::identity().
  uint64_t symbolCount;
};
} // namespace

static constexpr char kSavedMagic[9] = "LTHSTAT1";

size_t Context::savedBytes() const {
  size_t bytes = sizeof(SavedHead) + symbols.size() * sizeof(int64_t) +
                 sizeof(XXH64_hash_t);
  for (size_t state : stateBytes)
    bytes += state;
  return bytes;
}

/// Value of each symbol that is fixed at load, -1 for the others.
std::vector<int64_t> Context::fixedSymbols() const {
  std::vector<int64_t> values(symbols.size(), -1);
  for (size_t i = 0; i < values.size(); ++i)
    if (shared->program()
            .symbols()
            ->Get(static_cast<flatbuffers::uoffset_t>(i))
            ->fixed_at_load())
      values[i] = ranges[i].minimum;
  return values;
}

void Context::save(std::span<std::byte> target) const {
  std::byte *end = target.data();
  auto append = [&](const void *data, size_t bytes) {
    if (bytes > 0)
      std::memcpy(end, data, bytes);
    end += bytes;
  };
  SavedHead head = {{}, shared->artifact().identity(), symbols.size()};
  std::memcpy(head.magic, kSavedMagic, sizeof(head.magic));
  append(&head, sizeof(head));
  std::vector<int64_t> fixed = fixedSymbols();
  append(fixed.data(), fixed.size() * sizeof(int64_t));
  for (size_t i = 0; i < states.size(); ++i)
    append(states[i]->data(), stateBytes[i]);
  XXH64_hash_t hash =
      XXH3_64bits(target.data(), static_cast<size_t>(end - target.data()));
  append(&hash, sizeof(hash));
}

Status Context::load(std::span<const std::byte> source) {
  if (source.size() != savedBytes())
    return invalid("saved state: has " + std::to_string(source.size()) +
                   " bytes, this context needs " +
                   std::to_string(savedBytes()));
  std::span<const std::byte> body =
      source.first(source.size() - sizeof(XXH64_hash_t));
  XXH64_hash_t hash = 0;
  std::memcpy(&hash, source.data() + body.size(), sizeof(hash));
  SavedHead head;
  std::memcpy(&head, body.data(), sizeof(head));
  if (std::memcmp(head.magic, kSavedMagic, sizeof(head.magic)) != 0 ||
      XXH3_64bits(body.data(), body.size()) != hash)
    return Status::error(StatusCode::InvalidFile,
                         "saved state: is damaged or no saved state");
  std::vector<int64_t> fixed = fixedSymbols();
  if (head.artifact != shared->artifact().identity() ||
      head.symbolCount != fixed.size() ||
      std::memcmp(body.data() + sizeof(head), fixed.data(),
                  fixed.size() * sizeof(int64_t)) != 0)
    return invalid("saved state: is of another artifact or context size");
  const std::byte *next =
      body.data() + sizeof(head) + fixed.size() * sizeof(int64_t);
  for (size_t i = 0; i < states.size(); ++i) {
    std::memcpy(states[i]->data(), next, stateBytes[i]);
    next += stateBytes[i];
  }
  return Status::ok();
}
