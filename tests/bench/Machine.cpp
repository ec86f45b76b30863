//===- Machine.cpp - What this machine can do at most ---------------------===//
//
//     bench-machine THREADS [FILE]
//
// Prints the limits that figures are held against, as JSON: f32 multiply-adds a
// second with 512-bit (or the widest) vectors, and bytes a second read from
// memory, medians of nine. With FILE the bytes are those of its mapping, as the
// runtime maps weights; else anonymous memory on huge pages.
//
//===----------------------------------------------------------------------===//

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
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

/// \p bytes of zeros on huge pages; null where there is no memory.
static const char *allocate(size_t bytes) {
  void *block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED)
    return nullptr;
  madvise(block, bytes, MADV_HUGEPAGE);
  std::memset(block, 1, bytes);
  return static_cast<const char *>(block);
}

/// The mapping of the file \p path; null where it cannot be read.
static const char *mapFile(const char *path, size_t &bytes) {
  int file = open(path, O_RDONLY);
  struct stat info;
  if (file < 0 || fstat(file, &info) != 0)
    return nullptr;
  bytes = static_cast<size_t>(info.st_size);
  void *block = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  return block == MAP_FAILED ? nullptr : static_cast<const char *>(block);
}

static double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  if (threads < 1)
    return 2;
  size_t bytes = size_t(1) << 30;
  const char *data = argc > 2 ? mapFile(argv[2], bytes) : allocate(bytes);
  if (!data)
    return 1;
  // Whole pages, so that each thread's part is aligned for its vectors.
  size_t part = bytes / static_cast<size_t>(threads) / 4096 * 4096;
  readAll(data, bytes / 64 * 64);

  constexpr long kRounds = 2'000'000;
  std::vector<double> flops, bandwidth;
  for (int repetition = 0; repetition < 9; ++repetition) {
    double seconds = timed(threads, [](int) { multiplyAdd(kRounds); });
    flops.push_back(2.0 * 16 * kLanes * kRounds * threads / seconds);
    seconds = timed(threads, [&](int t) {
      readAll(data + part * static_cast<size_t>(t), part);
    });
    bandwidth.push_back(static_cast<double>(part) * threads / seconds);
  }
  std::printf("{\"threads\": %d, \"f32_gflops\": %.1f, \"read_gb_s\": %.2f}\n",
              threads, median(flops) * 1e-9, median(bandwidth) * 1e-9);
  return 0;
}
