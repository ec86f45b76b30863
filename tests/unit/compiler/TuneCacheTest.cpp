//===- TuneCacheTest.cpp - Tests of compiler/tune/TuneCache.h -------------===//

#include "compiler/tune/TuneCache.h"

#include "runtime/formats/AtomicFile.h"
#include "runtime/formats/MappedFile.h"
#include "tests/unit/formats/TemporaryFolder.h"

#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::runtime;

namespace {

const ScheduleFile::Level kOne = {{"one", {8, 32, 64, 1, 16}}};
const ScheduleFile::Level kTwo = {{"two", {6, 16, 66, 2, 8}}};

std::string textOf(const TuneCache &cache) {
  Result<MappedFile> file = MappedFile::open(cache.path());
  return file.isOk() ? std::string(file->text()) : "";
}

ScheduleFile::Level contentOf(const TuneCache &cache) {
  Result<ScheduleFile::Level> content = cache.load();
  EXPECT_TRUE(content.isOk());
  return content.isOk() ? *content : ScheduleFile::Level();
}

TEST(TuneCacheTest, KeepsWhatIsAddedForItsLevelAlone) {
  TemporaryFolder folder;
  TuneCache cache(folder / "kernels", "x86-64-v4");
  EXPECT_TRUE(contentOf(cache).empty());
  ASSERT_TRUE(cache.add(kOne).isOk());
  ASSERT_TRUE(TuneCache(folder / "kernels", "x86-64-v4").add(kTwo).isOk());
  EXPECT_EQ(contentOf(cache).size(), 2u);
  EXPECT_EQ(contentOf(cache)["one"], kOne.at("one"));
  EXPECT_TRUE(contentOf(TuneCache(folder / "kernels", "x86-64-v3")).empty());
}

TEST(TuneCacheTest, IsTheSameBytesInAnyOrder) {
  TemporaryFolder folder;
  TuneCache first(folder / "a/kernels", "x86-64-v4");
  TuneCache second(folder / "b/kernels", "x86-64-v4");
  ASSERT_TRUE(first.add(kOne).isOk() && first.add(kTwo).isOk());
  ASSERT_TRUE(second.add(kTwo).isOk() && second.add(kOne).isOk());
  EXPECT_EQ(textOf(first), textOf(second));
  EXPECT_FALSE(textOf(first).empty());
}

TEST(TuneCacheTest, SaysThatItIsBrokenUntilSomethingIsAdded) {
  TemporaryFolder folder;
  TuneCache cache(folder / "kernels", "x86-64-v4");
  ASSERT_TRUE(cache.add(kOne).isOk());
  ASSERT_TRUE(writeFile(cache.path(), "{").isOk());
  Result<ScheduleFile::Level> broken = cache.load();
  ASSERT_FALSE(broken.isOk());
  EXPECT_EQ(broken.status().code(), StatusCode::InvalidFile);
  EXPECT_NE(broken.status().message().find(cache.path()), std::string::npos);
  ASSERT_TRUE(cache.add(kTwo).isOk());
  EXPECT_EQ(contentOf(cache), kTwo);
}

TEST(TuneCacheTest, HoldsNothingNowhere) {
  TuneCache nowhere("", "x86-64-v4");
  EXPECT_TRUE(nowhere.add(kOne).isOk());
  EXPECT_TRUE(contentOf(nowhere).empty());
}

} // namespace
