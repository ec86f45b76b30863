//===- ThreadPoolTest.cpp - Tests of runtime/ThreadPool.h -----------------===//

#include "runtime/ThreadPool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <thread>

using namespace lathe::runtime;

namespace {

/// Counts how often each tile ran; fails at `failAt`.
struct Tiles {
  explicit Tiles(size_t count) : runs(count) {}

  static int work(void *data, uint32_t worker, int64_t begin, int64_t end) {
    Tiles &self = *static_cast<Tiles *>(data);
    self.largestWorker.fetch_or(worker >= self.workers);
    for (int64_t i = begin; i < end; ++i) {
      self.runs[static_cast<size_t>(i)].fetch_add(1, std::memory_order_relaxed);
      if (i == self.failAt)
        return 5;
      if (i == self.cancelAt)
        self.cancelled.store(true);
    }
    return 0;
  }

  bool eachRanOnce() const {
    for (const std::atomic<int> &run : runs)
      if (run.load() != 1)
        return false;
    return true;
  }
  int total() const {
    int sum = 0;
    for (const std::atomic<int> &run : runs)
      sum += run.load();
    return sum;
  }

  std::vector<std::atomic<int>> runs;
  std::atomic<int> largestWorker{0}; ///< 1: a worker's number was too large.
  std::atomic<bool> cancelled{false};
  uint32_t workers = ThreadPool::kMaxWorkers;
  int64_t failAt = -1;
  int64_t cancelAt = -1;
};

std::unique_ptr<ThreadPool> makePool(uint32_t workers, HostPool host = {}) {
  return std::move(*ThreadPool::create(workers, host));
}

TEST(ThreadPoolTest, RunsEachTileOnce) {
  for (uint32_t workers : {1u, 2u, 3u, 8u}) {
    std::unique_ptr<ThreadPool> pool = makePool(workers);
    for (int64_t count : {0, 1, 2, 7, 100})
      for (int64_t grain : {1, 3, 1000}) {
        Tiles tiles(static_cast<size_t>(count));
        tiles.workers = workers;
        EXPECT_EQ(pool->run(count, grain, {Tiles::work, &tiles}), 0);
        EXPECT_TRUE(tiles.eachRanOnce()) << workers << " " << count;
        EXPECT_EQ(tiles.largestWorker.load(), 0);
      }
  }
}

TEST(ThreadPoolTest, RunsManyLaunchesInARow) {
  std::unique_ptr<ThreadPool> pool = makePool(4);
  ThreadPool::Region region(*pool);
  for (int launch = 0; launch < 2000; ++launch) {
    Tiles tiles(9);
    ASSERT_EQ(pool->run(9, 1, {Tiles::work, &tiles}), 0);
    ASSERT_TRUE(tiles.eachRanOnce()) << launch;
  }
}

TEST(ThreadPoolTest, WakesAllParkedWorkersForALongLaunch) {
  constexpr uint32_t kWorkers = 16;
  std::unique_ptr<ThreadPool> pool = makePool(kWorkers);
  for (int launch = 0; launch < 20; ++launch) {
    // Long enough for most workers to park; whoever has not is awake anyway.
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    // Each tile waits for all others, so each needs a worker of its own.
    std::atomic<uint32_t> arrived{0};
    auto meet = [](void *data, uint32_t, int64_t, int64_t) {
      auto *count = static_cast<std::atomic<uint32_t> *>(data);
      count->fetch_add(1);
      while (count->load() < kWorkers)
        std::this_thread::yield();
      return 0;
    };
    ASSERT_EQ(pool->run(kWorkers, 1, {meet, &arrived}), 0);
    ASSERT_EQ(arrived.load(), kWorkers);
  }
}

TEST(ThreadPoolTest, PassesOnAFailureAndSkipsTheRest) {
  for (uint32_t workers : {1u, 4u}) {
    std::unique_ptr<ThreadPool> pool = makePool(workers);
    Tiles tiles(100000);
    tiles.failAt = 0;
    EXPECT_EQ(pool->run(100000, 1, {Tiles::work, &tiles}), 5);
    EXPECT_LT(tiles.total(), 100000);
    Tiles next(10);
    EXPECT_EQ(pool->run(10, 1, {Tiles::work, &next}), 0);
    EXPECT_TRUE(next.eachRanOnce());
  }
}

TEST(ThreadPoolTest, StopsBetweenRangesWhenCancelled) {
  for (uint32_t workers : {1u, 4u}) {
    std::unique_ptr<ThreadPool> pool = makePool(workers);
    Tiles tiles(100000);
    tiles.cancelAt = 0;
    EXPECT_EQ(pool->run(100000, 1, {Tiles::work, &tiles}, &tiles.cancelled), 0);
    EXPECT_LT(tiles.total(), 100000);
  }
}

TEST(ThreadPoolTest, RunsOnAHostThatRunsTasksOneAfterTheOther) {
  HostPool host;
  host.function = [](void *, HostPool::Task task, void *data,
                     uint32_t workers) {
    for (uint32_t worker = workers; worker-- > 0;)
      task(data, worker);
  };
  std::unique_ptr<ThreadPool> pool = makePool(3, host);
  Tiles tiles(50);
  EXPECT_EQ(pool->run(50, 2, {Tiles::work, &tiles}), 0);
  EXPECT_TRUE(tiles.eachRanOnce());
}

TEST(ThreadPoolTest, DoesTheWorkOfAHostThatDoesNone) {
  HostPool host;
  host.function = [](void *, HostPool::Task, void *, uint32_t) {};
  std::unique_ptr<ThreadPool> pool = makePool(3, host);
  Tiles tiles(50);
  EXPECT_EQ(pool->run(50, 2, {Tiles::work, &tiles}), 0);
  EXPECT_TRUE(tiles.eachRanOnce());
}

TEST(ThreadPoolTest, RefusesTooManyThreads) {
  EXPECT_EQ(ThreadPool::create(1025).status().code(),
            StatusCode::InvalidArgument);
}

TEST(ThreadPoolTest, TakesThePhysicalCoresByDefault) {
  EXPECT_GE(physicalCores(), 1u);
  EXPECT_EQ(makePool(0)->workers(), physicalCores());
}

void startAndStop(int cycles) {
  for (int cycle = 0; cycle < cycles; ++cycle) {
    std::unique_ptr<ThreadPool> pool = makePool(3);
    if (cycle % 2 == 0)
      continue;
    Tiles tiles(5);
    ASSERT_EQ(pool->run(5, 1, {Tiles::work, &tiles}), 0);
    ASSERT_TRUE(tiles.eachRanOnce());
  }
}

TEST(ThreadPoolTest, StartsAndStopsManyTimes) { startAndStop(300); }

TEST(ThreadPoolTest, StartsAndStopsTenThousandTimesCampaign) {
  if (!std::getenv("LATHE_CAMPAIGN"))
    GTEST_SKIP() << "set LATHE_CAMPAIGN to run it";
  startAndStop(10000);
}

} // namespace
