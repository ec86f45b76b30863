//===- CheckedSizeTest.cpp - Tests of runtime/formats/CheckedSize.h -------===//

#include "runtime/formats/CheckedSize.h"

#include <gtest/gtest.h>

#include <array>

using namespace lathe::runtime;

namespace {

constexpr uint64_t kLargest = UINT64_MAX;

TEST(CheckedSizeTest, AddsUpToTheLargestSize) {
  EXPECT_EQ((CheckedSize(kLargest - 1) + 1).value(), kLargest);
  EXPECT_EQ((CheckedSize(kLargest) + 1).value(), std::nullopt);
}

TEST(CheckedSizeTest, SubtractsDownToZero) {
  EXPECT_EQ((CheckedSize(7) - 7).value(), 0u);
  EXPECT_EQ((CheckedSize(7) - 8).value(), std::nullopt);
}

TEST(CheckedSizeTest, MultipliesUpToTheLargestSize) {
  constexpr uint64_t half = uint64_t(1) << 32;
  EXPECT_EQ((CheckedSize(half) * (half - 1)).value(), kLargest - half + 1);
  EXPECT_EQ((CheckedSize(half) * half).value(), std::nullopt);
}

TEST(CheckedSizeTest, AlignsUpToTheLargestMultiple) {
  EXPECT_EQ(CheckedSize(0).alignedTo(64).value(), 0u);
  EXPECT_EQ(CheckedSize(1).alignedTo(64).value(), 64u);
  EXPECT_EQ(CheckedSize(64).alignedTo(64).value(), 64u);
  EXPECT_EQ(CheckedSize(kLargest - 63).alignedTo(64).value(), kLargest - 63);
  EXPECT_EQ(CheckedSize(kLargest - 62).alignedTo(64).value(), std::nullopt);
}

TEST(CheckedSizeTest, RemembersThatAnEarlierStepWrapped) {
  CheckedSize wrapped = CheckedSize(kLargest) * 2;
  EXPECT_EQ((wrapped * 0).value(), std::nullopt);
  EXPECT_EQ((wrapped + 0).value(), std::nullopt);
  EXPECT_EQ((CheckedSize(0) * wrapped).value(), std::nullopt);
  EXPECT_EQ(wrapped.alignedTo(8).value(), std::nullopt);
  EXPECT_FALSE(wrapped.isAtMost(kLargest));
}

TEST(CheckedSizeTest, ProductOfAShape) {
  using Shape = std::array<int64_t, 3>;
  EXPECT_EQ(CheckedSize::product({}).value(), 1u);
  EXPECT_EQ(CheckedSize::product(Shape{2, 3, 4}).value(), 24u);
  EXPECT_EQ(CheckedSize::product(Shape{2, 0, 4}).value(), 0u);
  EXPECT_EQ(CheckedSize::product(Shape{2, -1, 4}).value(), std::nullopt);
  EXPECT_EQ(CheckedSize::product(Shape{INT64_MAX, 4, 0}).value(), std::nullopt);
}

TEST(CheckedSizeTest, ComparesWithALimit) {
  EXPECT_TRUE(CheckedSize(8).isAtMost(8));
  EXPECT_FALSE(CheckedSize(9).isAtMost(8));
}

} // namespace
