//===- Pool.cpp - Times the thread pool alone -----------------------------===//
//
//     bench-pool [THREADS]
//
// Prints what a launch costs beyond its tiles, and what launches take on one
// thread and on THREADS (2 unless said) while another process keeps one core
// busy: in the time of decoding (60 us of work a launch) and of prompts (2 ms).
// Medians of seven turns, in microseconds a launch.
//
//===----------------------------------------------------------------------===//

#include "runtime/ThreadPool.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace lathe::runtime;
using Clock = std::chrono::steady_clock;

static constexpr int kTurns = 7;
/// Launches of one region: about what a step of a small model has.
static constexpr int kLaunches = 50;
static constexpr int64_t kRangesPerThread = 8;

static double microseconds(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

/// Computes for as long as \p steps multiply-adds in a row take: work that does
/// not go on while its thread has no core.
static void compute(int64_t steps) {
  double value = 1;
  for (int64_t i = 0; i < steps; ++i)
    value = value * 1.0000001 + 1e-9;
  volatile double sink = value;
  (void)sink;
}

static int64_t stepsOfMicrosecond() {
  constexpr int64_t kSteps = 1000000;
  double best = 1e9;
  for (int turn = 0; turn < kTurns; ++turn) {
    Clock::time_point begin = Clock::now();
    compute(kSteps);
    best = std::min(best, microseconds(Clock::now() - begin));
  }
  return std::max<int64_t>(1, static_cast<int64_t>(kSteps / best));
}

static int computeTiles(void *steps, uint32_t, int64_t begin, int64_t end) {
  compute(*static_cast<int64_t *>(steps) * (end - begin));
  return 0;
}

/// Microseconds of a launch of \p tiles, each of \p steps.
static double launchTime(uint32_t threads, int64_t tiles, int64_t steps,
                         double turnSeconds) {
  std::unique_ptr<ThreadPool> pool = std::move(*ThreadPool::create(threads));
  std::vector<double> times;
  for (int turn = 0; turn < kTurns; ++turn) {
    int64_t launches = 0;
    Clock::time_point begin = Clock::now();
    double passed = 0;
    while (passed < turnSeconds * 1e6) {
      ThreadPool::Region region(*pool);
      for (int launch = 0; launch < kLaunches; ++launch)
        pool->run(tiles, 1, {computeTiles, &steps});
      launches += kLaunches;
      passed = microseconds(Clock::now() - begin);
    }
    times.push_back(passed / static_cast<double>(launches));
  }
  std::sort(times.begin(), times.end());
  return times[kTurns / 2];
}

/// Starts a process that keeps the last core busy that this one may use.
static pid_t startBusyProcess() {
  cpu_set_t allowed;
  sched_getaffinity(0, sizeof(allowed), &allowed);
  int last = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed))
      last = cpu;
  pid_t child = fork();
  if (child != 0)
    return child;
  CPU_ZERO(&allowed);
  CPU_SET(last, &allowed);
  sched_setaffinity(0, sizeof(allowed), &allowed);
  for (;;)
    compute(1000000);
}

int main(int argc, char **argv) {
  uint32_t threads = argc > 1 ? static_cast<uint32_t>(std::atol(argv[1])) : 2;
  if (threads < 2 || threads > ThreadPool::kMaxWorkers)
    return 2;
  int64_t steps = stepsOfMicrosecond();
  double tile = launchTime(1, 1, steps, 0.05);
  double launch = launchTime(threads, threads, steps, 0.05);
  std::printf("dispatch to %u threads: %.2f us a launch beyond its tiles\n",
              threads, launch - tile);

  pid_t busy = startBusyProcess();
  int64_t ranges = threads * kRangesPerThread;
  for (int64_t work : {60, 2000}) {
    double alone = launchTime(1, ranges, steps * work / ranges, 0.3);
    double together = launchTime(threads, ranges, steps * work / ranges, 0.3);
    std::printf("one core busy, %lld us of work a launch: %.1f us on one "
                "thread, %.1f us on %u\n",
                static_cast<long long>(work), alone, together, threads);
  }
  kill(busy, SIGKILL);
  waitpid(busy, nullptr, 0);
  return 0;
}
