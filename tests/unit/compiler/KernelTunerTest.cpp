//===- KernelTunerTest.cpp - Tests of compiler/tune/KernelTuner.h ---------===//

#include "compiler/tune/KernelTuner.h"

#include "compiler/tune/KernelRunner.h"
#include "compiler/tune/Schedules.h"
#include "passes/lowering/ScheduleKeys.h"
#include "tests/unit/compiler/KernelText.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace lathe;
using namespace lathe::runtime;

namespace {

KernelCompileOptions withoutCache() {
  KernelCompileOptions options;
  options.useCache = false;
  return options;
}

TEST(KernelTunerTest, PlacesTokensInOrderInTheMiddleOfACache) {
  for (int64_t positions : {1, 64, 512})
    for (size_t count : {1, 128, 512}) {
      std::vector<int32_t> tokens(count);
      placeTokens(tokens, positions);
      EXPECT_TRUE(std::is_sorted(tokens.begin(), tokens.end()));
      EXPECT_GE(tokens.front(), 0);
      EXPECT_LT(tokens.back(), positions);
    }
  std::vector<int32_t> tokens(128);
  placeTokens(tokens, 512);
  EXPECT_EQ(tokens.front(), 192);
  EXPECT_EQ(tokens.back(), 319);
  tokens.resize(1);
  placeTokens(tokens, 512);
  EXPECT_EQ(tokens.front(), 255);
}

TEST(KernelTunerTest, FindsASchedule) {
  const TargetLevel *level = hostLevel();
  if (!level)
    GTEST_SKIP() << "this machine is below every level";
  KernelModule text;
  ScheduleFile::Level all = schedulesOf(text.kernels(), level->name);
  // Attention, of a cache of f32 and of a quantised one, and a linear layer.
  for (const char *name : {"cached", "bytes", "many"}) {
    // All but one kind are known.
    ScheduleFile::Level known = all;
    std::string key = *scheduleKeyOf(text.kernel(name));
    ASSERT_EQ(known.erase(key), 1u);
    Result<TuneReport> report = tuneKernels(*text.module, *level, known,
                                            /*seconds=*/3600, withoutCache());
    ASSERT_TRUE(report.isOk()) << report.status().message();
    EXPECT_EQ(report->left, 0u);
    ASSERT_EQ(report->schedules.size(), 1u);
    EXPECT_EQ(report->schedules.begin()->first, key);
    Result<size_t> count =
        applySchedules(text.kernels(), level->name, report->schedules, "found");
    EXPECT_TRUE(count.isOk()) << count.status().message();
  }
}

TEST(KernelTunerTest, FinishesAKindThatWasBegun) {
  const TargetLevel *level = hostLevel();
  if (!level)
    GTEST_SKIP() << "this machine is below every level";
  KernelModule text;
  // Over before the first launch.
  Result<TuneReport> report = tuneKernels(*text.module, *level, {},
                                          /*seconds=*/1e-9, withoutCache());
  ASSERT_TRUE(report.isOk()) << report.status().message();
  EXPECT_EQ(report->schedules.size(), 1u);
  EXPECT_EQ(report->left, 4u);
}

TEST(KernelTunerTest, MeasuresNothingWithoutTimeOrWork) {
  const TargetLevel *level = hostLevel();
  if (!level)
    GTEST_SKIP() << "this machine is below every level";
  KernelModule text;
  Result<TuneReport> none =
      tuneKernels(*text.module, *level, {}, /*seconds=*/0, withoutCache());
  ASSERT_TRUE(none.isOk());
  EXPECT_TRUE(none->schedules.empty());
  EXPECT_EQ(none->left, 5u);
  Result<TuneReport> known = tuneKernels(
      *text.module, *level, schedulesOf(text.kernels(), level->name),
      /*seconds=*/3600, withoutCache());
  ASSERT_TRUE(known.isOk());
  EXPECT_TRUE(known->schedules.empty());
  EXPECT_EQ(known->left, 0u);
}

} // namespace
