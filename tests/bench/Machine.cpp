//===- Machine.cpp - What this machine can do at most ---------------------===//
//
// Prints the limits that figures are held against, as JSON: f32 multiply-adds a
// second with 512-bit (or the widest) vectors, and bytes a second read from
// memory, each for a number of threads.
//
//===----------------------------------------------------------------------===//

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <thread>
#include <vector>

// The widest vector that the compiler's target has; 8 lanes on AVX2.
#if defined(__AVX512F__)
static constexpr int kLanes = 16;
#else
static constexpr int kLanes = 8;
#endif
typedef float Vector __attribute__((vector_size(kLanes * 4)));
typedef double Bytes __attribute__((vector_size(64)));

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

static volatile float sink;

/// Multiply-adds of one thread: 16 independent chains, to hide the latency.
static void multiplyAdd(long rounds) {
  Vector sums[16] = {};
  Vector a = {}, b = {};
  for (int l = 0; l < kLanes; ++l)
    a[l] = 1.0f + 1e-7f * static_cast<float>(l), b[l] = 1e-9f;
  for (long r = 0; r < rounds; ++r)
    for (Vector &sum : sums) {
#pragma clang fp contract(fast)
      sum = sum * a + b;
    }
  for (Vector &sum : sums)
    sink = sum[0];
}

static void readAll(const char *data, size_t bytes) {
  Bytes sums[8] = {};
  auto *at = reinterpret_cast<const Bytes *>(data);
  for (size_t i = 0; i + 8 <= bytes / sizeof(Bytes); i += 8)
    for (size_t j = 0; j < 8; ++j)
      sums[j] += at[i + j];
  for (Bytes &sum : sums)
    sink = static_cast<float>(sum[0]);
}

/// Seconds that \p threads threads take for work(thread), all at once.
template <typename Work>
static double timed(int threads, Work work) {
  std::atomic<int> ready = 0;
  std::atomic<bool> go = false;
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t)
    pool.emplace_back([&, t] {
      ++ready;
      while (!go)
        ;
      work(t);
    });
  while (ready < threads)
    ;
  double begin = now();
  go = true;
  for (std::thread &thread : pool)
    thread.join();
  return now() - begin;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  size_t bytes = size_t(512) << 20;
  std::vector<char *> data;
  for (int t = 0; t < threads; ++t) {
    void *block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
      return 1;
    madvise(block, bytes, MADV_HUGEPAGE);
    std::memset(block, 1, bytes);
    data.push_back(static_cast<char *>(block));
  }
  constexpr long kRounds = 4'000'000;
  double flops = 0, bandwidth = 0;
  for (int repetition = 0; repetition < 5; ++repetition) {
    double seconds = timed(threads, [](int) { multiplyAdd(kRounds); });
    flops = std::max(flops, 2.0 * 16 * kLanes * kRounds * threads / seconds);
    seconds = timed(threads, [&](int t) { readAll(data[t], bytes); });
    bandwidth =
        std::max(bandwidth, static_cast<double>(bytes) * threads / seconds);
  }
  std::printf("{\"threads\": %d, \"f32_gflops\": %.1f, \"read_gb_s\": %.2f}\n",
              threads, flops * 1e-9, bandwidth * 1e-9);
  return 0;
}
