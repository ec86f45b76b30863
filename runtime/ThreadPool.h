//===- ThreadPool.h - Fork and join over tiles ------------------*- C++ -*-===//
//
// One launch is one fork and join. Tiles are given out by one atomic counter,
// and the caller works too, so a busy machine slows a launch down but never
// stops it. Who computes a tile never changes what it computes.
//
// Idle workers spin for some microseconds, then park on a futex: launches that
// follow each other closely find them awake.
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

  Status startThreads();
  bool workOnce(uint32_t worker);
  void workerLoop(uint32_t worker);
  void wakeWorkers();
  void waitForEnd(uint32_t total);
  static void hostTask(void *data, uint32_t worker);

  // The current launch. Written before `ticket` is stored, and read only by a
  // worker that claimed a range of this launch, which keeps it from ending.
  std::atomic<int64_t> jobTiles{0};
  std::atomic<int64_t> jobGrain{1};
  std::atomic<uint32_t> jobRanges{0};
  std::atomic<int (*)(void *, uint32_t, int64_t, int64_t)> jobFunction{nullptr};
  std::atomic<void *> jobData{nullptr};
  std::atomic<const std::atomic<bool> *> jobCancelled{nullptr};

  /// Upper half: number of the launch. Lower half: ranges nobody has claimed.
  alignas(64) std::atomic<uint64_t> ticket{0};
  /// Ranges of the launch that are done.
  alignas(64) std::atomic<uint32_t> finished{0};
  std::atomic<uint32_t> callerParked{0};
  std::atomic<int> failure{0};
  /// Futex that idle workers park on; changes with each launch.
  alignas(64) std::atomic<uint32_t> wakeWord{0};
  std::atomic<uint32_t> parked{0};
  std::atomic<bool> stopping{false};
  std::atomic<bool> regionOpen{false};

  HostPool hostPool;
  uint32_t workerCount = 1;
  std::vector<std::unique_ptr<Worker>> threads; ///< That were started.
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_THREADPOOL_H
