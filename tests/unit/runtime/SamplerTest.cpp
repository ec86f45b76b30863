//===- SamplerTest.cpp - Tests of runtime/Sampler.h -----------------------===//

#include "runtime/Sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

using namespace lathe::runtime;

namespace {

using Words = std::array<uint32_t, 4>;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Sampler make(SamplingOptions options, int64_t vocabulary = 4) {
  return std::move(*Sampler::create(options, vocabulary));
}

/// How often each id comes in \p draws draws.
std::map<int32_t, int> histogram(SamplingOptions options,
                                 std::vector<float> logits, int draws) {
  Sampler sampler = make(options, static_cast<int64_t>(logits.size()));
  std::map<int32_t, int> counts;
  for (int i = 0; i < draws; ++i)
    ++counts[*sampler.next(logits)];
  return counts;
}

// The known answers of Random123's kat_vectors.
TEST(SamplerTest, PhiloxGivesTheKnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                   {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(SamplerTest, DrawsAreInTheUnitInterval) {
  double sum = 0;
  for (uint64_t i = 0; i < 10000; ++i) {
    double draw = uniformDraw(1, i);
    ASSERT_GE(draw, 0);
    ASSERT_LT(draw, 1);
    sum += draw;
  }
  // The mean of n uniform numbers has a deviation of 1 / sqrt(12 n) = 0.0029.
  EXPECT_NEAR(sum / 10000, 0.5, 0.015);
}

TEST(SamplerTest, GreedyTakesTheLowestOfTheLargest) {
  EXPECT_EQ(argmax(std::vector<float>{1, 3, 3, 2}), 1);
  EXPECT_EQ(argmax(std::vector<float>{kNan, -1, kNan}), 1);
  EXPECT_EQ(*make({}).next(std::vector<float>{1, 3, 3, 2}), 1);
  EXPECT_EQ(*make({}).next(std::vector<float>{kNan, 1, kInfinity, 2}), 2);
  EXPECT_TRUE(make({}).isGreedy());
}

TEST(SamplerTest, FailsWithoutANumber) {
  std::vector<float> logits(4, kNan);
  EXPECT_EQ(make({}).next(logits).status().code(), StatusCode::DeviceError);
}

TEST(SamplerTest, FollowsTheProbabilities) {
  SamplingOptions options;
  options.temperature = 1;
  std::map<int32_t, int> counts = histogram(
      options, {std::log(0.5f), std::log(0.3f), std::log(0.2f)}, 20000);
  // The deviation of a count is at most sqrt(20000) / 2 = 71.
  EXPECT_NEAR(counts[0], 10000, 360);
  EXPECT_NEAR(counts[1], 6000, 360);
  EXPECT_NEAR(counts[2], 4000, 360);
}

TEST(SamplerTest, TemperatureScalesLogits) {
  SamplingOptions options;
  options.temperature = 0.5f;
  std::map<int32_t, int> counts =
      histogram(options, {std::log(2.0f), std::log(1.0f)}, 20000);
  EXPECT_NEAR(counts[0], 16000, 360);
}

TEST(SamplerTest, TopKKeepsTheLowestOfEquals) {
  SamplingOptions options;
  options.temperature = 1;
  options.topK = 2;
  std::map<int32_t, int> counts = histogram(options, {1, 1, 1, 0}, 1000);
  EXPECT_EQ(counts[2] + counts[3], 0);
  EXPECT_GT(counts[0], 0);
  EXPECT_GT(counts[1], 0);
}

TEST(SamplerTest, TopPKeepsTheFewestThatReachIt) {
  SamplingOptions options;
  options.temperature = 1;
  options.topP = 0.75f;
  std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  std::map<int32_t, int> counts = histogram(options, logits, 1000);
  EXPECT_GT(counts[1], 0);
  EXPECT_EQ(counts[2], 0);
  options.topP = 0.4f;
  EXPECT_EQ(histogram(options, logits, 1000)[0], 1000);
}

TEST(SamplerTest, MinPDropsTheUnlikely) {
  SamplingOptions options;
  options.temperature = 1;
  options.minP = 0.5f;
  std::map<int32_t, int> counts = histogram(
      options, {std::log(0.5f), std::log(0.3f), std::log(0.2f)}, 1000);
  EXPECT_GT(counts[1], 0);
  EXPECT_EQ(counts[2], 0);
}

TEST(SamplerTest, PenaltyLowersWhatWasSeen) {
  SamplingOptions options;
  options.repetitionPenalty = 2;
  Sampler sampler = make(options);
  std::vector<float> logits = {1.5f, 2, -1, -3};
  EXPECT_FALSE(sampler.isGreedy());
  EXPECT_EQ(*sampler.next(logits), 1);
  sampler.observe(1);
  EXPECT_EQ(*sampler.next(logits), 0);
  std::vector<float> negative = {-4, -4, -4, -3};
  sampler.observe(3);
  EXPECT_EQ(*sampler.next(negative), 0);
}

TEST(SamplerTest, TheSameSeedGivesTheSameIds) {
  SamplingOptions options;
  options.temperature = 1;
  options.seed = 7;
  std::vector<float> logits(64);
  Sampler first = make(options, 64), second = make(options, 64);
  options.seed = 8;
  Sampler other = make(options, 64);
  int differences = 0;
  for (int i = 0; i < 50; ++i) {
    int32_t id = *first.next(logits);
    EXPECT_EQ(id, *second.next(logits));
    differences += id != *other.next(logits);
  }
  EXPECT_GT(differences, 25);
}

TEST(SamplerTest, InfiniteLogitsShareAll) {
  SamplingOptions options;
  options.temperature = 1;
  std::map<int32_t, int> counts =
      histogram(options, {0, kInfinity, kInfinity, -kInfinity}, 1000);
  EXPECT_EQ(counts[1] + counts[2], 1000);
  EXPECT_GT(counts[2], 0);
}

TEST(SamplerTest, RefusesSettingsOutOfRange) {
  for (float bad : {-0.5f, kNan, kInfinity}) {
    SamplingOptions options;
    options.temperature = bad;
    EXPECT_FALSE(Sampler::create(options, 4).isOk());
    options = {};
    options.repetitionPenalty = bad;
    EXPECT_FALSE(Sampler::create(options, 4).isOk());
  }
  for (float bad : {-0.5f, kNan, 1.5f}) {
    SamplingOptions options;
    options.topP = bad;
    EXPECT_FALSE(Sampler::create(options, 4).isOk());
    options = {};
    options.minP = bad;
    EXPECT_FALSE(Sampler::create(options, 4).isOk());
  }
  SamplingOptions options;
  options.topK = -1;
  EXPECT_EQ(Sampler::create(options, 4).status().message(),
            "top_k: is -1.000000, expected 0 or more");
}

} // namespace
