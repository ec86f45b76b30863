//===- SchedulesTest.cpp - Tests of compiler/tune/Schedules.h -------------===//

#include "compiler/tune/Schedules.h"

#include "passes/lowering/AssignSchedules.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/ScheduleKeys.h"
#include "tests/unit/compiler/KernelText.h"

#include <gtest/gtest.h>

#include <set>

using namespace lathe;
using namespace lathe::runtime;

namespace {

constexpr const char *kLevel = "x86-64-v4";
constexpr const char *kMany = "linear 64x64, weight f32, input f32, many rows";
constexpr const char *kHeads =
    "linear 96x64, weight f32, input f32, few rows, heads of 48";
constexpr const char *kCached =
    "attention 4 heads of 8, 2 key heads, f32, cached f32";

/// The message with which \p tiling of \p key is refused at \p level.
std::string messageOf(const char *key, KernelTiling tiling,
                      const char *level = kLevel) {
  KernelModule text;
  Result<size_t> count =
      applySchedules(text.kernels(), level, {{key, tiling}}, "f");
  EXPECT_FALSE(count.isOk()) << key;
  if (count.isOk())
    return "";
  EXPECT_EQ(count.status().code(), StatusCode::InvalidFile);
  return std::string(count.status().message());
}

TEST(SchedulesTest, NamesLinearLayersByWhatTheyComputeAndNothingElse) {
  KernelModule text;
  EXPECT_EQ(scheduleKeyOf(text.kernel("many")), kMany);
  EXPECT_EQ(scheduleKeyOf(text.kernel("few")),
            "linear 64x64, weight f32, input f32, few rows");
  EXPECT_EQ(scheduleKeyOf(text.kernel("heads")), kHeads);
  EXPECT_EQ(scheduleKeyOf(text.kernel("rows")), std::nullopt);
}

TEST(SchedulesTest, NamesAttentionByTheTypeOfItsCache) {
  KernelModule text;
  EXPECT_EQ(scheduleKeyOf(text.kernel("cached")), kCached);
  EXPECT_EQ(scheduleKeyOf(text.kernel("bytes")),
            "attention 4 heads of 8, 2 key heads, f32, cached si8:8:f32");
}

TEST(SchedulesTest, GivesAndTakesSchedules) {
  KernelModule text;
  KernelTiling tiling{4, 32, 32, 2, 16};
  Result<size_t> count =
      applySchedules(text.kernels(), kLevel, {{kMany, tiling}}, "f");
  ASSERT_TRUE(count.isOk());
  EXPECT_EQ(*count, 1u);
  EXPECT_TRUE(text.kernel("many")->hasAttr(kScheduleAttr));
  EXPECT_FALSE(text.kernel("few")->hasAttr(kScheduleAttr));
  ScheduleFile::Level all = schedulesOf(text.kernels(), kLevel);
  EXPECT_EQ(all.size(), 5u);
  EXPECT_EQ(all[kMany], tiling);
  clearSchedules(text.kernels());
  EXPECT_FALSE(text.kernel("many")->hasAttr(kScheduleAttr));
  EXPECT_NE(schedulesOf(text.kernels(), kLevel)[kMany], tiling);
}

TEST(SchedulesTest, TakesRegisterTilesUpToTheRegistersOfTheLevel) {
  KernelModule text;
  std::string place = std::string("f: levels.x86-64-v4.") + kMany;
  // 28 accumulators, 2 vectors of weights and an activation.
  ScheduleFile::Level fitting = {{kMany, {14, 32, 56, 1, 16}}};
  EXPECT_TRUE(applySchedules(text.kernels(), kLevel, fitting, "f").isOk());
  EXPECT_EQ(messageOf(kMany, {15, 32, 60, 1, 16}),
            place + ".rows: expected a register tile of at most 32 registers, "
                    "got 33");
  EXPECT_EQ(messageOf(kMany, {17, 16, 68, 1, 16}),
            place + ".rows: expected at most 16, got 17");
  EXPECT_NE(messageOf(kMany, {7, 16, 63, 1, 8}, "x86-64-v3")
                .find("at most 16 registers, got 17"),
            std::string::npos);
}

TEST(SchedulesTest, TakesWholeAndHalfVectors) {
  KernelModule text;
  ScheduleFile::Level half = {{kMany, {8, 16, 64, 1, 8}}};
  EXPECT_TRUE(applySchedules(text.kernels(), kLevel, half, "f").isOk());
  EXPECT_NE(messageOf(kMany, {8, 16, 64, 1, 4})
                .find(".vector: expected 16 or half of it, got 4"),
            std::string::npos);
}

TEST(SchedulesTest, RefusesTilesThatSplitAHead) {
  KernelModule text;
  ScheduleFile::Level whole = {{kHeads, {8, 32, 16, 3, 16}}};
  EXPECT_TRUE(applySchedules(text.kernels(), kLevel, whole, "f").isOk());
  EXPECT_NE(messageOf(kHeads, {8, 32, 16, 2, 16})
                .find(".panels: expected panels of 32 columns that are whole "
                      "heads of 48, got 2"),
            std::string::npos);
}

TEST(SchedulesTest, RefusesTilesThatNeedTooMuchScratch) {
  EXPECT_NE(messageOf(kMany, {1, 16, 4096, 1000, 16})
                .find(".row_block: expected a tile of at most 16777216 bytes"),
            std::string::npos);
}

TEST(SchedulesTest, TakesAttentionThatItsKernelCanHave) {
  KernelModule text;
  std::string place = std::string("f: levels.x86-64-v4.") + kCached;
  // 28 accumulators, 2 vectors of keys and a query's element.
  for (KernelTiling fitting :
       {KernelTiling{14, 32, 56, 1, 16}, KernelTiling{16, 16, 512, 1, 16}}) {
    ScheduleFile::Level level = {{kCached, fitting}};
    EXPECT_TRUE(applySchedules(text.kernels(), kLevel, level, "f").isOk());
  }
  EXPECT_EQ(messageOf(kCached, {15, 32, 60, 1, 16}),
            place + ".rows: expected a register tile of at most 32 registers, "
                    "got 33");
  EXPECT_EQ(messageOf(kCached, {17, 16, 68, 1, 16}),
            place + ".rows: expected at most 16, got 17");
  EXPECT_EQ(messageOf(kCached, {4, 64, 64, 1, 16}),
            place + ".columns: expected 16 or 32, got 64");
  EXPECT_EQ(messageOf(kCached, {4, 32, 64, 2, 16}),
            place + ".panels: expected 1, got 2");
  EXPECT_EQ(messageOf(kCached, {4, 32, 64, 1, 8}),
            place + ".vector: expected 16, got 8");
  // A head of 8 elements takes a vector of 16 for a query and one for sums.
  EXPECT_EQ(messageOf(kCached, {1, 32, 131073, 1, 16}),
            place + ".row_block: expected a tile of at most 16777216 bytes of "
                    "queries and sums, got 16777344");
  // A vector of 16 is two registers here.
  EXPECT_NE(messageOf(kCached, {7, 16, 63, 1, 8}, "x86-64-v3")
                .find("at most 16 registers, got 17"),
            std::string::npos);
  EXPECT_NE(messageOf(kCached, {4, 8, 64, 1, 8}, "x86-64-v3")
                .find(".columns: expected 16 or 32, got 8"),
            std::string::npos);
}

TEST(SchedulesTest, TakesItsOwnSchedulesFromAFile) {
  KernelModule text;
  for (const char *level : {"x86-64-v3", "x86-64-v4", "x86-64-v4-vnni-bf16",
                            "x86-64-v4-amx", "aarch64"}) {
    ScheduleFile file;
    file.levels[level] = schedulesOf(text.kernels(), level);
    Result<ScheduleFile> read = ScheduleFile::parse(file.toText(), "f");
    ASSERT_TRUE(read.isOk()) << level << ": " << read.status().message();
    EXPECT_EQ(read->levels, file.levels);
    Result<size_t> count =
        applySchedules(text.kernels(), level, read->levels[level], "f");
    EXPECT_TRUE(count.isOk()) << count.status().message();
    clearSchedules(text.kernels());
  }
}

TEST(SchedulesTest, DropsWhatDoesNotFit) {
  KernelModule text;
  ScheduleFile::Level schedules = {{kMany, {15, 32, 60, 1, 16}},
                                   {kHeads, {8, 32, 16, 3, 16}},
                                   {"another", {16, 256, 16, 1, 16}}};
  dropUnfit(text.kernels(), kLevel, schedules);
  EXPECT_EQ(schedules.size(), 2u);
  EXPECT_FALSE(schedules.contains(kMany));
}

TEST(SchedulesTest, OffersOnlySchedulesThatItTakes) {
  KernelModule text;
  for (const char *level : {"x86-64-v3", "x86-64-v4", "aarch64"})
    for (const char *name : {"many", "few", "heads", "cached", "bytes"}) {
      mlir::func::FuncOp kernel = text.kernel(name);
      ScheduleAttr own = chooseSchedule(kernel, level);
      EXPECT_FALSE(checkSchedule(kernel, own, level));
      for (auto others : {otherLaunchTiles, otherRegisterTiles}) {
        llvm::SmallVector<ScheduleAttr> schedules = others(kernel, own, level);
        EXPECT_FALSE(schedules.empty());
        for (ScheduleAttr schedule : schedules) {
          EXPECT_FALSE(checkSchedule(kernel, schedule, level));
          EXPECT_NE(schedule, own);
          // How products are added is not a schedule's to change.
          EXPECT_EQ(schedule.getDot(), own.getDot());
        }
      }
    }
}

/// Of each of the first 8 of \p schedules: rows and columns.
std::set<std::pair<int64_t, int64_t>>
firstRegisterTiles(llvm::ArrayRef<ScheduleAttr> schedules) {
  std::set<std::pair<int64_t, int64_t>> tiles;
  for (ScheduleAttr schedule : schedules.take_front(8))
    tiles.emplace(schedule.getRows(), schedule.getColumns());
  return tiles;
}

TEST(SchedulesTest, OffersAttentionTilesAroundTheTables) {
  KernelModule text;
  mlir::func::FuncOp kernel = text.kernel("cached");
  ScheduleAttr own = chooseSchedule(kernel, kLevel); // 8 x 32
  std::set<std::pair<int64_t, int64_t>> near =
      firstRegisterTiles(otherRegisterTiles(kernel, own, kLevel));
  for (std::pair<int64_t, int64_t> tile :
       {std::pair(4, 32), {6, 32}, {12, 32}, {6, 16}, {8, 16}, {16, 16}})
    EXPECT_TRUE(near.contains(tile)) << tile.first << 'x' << tile.second;
  // Few chains of sums come last.
  EXPECT_FALSE(near.contains({2, 16}));

  // Of 16 registers, two of which are a vector of 16.
  ScheduleAttr narrow = chooseSchedule(kernel, "x86-64-v3"); // 6 x 16
  near = firstRegisterTiles(otherRegisterTiles(kernel, narrow, "x86-64-v3"));
  EXPECT_TRUE(near.contains({4, 16}) && near.contains({2, 32}));

  std::vector<int64_t> blocks;
  for (ScheduleAttr schedule : otherLaunchTiles(kernel, own, kLevel))
    blocks.push_back(schedule.getRowBlock());
  EXPECT_EQ(blocks, (std::vector<int64_t>{512, 128, 64}));
}

} // namespace
