//===- LaunchTrace.h - Launches on a time line ------------------*- C++ -*-===//
//
// A Chrome trace ("Trace Event Format"): an object with a list of events, which
// Perfetto and chrome://tracing draw. The first row has calls, and within them
// launches; below, each worker has a row of when it worked on them.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TOOLS_LAUNCHTRACE_H
#define LATHE_RUNTIME_TOOLS_LAUNCHTRACE_H

#include "runtime/formats/AtomicFile.h"
#include "runtime/include/lathe.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace lathe::tools {

class LaunchTrace {
public:
  /// Most launches that are kept; later ones are counted only.
  static constexpr size_t kMostLaunches = 1'000'000;

  /// Begins a trace that goes to the file \p path, of launches of \p model,
  /// which must live as long. Fails as AtomicFile::create.
  static runtime::Result<LaunchTrace> create(const std::string &path,
                                             const lathe_model_t *model);

  /// Takes in what an observer saw: a launch that begins, then its end.
  void add(const lathe_launch_t &launch);

  /// Writes the file. To be called once, last. Fails as AtomicFile.
  runtime::Status finish();

  /// Launches that were not kept.
  uint64_t dropped() const { return droppedCount; }

private:
  using Clock = std::chrono::steady_clock;
  struct Event {
    const char *name; ///< Owned by the model, as `kernel`.
    const char *kernel;
    uint64_t begin; ///< Nanoseconds since the first one began.
    uint64_t length;
    int64_t tiles;
    int hasCost;
    uint64_t flops;
    uint64_t bytesRead;
    uint64_t bytesWritten;
    lathe_arithmetic_t arithmetic;
    size_t firstWorker; ///< In `workers`.
    size_t workerCount;
  };
  /// Consecutive launches of one call of an entry.
  struct Call {
    size_t entry;
    size_t firstEvent;
  };

  LaunchTrace(runtime::AtomicFile file, const lathe_model_t *model)
      : file(std::move(file)), model(model) {}

  uint64_t now() const;
  void beginCall(const lathe_launch_t &launch);
  runtime::Status writeEvents();
  std::string textOf(const Event &event) const;
  std::string textOfWorkers(const Event &event) const;
  std::string textOf(const Call &call, size_t endEvent) const;

  runtime::AtomicFile file;
  const lathe_model_t *model;
  Clock::time_point start = Clock::now();
  uint64_t begun = 0;     ///< When the launch that runs began.
  size_t nextCommand = 0; ///< A lower one begins a new call.
  std::vector<Event> events;
  std::vector<lathe_worker_t> workers;
  std::vector<Call> calls;
  uint64_t droppedCount = 0;
};

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_LAUNCHTRACE_H
