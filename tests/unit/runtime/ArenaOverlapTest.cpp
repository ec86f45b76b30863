//===- ArenaOverlapTest.cpp - Tests of runtime/ArenaOverlap.h -------------===//

#include "runtime/ArenaOverlap.h"

#include <gtest/gtest.h>

#include <random>

using namespace lathe::runtime;

namespace {

using Pair = std::pair<size_t, size_t>;

TEST(ArenaOverlapTest, AcceptsWhatLiesApart) {
  EXPECT_FALSE(findOverlap({}));
  EXPECT_FALSE(findOverlap({{0, 0, 3, 0, 64}, {1, 1, 2, 64, 64}}));
}

TEST(ArenaOverlapTest, FindsASharedByteOnEitherSide) {
  EXPECT_EQ(findOverlap({{7, 0, 3, 0, 65}, {9, 1, 2, 64, 64}}), Pair(7, 9));
  EXPECT_EQ(findOverlap({{7, 0, 3, 64, 64}, {9, 1, 2, 0, 65}}), Pair(7, 9));
  EXPECT_EQ(findOverlap({{7, 0, 3, 0, 256}, {9, 1, 2, 64, 64}}), Pair(7, 9));
}

TEST(ArenaOverlapTest, AcceptsTheSamePlaceOneAfterTheOther) {
  EXPECT_FALSE(findOverlap({{0, 0, 1, 0, 64}, {1, 2, 3, 0, 64}}));
}

TEST(ArenaOverlapTest, AcceptsABufferThatIsWrittenInPlace) {
  EXPECT_FALSE(findOverlap({{0, 0, 1, 0, 64}, {1, 1, 2, 0, 64}}));
  EXPECT_FALSE(findOverlap({{0, 0, 1, 0, 64}, {1, 1, 1, 0, 128}}));
}

TEST(ArenaOverlapTest, RefusesToWriteOverWhatIsReadAtAnotherPlace) {
  EXPECT_EQ(findOverlap({{0, 0, 1, 0, 128}, {1, 1, 2, 64, 64}}), Pair(0, 1));
}

TEST(ArenaOverlapTest, RefusesToWriteOverWhatIsReadLater) {
  EXPECT_EQ(findOverlap({{0, 0, 2, 0, 64}, {1, 1, 2, 0, 64}}), Pair(0, 1));
}

TEST(ArenaOverlapTest, RefusesTwoThatOneCommandWrites) {
  EXPECT_EQ(findOverlap({{0, 0, 0, 0, 64}, {1, 0, 1, 0, 64}}), Pair(0, 1));
  // Also where both lie in what the command reads for the last time.
  EXPECT_TRUE(
      findOverlap({{0, 0, 1, 0, 128}, {1, 1, 2, 0, 64}, {2, 1, 2, 64, 64}}));
}

TEST(ArenaOverlapTest, IgnoresEmptyBuffers) {
  EXPECT_FALSE(findOverlap({{0, 0, 3, 0, 64}, {1, 1, 2, 0, 0}}));
}

/// The definition, pair by pair.
bool overlaps(const Resident &lhs, const Resident &rhs) {
  const Resident &first = lhs.begin <= rhs.begin ? lhs : rhs;
  const Resident &second = lhs.begin <= rhs.begin ? rhs : lhs;
  bool isInPlace = first.begin < first.end && first.end == second.begin &&
                   first.offset == second.offset;
  return first.end >= second.begin && !isInPlace && first.bytes > 0 &&
         second.bytes > 0 && first.offset < second.offset + second.bytes &&
         second.offset < first.offset + first.bytes;
}

TEST(ArenaOverlapTest, AgreesWithTheDefinitionOnRandomPlans) {
  std::mt19937 random(4);
  int apart = 0;
  for (int plan = 0; plan < 20000; ++plan) {
    std::vector<Resident> residents(1 + random() % 6);
    for (size_t i = 0; i < residents.size(); ++i) {
      size_t begin = random() % 6;
      residents[i] = {i, begin, begin + random() % 3, random() % 6,
                      random() % 3};
    }
    bool expected = false;
    for (size_t i = 0; i < residents.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        expected |= overlaps(residents[i], residents[j]);
    std::optional<Pair> found = findOverlap(residents);
    ASSERT_EQ(found.has_value(), expected) << plan;
    if (found) {
      EXPECT_TRUE(overlaps(residents[found->first], residents[found->second]));
    }
    apart += !found;
  }
  EXPECT_GT(apart, 1000);
  EXPECT_LT(apart, 19000);
}

} // namespace
