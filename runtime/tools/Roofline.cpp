//===- Roofline.cpp - What this machine can do at most --------------------===//
//
// All threads begin together and the last one's end counts; the best of a few
// rounds is taken, because others only ever slow a round down.
//
//===----------------------------------------------------------------------===//

#include "runtime/tools/Roofline.h"

#include "runtime/tools/PeakLoops.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <functional>
#include <iterator>
#include <thread>
#include <vector>

#include <sys/mman.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

using namespace lathe::tools;
using Clock = std::chrono::steady_clock;

static constexpr int kLoopRounds = 40;
static constexpr int kReadRounds = 6;
/// More than caches hold.
static constexpr size_t kReadBytes = size_t(256) << 20;

/// Two bf16 of 0.5, and about that as f32: sums go towards a fixed point of 1,
/// so that none becomes slow to compute with.
static constexpr uint32_t kHalves = 0x3f003f00;

/// What a loop has computed goes here, so that it is not left out.
static thread_local volatile float sink;

#if defined(__x86_64__)

__attribute__((target("avx2"))) static void readBytes(const std::byte *begin,
                                                      const std::byte *end) {
  __m256i sums[4] = {};
  for (; begin < end; begin += sizeof(sums))
    for (size_t i = 0; i < 4; ++i)
      sums[i] = _mm256_xor_si256(
          sums[i],
          _mm256_load_si256(reinterpret_cast<const __m256i *>(begin) + i));
  for (size_t i = 1; i < 4; ++i)
    sums[0] = _mm256_xor_si256(sums[0], sums[i]);
  sink = static_cast<float>(_mm256_extract_epi32(sums[0], 0));
}

#elif defined(__aarch64__)

static void readBytes(const std::byte *begin, const std::byte *end) {
  uint32x4_t sums[8] = {};
  for (; begin < end; begin += sizeof(sums))
    for (size_t i = 0; i < 8; ++i)
      sums[i] = veorq_u32(
          sums[i],
          vld1q_u32(reinterpret_cast<const uint32_t *>(begin) + 4 * i));
  for (size_t i = 1; i < 8; ++i)
    sums[0] = veorq_u32(sums[0], sums[i]);
  sink = static_cast<float>(vgetq_lane_u32(sums[0], 0));
}

#else
#error "no loops for this machine"
#endif

/// Runs \p work(thread, round) on \p threads threads, \p rounds times, all of
/// them together; the seconds of the fastest round.
static double timeRounds(uint32_t threads, int rounds,
                         const std::function<void(uint32_t, int)> &work) {
  std::atomic<uint32_t> arrived = 0;
  // Spins: a thread that sleeps wakes late.
  auto meet = [&](uint32_t meeting) {
    arrived.fetch_add(1);
    while (arrived.load() < meeting * threads)
      std::this_thread::yield();
  };
  double best = 0;
  auto run = [&](uint32_t thread) {
    uint32_t meeting = 0;
    for (int round = 0; round < rounds; ++round) {
      meet(++meeting);
      Clock::time_point begin = Clock::now();
      work(thread, round);
      meet(++meeting);
      double seconds =
          std::chrono::duration<double>(Clock::now() - begin).count();
      if (thread == 0 && (best == 0 || seconds < best))
        best = seconds;
    }
  };
  std::vector<std::thread> others;
  for (uint32_t thread = 1; thread < threads; ++thread)
    others.emplace_back(run, thread);
  run(0);
  for (std::thread &other : others)
    other.join();
  return best;
}

/// Bytes a second that \p threads threads read together; 0 without memory.
static double measureReads(uint32_t threads) {
  void *memory = mmap(nullptr, kReadBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return 0;
  madvise(memory, kReadBytes, MADV_HUGEPAGE);
  auto *begin = static_cast<std::byte *>(memory);
  // A multiple of what readBytes takes in a step.
  size_t share = kReadBytes / threads / 4096 * 4096;
  double seconds =
      timeRounds(threads, kReadRounds, [&](uint32_t thread, int round) {
        std::byte *part = begin + thread * share;
        // In the first round each thread gets its memory: pages never written
        // to are one page of zeros, which a cache holds.
        if (round == 0)
          std::memset(part, 1, share);
        else
          readBytes(part, part + share);
      });
  munmap(memory, kReadBytes);
  return static_cast<double>(share) * threads / seconds;
}

const char *lathe::tools::arithmeticName(lathe_arithmetic_t arithmetic) {
  static constexpr const char *kNames[] = {"f32", "bf16", "bytes"};
  static_assert(std::size(kNames) == kArithmetics);
  return kNames[arithmetic];
}

lathe_arithmetic_t
MachineLimits::measuredFor(lathe_arithmetic_t arithmetic) const {
  return flops[arithmetic] > 0 ? arithmetic : LATHE_ARITHMETIC_F32;
}

double MachineLimits::leastSeconds(lathe_arithmetic_t arithmetic,
                                   double operations, double moved) const {
  double peak = flops[measuredFor(arithmetic)];
  double computing = peak > 0 ? operations / peak : 0;
  double reading = bytes > 0 ? moved / bytes : 0;
  return std::max(computing, reading);
}

MachineLimits lathe::tools::measureLimits(const std::string &target,
                                          uint32_t threads) {
  MachineLimits limits = {target, threads, {}, measureReads(threads)};
  for (size_t i = 0; i < kArithmetics; ++i) {
    PeakLoop loop = peakLoopOf(target, static_cast<lathe_arithmetic_t>(i));
    if (!loop.run)
      continue;
    double seconds = timeRounds(threads, kLoopRounds,
                                [&](uint32_t, int) { loop.run(kHalves); });
    limits.flops[i] = loop.operations * threads / seconds;
  }
  return limits;
}
