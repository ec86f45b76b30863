//===- ContextEntry.h - What a context keeps of an entry --------*- C++ -*-===//
#ifndef LATHE_RUNTIME_CONTEXTENTRY_H
#define LATHE_RUNTIME_CONTEXTENTRY_H

#include "runtime/Context.h"
#include "runtime/ProgramTables.h"

namespace lathe::runtime {

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

/// "FILE: entry 'x': input 'y': ", for messages.
std::string placeOfInput(const Model &model, const artifact::Entry &entry,
                         const artifact::Binding &binding);

/// "1 to 64", for messages.
std::string rangeText(Interval range);

/// The value of each symbol, by index, in a context of \p program with default
/// options: the least, but for those that size the key-value cache.
std::vector<int64_t> defaultSymbols(const artifact::Program &program);

/// The symbols, by index, that the calls of \p entry read.
std::vector<bool> neededSymbols(const Model &model,
                                const artifact::Entry &entry);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_CONTEXTENTRY_H
