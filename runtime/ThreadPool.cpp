//===- ThreadPool.cpp - Fork and join over tiles --------------------------===//
//
// The counter of tiles is `ticket`: the number of the launch in the upper half,
// the ranges that nobody has claimed in the lower. A worker claims one by
// compare-and-swap. Because a launch ends only after all its ranges are done, a
// claim keeps the launch alive, and the job's fields may be read after it; a
// worker that wakes late finds nothing to claim and touches nothing. So no
// worker needs to be waited for, only ranges.
//
//===----------------------------------------------------------------------===//

#include "runtime/ThreadPool.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstring>

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace lathe::runtime;
using Clock = std::chrono::steady_clock;

/// How long an idle worker spins before it parks.
static constexpr std::chrono::microseconds kSpin{30};
/// The same while a region is open.
static constexpr std::chrono::microseconds kRegionSpin{200};
/// Looks at the flag between looks at the clock.
static constexpr int kLooks = 64;

static void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

static void futexWait(std::atomic<uint32_t> &word, uint32_t value) {
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), FUTEX_WAIT_PRIVATE,
          value, nullptr, nullptr, 0);
}

static void futexWake(std::atomic<uint32_t> &word, int count) {
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), FUTEX_WAKE_PRIVATE,
          count, nullptr, nullptr, 0);
}

/// Waits until \p isReady, at most for \p limit; true if it became ready.
template <typename Predicate>
static bool spinUntil(std::chrono::microseconds limit, Predicate isReady) {
  Clock::time_point end = Clock::now() + limit;
  do {
    for (int look = 0; look < kLooks; ++look) {
      if (isReady())
        return true;
      relax();
    }
  } while (Clock::now() < end);
  return isReady();
}

/// The number in a small file of one line, or -1.
static int64_t readNumber(const char *path) {
  std::FILE *file = std::fopen(path, "re");
  if (!file)
    return -1;
  long long value = -1;
  if (std::fscanf(file, "%lld", &value) != 1)
    value = -1;
  std::fclose(file);
  return value;
}

uint32_t lathe::runtime::physicalCores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
    return 1;
  // Threads of one core share package and core number.
  std::vector<std::pair<int64_t, int64_t>> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed))
      continue;
    std::string folder =
        "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    int64_t package = readNumber((folder + "physical_package_id").c_str());
    int64_t core = readNumber((folder + "core_id").c_str());
    // Where the system does not tell, each thread counts as a core.
    if (core < 0)
      package = -2 - cpu;
    cores.emplace_back(package, core);
  }
  std::sort(cores.begin(), cores.end());
  cores.erase(std::unique(cores.begin(), cores.end()), cores.end());
  size_t count = std::clamp<size_t>(cores.size(), 1, ThreadPool::kMaxWorkers);
  return static_cast<uint32_t>(count);
}

struct ThreadPool::Worker {
  ThreadPool *pool = nullptr;
  uint32_t number = 0;
  pthread_t thread = {};
};

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(uint32_t workers,
                                                       HostPool host) {
  if (workers == 0)
    workers = physicalCores();
  if (workers > kMaxWorkers)
    return Status::error(StatusCode::InvalidArgument,
                         std::to_string(workers) + " threads, at most " +
                             std::to_string(kMaxWorkers) + " are possible");

  std::unique_ptr<ThreadPool> pool(new ThreadPool());
  pool->workerCount = workers;
  pool->hostPool = host;
  if (!host.function)
    LATHE_RETURN_IF_ERROR(pool->startThreads());
  return pool;
}

Status ThreadPool::startThreads() {
  // All memory first: a thread that runs must be known to the destructor.
  std::vector<std::unique_ptr<Worker>> ready;
  for (uint32_t number = 1; number < workerCount; ++number) {
    ready.push_back(std::make_unique<Worker>());
    ready.back()->pool = this;
    ready.back()->number = number;
  }
  threads.reserve(ready.size());

  // Signals are for the host's threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  for (std::unique_ptr<Worker> &worker : ready) {
    error = pthread_create(
        &worker->thread, nullptr,
        [](void *data) -> void * {
          Worker *self = static_cast<Worker *>(data);
          self->pool->workerLoop(self->number);
          return nullptr;
        },
        worker.get());
    if (error != 0)
      break;
    threads.push_back(std::move(worker));
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0)
    return Status::error(
        StatusCode::ResourceExhausted,
        "cannot start thread " + std::to_string(threads.size() + 1) + " of " +
            std::to_string(workerCount) + ": " + std::strerror(error));
  return Status::ok();
}

ThreadPool::~ThreadPool() {
  stopping.store(true, std::memory_order_seq_cst);
  wakeWord.fetch_add(1, std::memory_order_seq_cst);
  futexWake(wakeWord, INT_MAX);
  for (const std::unique_ptr<Worker> &worker : threads)
    pthread_join(worker->thread, nullptr);
}

/// Claims a range of the current launch and runs it; false if none is left.
bool ThreadPool::workOnce(uint32_t worker) {
  uint64_t current = ticket.load(std::memory_order_acquire);
  do {
    if (static_cast<uint32_t>(current) == 0)
      return false;
  } while (!ticket.compare_exchange_weak(current, current - 1,
                                         std::memory_order_acq_rel,
                                         std::memory_order_acquire));

  uint32_t total = jobRanges.load(std::memory_order_relaxed);
  int64_t grain = jobGrain.load(std::memory_order_relaxed);
  int64_t index = total - static_cast<uint32_t>(current);
  int64_t begin = index * grain;
  int64_t end =
      std::min(begin + grain, jobTiles.load(std::memory_order_relaxed));

  const std::atomic<bool> *cancelled =
      jobCancelled.load(std::memory_order_relaxed);
  bool skip = failure.load(std::memory_order_relaxed) != 0 ||
              (cancelled && cancelled->load(std::memory_order_relaxed));
  if (!skip) {
    int code = jobFunction.load(std::memory_order_relaxed)(
        jobData.load(std::memory_order_relaxed), worker, begin, end);
    int none = 0;
    if (code != 0)
      failure.compare_exchange_strong(none, code, std::memory_order_relaxed);
  }
  // Sequentially consistent against `callerParked` in waitForEnd: one of the
  // two sides sees the other.
  uint32_t done = finished.fetch_add(1, std::memory_order_seq_cst) + 1;
  if (done == total && callerParked.load(std::memory_order_seq_cst) != 0)
    futexWake(finished, 1);
  return true;
}

void ThreadPool::workerLoop(uint32_t worker) {
  uint32_t seen = wakeWord.load(std::memory_order_acquire);
  while (!stopping.load(std::memory_order_acquire)) {
    while (workOnce(worker)) {
    }
    auto hasNews = [&] {
      return wakeWord.load(std::memory_order_acquire) != seen;
    };
    bool isRegion = regionOpen.load(std::memory_order_relaxed);
    if (!spinUntil(isRegion ? kRegionSpin : kSpin, hasNews)) {
      // Sequentially consistent against wakeWorkers: either it sees this worker
      // parked, or the futex sees the changed word.
      parked.fetch_add(1, std::memory_order_seq_cst);
      while (wakeWord.load(std::memory_order_seq_cst) == seen)
        futexWait(wakeWord, seen);
      parked.fetch_sub(1, std::memory_order_relaxed);
    }
    seen = wakeWord.load(std::memory_order_acquire);
  }
}

void ThreadPool::wakeWorkers() {
  wakeWord.fetch_add(1, std::memory_order_seq_cst);
  if (parked.load(std::memory_order_seq_cst) != 0)
    futexWake(wakeWord, INT_MAX);
}

void ThreadPool::waitForEnd(uint32_t total) {
  auto isDone = [&] {
    return finished.load(std::memory_order_acquire) == total;
  };
  if (spinUntil(kRegionSpin, isDone))
    return;
  callerParked.store(1, std::memory_order_seq_cst);
  for (uint32_t done = finished.load(std::memory_order_seq_cst); done != total;
       done = finished.load(std::memory_order_seq_cst))
    futexWait(finished, done);
  callerParked.store(0, std::memory_order_relaxed);
}

void ThreadPool::hostTask(void *data, uint32_t worker) {
  ThreadPool *pool = static_cast<ThreadPool *>(data);
  while (pool->workOnce(worker)) {
  }
}

int ThreadPool::run(int64_t tiles, int64_t grain, TileFunction work,
                    const std::atomic<bool> *cancelled) {
  if (tiles <= 0)
    return 0;
  grain = std::max<int64_t>(grain, 1);
  // A range count must fit the ticket.
  grain = std::max(grain, (tiles - 1) / INT32_MAX + 1);
  int64_t ranges = (tiles - 1) / grain + 1;
  if (workerCount == 1 || ranges == 1) {
    for (int64_t begin = 0; begin < tiles; begin += grain) {
      if (cancelled && cancelled->load(std::memory_order_relaxed))
        return 0;
      int code =
          work.function(work.data, 0, begin, std::min(begin + grain, tiles));
      if (code != 0)
        return code;
    }
    return 0;
  }

  uint32_t total = static_cast<uint32_t>(ranges);
  jobTiles.store(tiles, std::memory_order_relaxed);
  jobGrain.store(grain, std::memory_order_relaxed);
  jobRanges.store(total, std::memory_order_relaxed);
  jobFunction.store(work.function, std::memory_order_relaxed);
  jobData.store(work.data, std::memory_order_relaxed);
  jobCancelled.store(cancelled, std::memory_order_relaxed);
  failure.store(0, std::memory_order_relaxed);
  finished.store(0, std::memory_order_relaxed);
  uint64_t launch = (ticket.load(std::memory_order_relaxed) >> 32) + 1;
  ticket.store(launch << 32 | total, std::memory_order_release);

  if (hostPool.function) {
    hostPool.function(hostPool.user, hostTask, this, workerCount);
  } else {
    wakeWorkers();
  }
  // A host's threads may be late or few: what they left is done here.
  while (workOnce(0)) {
  }
  waitForEnd(total);
  return failure.load(std::memory_order_relaxed);
}
