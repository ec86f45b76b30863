//===- Machine.cpp - What this machine can do at most ---------------------===//
//
//     bench-machine
//
// Answers each line of standard input, `KIND THREADS [FILE]`, with one line of
// JSON: the samples of a limit, in 1e9 a second, that figures are held against.
//
//     f32 bf16 int8   operations (a multiply and an add are two) of the widest
//                     multiply-adds and dot products that there are
//     l2              bytes read from 512 KiB a thread
//     memory          bytes read from anonymous memory on huge pages
//     file            bytes read from a mapping of FILE, as weights are mapped
//
// It lives as long as the run that asks it, so that a limit takes the time of
// its samples and no more: they can stand right beside what is held against
// them. Each is short, since the machine may be a guest among others.
//
//===----------------------------------------------------------------------===//

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sched.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace {

/// Samples of one answer.
constexpr int kSamples = 5;

/// Rounds of a sample of dot products: 4 ms at one instruction a cycle.
constexpr int64_t kRounds = 1'000'000;

/// Independent chains of a round, to hide the latency; with the factors they
/// must fit in the registers.
#if defined(__x86_64__) && !defined(__AVX512F__)
constexpr int kChains = 12;
#else
constexpr int kChains = 16;
#endif

/// Read at one go from a mapping, in bytes: many times any cache, and short.
constexpr size_t kWindow = size_t(256) << 20;
constexpr size_t kL2Bytes = size_t(512) << 10;

using Clock = std::chrono::steady_clock;

/// Bytes to read; the same from one question to the next.
struct Region {
  std::string path; ///< Empty: anonymous.
  const char *data = nullptr;
  size_t bytes = 0;
  size_t next = 0; ///< Windows that were read.
};

} // namespace

static volatile float sink;

//===----------------------------------------------------------------------===//
// Loops
//
// Each runs kRounds rounds of kChains steps on one thread. Its k…Operations is
// what a step does; 0 where the machine has no such instruction.
//===----------------------------------------------------------------------===//

#if defined(__AVX512F__)
static constexpr int kLanes = 16;
#elif defined(__AVX__)
static constexpr int kLanes = 8;
#else
static constexpr int kLanes = 4;
#endif
typedef float Floats __attribute__((vector_size(kLanes * sizeof(float))));
static constexpr int kF32Operations = 2 * kLanes;

static void multiplyAdd() {
  Floats sums[kChains] = {};
  Floats a = {}, b = {};
  for (int l = 0; l < kLanes; ++l)
    a[l] = 1.0f + 1e-7f * static_cast<float>(l), b[l] = 1e-9f;
  for (int64_t r = 0; r < kRounds; ++r)
    for (Floats &sum : sums) {
#pragma clang fp contract(fast)
      sum = sum * a + b;
    }
  for (Floats &sum : sums)
    sink = sum[0];
}

/// Runs \p step on each of kChains sums of type Sum, kRounds times.
template <typename Sum, typename Step>
static void chain(Step step) {
  Sum sums[kChains] = {};
  for (int64_t r = 0; r < kRounds; ++r)
    for (Sum &sum : sums)
      sum = step(sum);
  for (Sum &sum : sums)
    sink = static_cast<float>(reinterpret_cast<const char &>(sum));
}

#if defined(__AVX512BF16__)
static constexpr int kBf16Operations = 64;
static void multiplyBf16() {
  auto one = (__m512bh)_mm512_set1_epi16(0x3f80);
  chain<__m512>([=](__m512 sum) { return _mm512_dpbf16_ps(sum, one, one); });
}
#elif defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
static constexpr int kBf16Operations = 16;
static void multiplyBf16() {
  bfloat16x8_t one = vreinterpretq_bf16_u16(vdupq_n_u16(0x3f80));
  chain<float32x4_t>(
      [=](float32x4_t sum) { return vbfdotq_f32(sum, one, one); });
}
#else
static constexpr int kBf16Operations = 0;
static void multiplyBf16() {}
#endif

#if defined(__AVX512VNNI__)
static constexpr int kInt8Operations = 128;
static void multiplyInt8() {
  __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(-5);
  chain<__m512i>([=](__m512i sum) { return _mm512_dpbusd_epi32(sum, a, b); });
}
#elif defined(__AVXVNNI__)
static constexpr int kInt8Operations = 64;
static void multiplyInt8() {
  __m256i a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(-5);
  chain<__m256i>(
      [=](__m256i sum) { return _mm256_dpbusd_avx_epi32(sum, a, b); });
}
#elif defined(__AVX2__)
// Three instructions a step, of which two multiply.
static constexpr int kInt8Operations = 64;
static void multiplyInt8() {
  __m256i b = _mm256_set1_epi8(-5), ones = _mm256_set1_epi16(1);
  chain<__m256i>([=](__m256i sum) {
    // The product reads the sum, or it would be computed once for all rounds.
    __m256i pairs = _mm256_maddubs_epi16(sum, b);
    return _mm256_add_epi32(b, _mm256_madd_epi16(pairs, ones));
  });
}
#elif defined(__ARM_FEATURE_DOTPROD)
static constexpr int kInt8Operations = 32;
static void multiplyInt8() {
  int8x16_t a = vdupq_n_s8(3), b = vdupq_n_s8(-5);
  chain<int32x4_t>([=](int32x4_t sum) { return vdotq_s32(sum, a, b); });
}
#else
static constexpr int kInt8Operations = 0;
static void multiplyInt8() {}
#endif

/// Reads \p bytes, a multiple of 512, from \p data, which is 64-byte aligned.
static void readAll(const char *data, size_t bytes) {
  typedef uint64_t Line __attribute__((vector_size(64)));
  Line sums[8] = {};
  auto *at = reinterpret_cast<const Line *>(data);
  for (size_t i = 0; i < bytes / sizeof(Line); i += 8)
    for (size_t j = 0; j < 8; ++j)
      sums[j] ^= at[i + j];
  for (Line &sum : sums)
    sink = static_cast<float>(sum[0]);
}

//===----------------------------------------------------------------------===//
// Timing
//===----------------------------------------------------------------------===//

/// The processors that this process may use, the first of each core before
/// those that share one with it.
static std::vector<int> listProcessors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof(allowed), &allowed);
  std::vector<int> first, others;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed))
      continue;
    // As "0,64" or "0-1".
    std::ifstream core("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                       "/topology/thread_siblings_list");
    int lowest = cpu;
    core >> lowest;
    (lowest == cpu ? first : others).push_back(cpu);
  }
  first.insert(first.end(), others.begin(), others.end());
  return first;
}

/// Keeps the caller, number \p thread of \p threads, on a processor of its own:
/// threads this short-lived may else share one to their end where others work
/// beside them. A single one may go wherever there is room.
static void place(int thread, int threads) {
  static const std::vector<int> processors = listProcessors();
  if (processors.empty())
    return;
  cpu_set_t chosen;
  CPU_ZERO(&chosen);
  if (threads == 1)
    for (int cpu : processors)
      CPU_SET(cpu, &chosen);
  else
    CPU_SET(processors[static_cast<size_t>(thread) % processors.size()],
            &chosen);
  sched_setaffinity(0, sizeof(chosen), &chosen);
}

/// Seconds that \p threads threads, this one among them, take for work(thread),
/// from the first one's begin, when all are there, to the last one's end.
template <typename Work>
static double timed(int threads, Work work) {
  std::atomic<int> missing = threads;
  std::vector<Clock::time_point> begins(static_cast<size_t>(threads));
  std::vector<Clock::time_point> ends = begins;
  auto run = [&](int thread) {
    place(thread, threads);
    --missing;
    while (missing > 0)
      ;
    begins[static_cast<size_t>(thread)] = Clock::now();
    work(thread);
    ends[static_cast<size_t>(thread)] = Clock::now();
  };
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t)
    others.emplace_back(run, t);
  run(0);
  for (std::thread &thread : others)
    thread.join();
  return std::chrono::duration<double>(
             *std::max_element(ends.begin(), ends.end()) -
             *std::min_element(begins.begin(), begins.end()))
      .count();
}

/// Rates of \p loop, each step of which does \p operations.
static std::vector<double> computeRates(int threads, int operations,
                                        void (*loop)()) {
  std::vector<double> rates;
  for (int sample = 0; sample < kSamples; ++sample) {
    double seconds = timed(threads, [&](int) { loop(); });
    rates.push_back(1e-9 * operations * kChains * kRounds * threads / seconds);
  }
  return rates;
}

/// Rates of reading \p region, one window after another, each shared by all
/// threads.
static std::vector<double> readRates(int threads, Region &region) {
  std::vector<double> rates;
  auto count = static_cast<size_t>(threads);
  size_t windows = (region.bytes + kWindow - 1) / kWindow;
  // Whole pages, so that each thread's part is aligned for its vectors.
  size_t part = windows ? region.bytes / windows / count / 4096 * 4096 : 0;
  for (int sample = 0; part && sample < kSamples; ++sample) {
    const char *window = region.data + region.next++ % windows * part * count;
    double seconds = timed(threads, [&](int thread) {
      readAll(window + part * static_cast<size_t>(thread), part);
    });
    rates.push_back(1e-9 * static_cast<double>(part * count) / seconds);
  }
  return rates;
}

static std::vector<double> readL2Rates(int threads) {
  constexpr int kTimes = 512;
  std::vector<char> memory(kL2Bytes * static_cast<size_t>(threads) + 64, 1);
  auto address = reinterpret_cast<uintptr_t>(memory.data());
  const char *data = memory.data() + (64 - address % 64);
  std::vector<double> rates;
  for (int sample = 0; sample < kSamples; ++sample) {
    double seconds = timed(threads, [&](int thread) {
      for (int i = 0; i < kTimes; ++i)
        readAll(data + kL2Bytes * static_cast<size_t>(thread), kL2Bytes);
    });
    rates.push_back(1e-9 * kTimes * kL2Bytes * threads / seconds);
  }
  return rates;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// Four windows of zeros on huge pages; no data where there is no memory.
static Region allocate() {
  Region region;
  size_t bytes = 4 * kWindow;
  void *block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED)
    return region;
  madvise(block, bytes, MADV_HUGEPAGE);
  std::memset(block, 1, bytes);
  region.data = static_cast<const char *>(block);
  region.bytes = bytes;
  return region;
}

/// The mapping of \p path, read once; no data where it cannot be mapped.
static Region mapFile(const std::string &path) {
  Region region;
  region.path = path;
  int file = open(path.c_str(), O_RDONLY);
  struct stat info;
  if (file < 0 || fstat(file, &info) != 0)
    return region;
  auto bytes = static_cast<size_t>(info.st_size);
  void *block = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (block == MAP_FAILED)
    return region;
  region.data = static_cast<const char *>(block);
  region.bytes = bytes;
  readAll(region.data, bytes / 512 * 512);
  return region;
}

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

/// The rates of limit \p kind; empty where this machine lacks what it measures.
static std::vector<double> measure(const std::string &kind, int threads,
                                   const char *path) {
  static Region anonymous, file;
  if (kind == "f32")
    return computeRates(threads, kF32Operations, multiplyAdd);
  if (kind == "bf16" && kBf16Operations)
    return computeRates(threads, kBf16Operations, multiplyBf16);
  if (kind == "int8" && kInt8Operations)
    return computeRates(threads, kInt8Operations, multiplyInt8);
  if (kind == "l2")
    return readL2Rates(threads);
  if (kind == "memory") {
    if (!anonymous.data)
      anonymous = allocate();
    return readRates(threads, anonymous);
  }
  if (kind != "file")
    return {};
  if (file.path != path) {
    if (file.data)
      munmap(const_cast<char *>(file.data), file.bytes);
    file = mapFile(path);
  }
  return readRates(threads, file);
}

int main() {
  char line[4096], kind[16], path[4000];
  while (std::fgets(line, sizeof(line), stdin)) {
    int threads = 0;
    path[0] = 0;
    if (std::sscanf(line, "%15s %d %3999[^\n]", kind, &threads, path) < 2 ||
        threads < 1 || threads > 1024) {
      std::fprintf(stderr, "error: expects lines of KIND THREADS [FILE]\n");
      return 2;
    }
    std::printf("{\"samples\": [");
    const char *separator = "";
    for (double rate : measure(kind, threads, path)) {
      std::printf("%s%.3f", separator, rate);
      separator = ", ";
    }
    std::printf("]}\n");
    std::fflush(stdout);
  }
  return 0;
}
