//===- ThreadPool.h - Fork and join over tiles ------------------*- C++ -*-===//
//
// One launch is one fork and join. Tiles are given out by one atomic counter,
// and the caller works too, so a busy machine slows a launch down but never
// stops it. Who computes a tile never changes what it computes.
//
// Whoever waits spins for some microseconds, then offers its core at each look,
// then parks on a futex: launches that follow each other closely find workers
// awake, and another process on one of the cores costs no more than that core.
//
// Made for 64 cores too (README.md, Threads): a launch writes one line of
// memory that all workers read, a claim and a worker's end one line each, and
// the woken wake the next.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_THREADPOOL_H
#define LATHE_RUNTIME_THREADPOOL_H

#include "runtime/Status.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace lathe::runtime {

/// A host's own pool: calls task(data, w) once for each w in [0, workers), in
/// any order and also one after the other, and returns when all have returned.
struct HostPool {
  using Task = void (*)(void *data, uint32_t worker);
  using Function = void (*)(void *user, Task task, void *data,
                            uint32_t workers);
  Function function = nullptr;
  void *user = nullptr;
};

/// The work of one launch: tiles [begin, end), by one of the workers. Returns
/// 0, or what ends the launch early.
struct TileFunction {
  int (*function)(void *data, uint32_t worker, int64_t begin, int64_t end);
  void *data;
};

/// Number of physical cores that this process may use, at least 1.
uint32_t physicalCores();

/// Not thread-safe: one launch at a time.
class ThreadPool {
public:
  /// Most workers of a pool.
  static constexpr uint32_t kMaxWorkers = 1024;

  /// Starts \p workers - 1 threads; 0 means physicalCores(). With a \p host
  /// pool it starts none. Fails with InvalidArgument (more than kMaxWorkers)
  /// and ResourceExhausted (a thread cannot be started).
  static Result<std::unique_ptr<ThreadPool>> create(uint32_t workers,
                                                    HostPool host = {});

  /// Ends and joins the threads.
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  /// Workers, the caller among them; their numbers are below it.
  uint32_t workers() const { return workerCount; }

  /// Runs \p work on [0, \p tiles) in ranges of \p grain tiles at most, and
  /// waits for its end. Between ranges it stops early when \p cancelled (may be
  /// null) is set or a range gave a value other than 0; returns the first such
  /// value that a worker stored, else 0. Allocates nothing.
  int run(int64_t tiles, int64_t grain, TileFunction work,
          const std::atomic<bool> *cancelled = nullptr);

  /// While one lives, idle workers spin longer before they park. For a call of
  /// many launches; does nothing to results.
  class Region {
  public:
    explicit Region(ThreadPool &pool) : pool(pool) { set(true); }
    ~Region() { set(false); }
    Region(const Region &) = delete;
    Region &operator=(const Region &) = delete;

  private:
    void set(bool isOpen) {
      pool.regionOpen.store(isOpen, std::memory_order_relaxed);
    }
    ThreadPool &pool;
  };

private:
  struct Worker;
  ThreadPool() = default;

  /// A ticket without ranges. Not 0: each worker may take one from a ticket
  /// that another one emptied in the same moment.
  static constexpr uint32_t kNoRanges = 2 * kMaxWorkers;

  /// A launch as its workers see it.
  struct Job {
    TileFunction work = {nullptr, nullptr};
    const std::atomic<bool> *cancelled = nullptr;
    int64_t tiles = 0;
    int64_t grain = 1;
    uint32_t ranges = 0;
  };

  Status startThreads();
  void workOn(uint32_t worker);
  void runRange(uint32_t range, uint32_t worker);
  void workerLoop(uint32_t worker);
  void wakeParked();
  void waitForEnd(uint32_t total);
  static void hostTask(void *data, uint32_t worker);

  // Each group of fields has its cache line, by who writes it.

  /// The current launch. Written before `ticket`, and read only by workers that
  /// hold a range of it, which keeps it from ending.
  alignas(64) Job job;
  /// Number of the launch: the futex that idle workers spin and park on.
  std::atomic<uint32_t> launches{0};

  /// Ranges that nobody has claimed, and kNoRanges.
  alignas(64) std::atomic<uint32_t> ticket{kNoRanges};

  /// Ranges of the launch that are done.
  alignas(64) std::atomic<uint32_t> finished{0};
  std::atomic<uint32_t> callerParked{0};
  std::atomic<int> failure{0};

  alignas(64) std::atomic<uint32_t> parked{0};
  std::atomic<bool> stopping{false};
  std::atomic<bool> regionOpen{false};

  HostPool hostPool;
  uint32_t workerCount = 1;
  std::vector<std::unique_ptr<Worker>> threads; ///< That were started.
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_THREADPOOL_H
