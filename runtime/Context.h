//===- Context.h - States, buffers and threads of one user ------*- C++ -*-===//
//
// A context holds all memory that calls need, so that a call allocates nothing:
// states, the places of inputs and outputs, and one arena that holds the
// largest plan. The system gives real memory only for the pages that a call
// touches, so small calls, which take the smallest plan that fits, stay small.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_CONTEXT_H
#define LATHE_RUNTIME_CONTEXT_H

#include "runtime/Executor.h"
#include "runtime/Model.h"
#include "runtime/ThreadPool.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::runtime {

struct ContextOptions {
  /// Workers; 0: the physical cores.
  uint32_t threads = 0;
  HostPool hostPool;
  /// Sequences at one time (symbol `slots`), and positions of each (0: the
  /// model's context): they set `slots`, `slot_pages` and `pages`.
  int64_t slots = 1;
  int64_t context = 0;
  /// Values of symbols that are fixed at load; they go before the above.
  std::vector<std::pair<std::string, int64_t>> symbols;
};

/// A tensor in the context's memory.
struct TensorView {
  const char *name = nullptr;
  uint8_t element = 0; ///< artifact::ElementType.
  uint32_t rank = 0;
  int64_t dims[8] = {};
  std::byte *data = nullptr;
  size_t bytes = 0; ///< Of the elements.
};

/// Belongs to one thread at a time, but for cancel().
class Context {
public:
  /// Fails with InvalidArgument (a symbol outside its range, with both numbers;
  /// a model that is not runnable) and ResourceExhausted.
  static Result<std::unique_ptr<Context>>
  create(std::shared_ptr<const Model> model,
         const ContextOptions &options = {});
  ~Context();

  const Model &model() const { return *shared; }
  ThreadPool &pool() { return *threads; }
  /// Value of a symbol: fixed at load, or of the last call; -1: not set.
  int64_t symbol(size_t index) const { return symbols[index]; }

  /// Positions of a sequence that the context was made for.
  int64_t positions() const { return contextPositions; }

  /// The place of an input of the next call, of these dimensions, which give
  /// the symbols their values. Fails with InvalidArgument.
  Result<TensorView> mapInput(size_t entry, size_t input,
                              std::span<const int64_t> dims);
  /// mapInput, then copies \p data.
  Status setInput(size_t entry, size_t input, const void *data,
                  std::span<const int64_t> dims);
  /// Sets a symbol that no input gives. Fails with InvalidArgument.
  Status setSymbol(size_t symbol, int64_t value);

  /// Runs an entry and waits. Allocates nothing unless it fails. Fails with
  /// InvalidArgument, DeviceError, Cancelled.
  Status call(size_t entry);

  /// An output of the last call of \p entry. Fails with InvalidArgument before
  /// the first one.
  Result<TensorView> output(size_t entry, size_t index) const;

  /// Ends the call that runs, or the next one. Async-signal-safe.
  void cancel() { cancelled.store(true, std::memory_order_relaxed); }

  /// Largest arena of the plans that calls took so far, in bytes.
  uint64_t usedArenaBytes() const { return usedArena; }

  size_t stateCount() const { return states.size(); }
  TensorView state(size_t index) const;
  /// Makes all states zero.
  void reset();

  /// What save() writes: states with a head and a checksum, in bytes.
  size_t savedBytes() const;
  void save(std::span<std::byte> target) const;
  /// Fails with InvalidFile and InvalidArgument; states are then as before.
  Status load(std::span<const std::byte> source);

  void setObserver(LaunchObserver observer) { this->observer = observer; }

  /// Whether an observer is told when each worker worked. That costs a look or
  /// two at the clock for each range of tiles.
  void timeWorkers(bool isOn) {
    workerTimes.resize(isOn ? threads->workers() : 0);
  }

private:
  Context() = default;
  struct Port;
  struct EntryState;

  Status chooseSymbols(const ContextOptions &options);
  Status allocate();
  Status addEntry(size_t index);
  Status resolveSymbols(EntryState &state);
  Status checkLimits(const EntryState &state) const;
  TensorView viewOf(const Port &port, const int64_t *dims) const;
  std::string symbolName(size_t symbol) const;
  std::vector<int64_t> fixedSymbols() const;

  std::shared_ptr<const Model> shared;
  std::unique_ptr<ThreadPool> threads;
  std::atomic<bool> cancelled{false};
  std::vector<int64_t> symbols;         ///< -1 where not set.
  std::vector<int64_t> explicitSymbols; ///< By setSymbol; -1: not.
  std::vector<Interval> ranges;         ///< Fixed ones are one value.
  std::vector<std::unique_ptr<DeviceMemory>> states;
  std::vector<size_t> stateBytes;
  std::unique_ptr<DeviceMemory> arena;
  std::unique_ptr<DeviceMemory> scratch;
  size_t scratchStride = 0; ///< Bytes a worker.
  uint64_t launches = 0;    ///< That ran on it.
  std::vector<std::unique_ptr<EntryState>> entries;
  LaunchObserver observer;
  std::vector<WorkerTime> workerTimes; ///< By worker; empty: not wanted.
  uint64_t usedArena = 0;
  int64_t contextPositions = 0;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_CONTEXT_H
