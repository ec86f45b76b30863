//===- ContextSymbols.cpp - Sizes of a context and of its calls -----------===//
//
// A symbol has its value from the options of the context, if it is fixed at
// load, else from the dimensions of a call's inputs or from setSymbol.
//
//===----------------------------------------------------------------------===//

#include "runtime/ContextEntry.h"

#include <algorithm>

using namespace lathe::runtime;
namespace artifact = lathe::artifact;

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

std::vector<bool> lathe::runtime::neededSymbols(const Model &model,
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
      if (launch->variants()->size() > 1 || launch->skipped_to() >= 0)
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

std::string lathe::runtime::rangeText(Interval range) {
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

std::vector<int64_t>
lathe::runtime::defaultSymbols(const artifact::Program &program) {
  auto sizes = cacheSymbols(*program.model(), ContextOptions());
  std::vector<int64_t> values;
  for (const artifact::Symbol *symbol : *program.symbols()) {
    auto named =
        std::find_if(sizes.begin(), sizes.end(), [&](const auto &size) {
          return symbol->name()->string_view() == size.first;
        });
    bool isSize = symbol->fixed_at_load() && named != sizes.end();
    values.push_back(isSize ? named->second : symbol->minimum());
  }
  return values;
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
    return invalidArgument("slots: is " + std::to_string(options.slots) +
                           ", at least 1 is needed");
  if (options.context < 0 || options.context > model.context())
    return invalidArgument("context: " + std::to_string(options.context) +
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
      return invalidArgument("symbol '" + symbol.name()->str() + "': is " +
                             std::to_string(symbols[i]) +
                             ", but the model was "
                             "compiled for " +
                             rangeText(ranges[i]) +
                             " (ask for fewer slots or a shorter context)");
    ranges[i] = {symbols[i], symbols[i]};
  }
  for (size_t j = 0; j < named; ++j)
    if (!used[j])
      return invalidArgument("symbol '" + values[j].first +
                             "': does not exist or is not fixed at load");
  return Status::ok();
}

std::string lathe::runtime::placeOfInput(const Model &model,
                                         const artifact::Entry &entry,
                                         const artifact::Binding &binding) {
  return model.artifact().name() + ": entry '" + entry.name()->str() +
         "': input '" + binding.name()->str() + "': ";
}

Status Context::setSymbol(size_t symbol, int64_t value) {
  if (symbol >= symbols.size())
    return invalidArgument("symbol " + std::to_string(symbol) + " of " +
                           std::to_string(symbols.size()) + " does not exist");
  if (value < ranges[symbol].minimum || value > ranges[symbol].maximum)
    return invalidArgument(shared->artifact().name() + ": symbol '" +
                           symbolName(symbol) + "': is " +
                           std::to_string(value) + ", expected " +
                           rangeText(ranges[symbol]));
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
        return invalidArgument(
            placeOfInput(*shared, *state.entry, *port.binding) + "was not set");
      for (size_t i = 0; i < port.names.size(); ++i) {
        int64_t name = port.names[i];
        if (name < 0)
          continue;
        int64_t &value = symbols[static_cast<size_t>(name)];
        if (pass == 0)
          value = port.dims[i];
        else if (value != port.dims[i])
          return invalidArgument(
              placeOfInput(*shared, *state.entry, *port.binding) +
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
      return invalidArgument(shared->artifact().name() + ": entry '" +
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
        return invalidArgument(
            placeOfInput(*shared, *state.entry, *port.binding) + "dimension " +
            std::to_string(i) + " is " + std::to_string(port.dims[i]) +
            ", expected " + std::to_string(expected));
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
    return invalidArgument(placeOfInput(*shared, *state.entry, *port.binding) +
                           "element " + std::to_string(place) + " is " +
                           std::to_string(value) + ", expected 0 to " +
                           std::to_string(limit - 1));
  }
  return Status::ok();
}
