//===- ThreadPool.cpp - Fork and join over tiles --------------------------===//
//
// The counter of tiles is `ticket`: the ranges of the launch that nobody has
// claimed. A worker claims one by subtracting 1. Because a launch ends only
// after all its ranges are done, and a worker reports them when it finds no
// more, a claim keeps the launch alive, and the job may be read after it; a
// worker that wakes late finds nothing to claim and touches nothing. So no
// worker needs to be waited for, only ranges.
//
// A worker whose core another process takes may hold a range meanwhile.
// Spinning through that would only use up the time that the system grants to
// whoever waits, so that it lets the range lie for longer; a waiter that yields
// keeps it.
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

/// How long an idle worker waits before it parks.
static constexpr std::chrono::microseconds kWait{30};
/// The same while a region is open, and for the caller at the end of a launch.
static constexpr std::chrono::microseconds kRegionWait{200};
/// The part of it for which nobody else gets the core.
static constexpr std::chrono::microseconds kSpin{5};
/// Looks at the flag between looks at the clock.
static constexpr int kLooks = 64;
/// Parked workers that each waker wakes, as a call of the system takes about a
/// microsecond for each.
static constexpr int kWakes = 2;

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
static bool waitUntil(std::chrono::microseconds limit, Predicate isReady) {
  Clock::time_point begin = Clock::now();
  for (;;) {
    for (int look = 0; look < kLooks; ++look) {
      if (isReady())
        return true;
      relax();
    }
    Clock::duration waited = Clock::now() - begin;
    if (waited >= limit)
      return isReady();
    if (waited >= kSpin)
      sched_yield();
  }
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
  launches.fetch_add(1, std::memory_order_seq_cst);
  futexWake(launches, INT_MAX);
  for (const std::unique_ptr<Worker> &worker : threads)
    pthread_join(worker->thread, nullptr);
}

/// Claims ranges of the current launch and runs them until none is left.
void ThreadPool::workOn(uint32_t worker) {
  uint32_t done = 0;
  // Looked at before it is changed: who only waits leaves the line to others.
  while (ticket.load(std::memory_order_relaxed) > kNoRanges) {
    uint32_t left = ticket.fetch_sub(1, std::memory_order_acquire);
    if (left <= kNoRanges)
      break;
    runRange(job.ranges - (left - kNoRanges), worker);
    ++done;
  }
  if (done == 0)
    return;
  // Once reported the launch may end, and the job be another.
  uint32_t total = job.ranges;
  // Sequentially consistent against `callerParked` in waitForEnd: one of the
  // two sides sees the other.
  done += finished.fetch_add(done, std::memory_order_seq_cst);
  if (done == total && callerParked.load(std::memory_order_seq_cst) != 0)
    futexWake(finished, 1);
}

void ThreadPool::runRange(uint32_t range, uint32_t worker) {
  if (failure.load(std::memory_order_relaxed) != 0 ||
      (job.cancelled && job.cancelled->load(std::memory_order_relaxed)))
    return;
  int64_t begin = range * job.grain;
  int64_t end = std::min(begin + job.grain, job.tiles);
  int code = job.work.function(job.work.data, worker, begin, end);
  int none = 0;
  if (code != 0)
    failure.compare_exchange_strong(none, code, std::memory_order_relaxed);
}

void ThreadPool::workerLoop(uint32_t worker) {
  uint32_t seen = launches.load(std::memory_order_acquire);
  while (!stopping.load(std::memory_order_acquire)) {
    workOn(worker);
    auto hasNews = [&] {
      return launches.load(std::memory_order_acquire) != seen;
    };
    bool isRegion = regionOpen.load(std::memory_order_relaxed);
    if (!waitUntil(isRegion ? kRegionWait : kWait, hasNews)) {
      // Sequentially consistent against run(): either it sees this worker
      // parked, or the futex sees the changed word.
      parked.fetch_add(1, std::memory_order_seq_cst);
      while (launches.load(std::memory_order_seq_cst) == seen)
        futexWait(launches, seen);
      parked.fetch_sub(1, std::memory_order_relaxed);
      // Who is not woken misses a launch, and nobody waits for it.
      if (ticket.load(std::memory_order_relaxed) > kNoRanges)
        wakeParked();
    }
    seen = launches.load(std::memory_order_acquire);
  }
}

void ThreadPool::wakeParked() {
  if (parked.load(std::memory_order_seq_cst) != 0)
    futexWake(launches, kWakes);
}

void ThreadPool::waitForEnd(uint32_t total) {
  auto isDone = [&] {
    return finished.load(std::memory_order_acquire) == total;
  };
  if (waitUntil(kRegionWait, isDone))
    return;
  callerParked.store(1, std::memory_order_seq_cst);
  for (uint32_t done = finished.load(std::memory_order_seq_cst); done != total;
       done = finished.load(std::memory_order_seq_cst))
    futexWait(finished, done);
  callerParked.store(0, std::memory_order_relaxed);
}

void ThreadPool::hostTask(void *data, uint32_t worker) {
  static_cast<ThreadPool *>(data)->workOn(worker);
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
  job = {work, cancelled, tiles, grain, total};
  failure.store(0, std::memory_order_relaxed);
  finished.store(0, std::memory_order_relaxed);
  ticket.store(kNoRanges + total, std::memory_order_release);

  if (hostPool.function) {
    hostPool.function(hostPool.user, hostTask, this, workerCount);
  } else {
    launches.fetch_add(1, std::memory_order_seq_cst);
    wakeParked();
  }
  // A host's threads may be late or few: what they left is done here.
  workOn(0);
  waitForEnd(total);
  return failure.load(std::memory_order_relaxed);
}
