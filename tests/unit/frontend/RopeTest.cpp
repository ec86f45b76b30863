//===- RopeTest.cpp - Tests of frontend/models/Rope.h ---------------------===//
//
// The reference is float64; frequencies are rounded to f32 in one to five
// steps, so they agree to a few units of 2^-24.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/Rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

using namespace lathe;
using runtime::Result;
using runtime::StatusCode;

namespace {

constexpr double kTolerance = 8.0 / (1 << 24);

struct RopeTest : testing::Test {
  RopeTest() {
    config.family = "llama";
    config.heads = 2;
    config.headSize = 64;
    config.context = 4096;
    config.rope.emplace().originalContext = 4096;
  }
  /// Frequency \p i without any scaling.
  double plain(size_t i) const {
    return std::pow(config.rope->theta, -2.0 * double(i) / 64.0);
  }
  RopeFrequencies frequencies(int64_t context = 4096) {
    Result<RopeFrequencies> result = ropeFrequencies(config, context);
    EXPECT_TRUE(result.isOk());
    return result.isOk() ? *result : RopeFrequencies();
  }
  void expectNear(double actual, double expected) {
    EXPECT_NEAR(actual, expected, kTolerance * std::fabs(expected));
  }

  TransformerConfig config;
};

TEST_F(RopeTest, DefaultIsAGeometricSeries) {
  RopeFrequencies result = frequencies();
  ASSERT_EQ(result.frequencies.size(), 32u);
  EXPECT_EQ(result.scale, 1.0);
  EXPECT_EQ(result.frequencies[0], 1.0);
  for (size_t i = 0; i < 32; ++i)
    expectNear(result.frequencies[i], plain(i));
}

TEST_F(RopeTest, FrequenciesAreF32Numbers) {
  for (double frequency : frequencies().frequencies)
    EXPECT_EQ(frequency, double(float(frequency)));
}

TEST_F(RopeTest, PartialRotatesTheFirstElements) {
  config.rope->partialFactor = 0.5;
  RopeFrequencies result = frequencies();
  ASSERT_EQ(result.frequencies.size(), 16u);
  expectNear(result.frequencies[1], std::pow(10000.0, -2.0 / 32.0));
}

TEST_F(RopeTest, LinearDividesByTheFactor) {
  config.rope->kind = RopeKind::Linear;
  config.rope->factor = 3.0;
  RopeFrequencies result = frequencies();
  for (size_t i = 0; i < 32; ++i)
    expectNear(result.frequencies[i], plain(i) / 3.0);
}

TEST_F(RopeTest, DynamicIsTheDefaultUpToTheContextOfTheConfig) {
  config.rope->kind = RopeKind::Dynamic;
  config.rope->factor = 2.0;
  RopeFrequencies result = frequencies(4096);
  for (size_t i = 0; i < 32; ++i)
    expectNear(result.frequencies[i], plain(i));
  EXPECT_EQ(ropeNote(config, 4096), "");
}

TEST_F(RopeTest, DynamicStretchesThetaForALongerContext) {
  config.rope->kind = RopeKind::Dynamic;
  config.rope->factor = 2.0;
  // theta * (2 N / 4096 - 1)^(D / (D - 2)), here with N = 4097 and 10000.
  for (int64_t context : {4097, 10000}) {
    double stretch = 2.0 * double(context) / 4096.0 - 1.0;
    double theta = 10000.0 * std::pow(stretch, 64.0 / 62.0);
    RopeFrequencies result = frequencies(context);
    for (size_t i = 0; i < 32; ++i)
      expectNear(result.frequencies[i],
                 std::pow(theta, -2.0 * double(i) / 64.0));
  }
  EXPECT_NE(ropeNote(config, 4097).find("stretched as one of 4097 (up to 4096"),
            std::string::npos);
}

TEST_F(RopeTest, RejectsADynamicStretchOfASinglePair) {
  config.rope->kind = RopeKind::Dynamic;
  config.rope->factor = 2.0;
  config.headSize = 2; // The exponent D / (D - 2) has no value.
  EXPECT_EQ(frequencies(4096).frequencies, std::vector<double>{1.0});
  EXPECT_EQ(ropeFrequencies(config, 4097).status().code(),
            StatusCode::InvalidFile);
}

TEST_F(RopeTest, Llama3KeepsShortWavesAndStretchesLongOnes) {
  RopeConfig &rope = *config.rope;
  rope.kind = RopeKind::Llama3;
  rope.factor = 8.0;
  rope.originalContext = 1024;
  RopeFrequencies result = frequencies();
  size_t kept = 0, stretched = 0, between = 0;
  for (size_t i = 0; i < 32; ++i) {
    double wavelength = 2.0 * std::numbers::pi / plain(i);
    double turns = 1024.0 / wavelength;
    double expected = plain(i);
    if (turns < 1.0) {
      expected /= 8.0;
      ++stretched;
    } else if (turns <= 4.0) {
      double smooth = (turns - 1.0) / 3.0;
      expected = (1.0 - smooth) * plain(i) / 8.0 + smooth * plain(i);
      ++between;
    } else {
      ++kept;
    }
    expectNear(result.frequencies[i], expected);
  }
  EXPECT_GT(kept, 0u);
  EXPECT_GT(stretched, 0u);
  EXPECT_GT(between, 0u);
}

TEST_F(RopeTest, YarnBlendsBetweenTwoPairsAndScales) {
  RopeConfig &rope = *config.rope;
  rope.kind = RopeKind::Yarn;
  rope.factor = 4.0;
  rope.originalContext = 1024;
  // Pairs that turn 32 times and once over 1024 positions, rounded outward.
  auto pair = [](double turns) {
    return 64.0 * std::log(1024.0 / (turns * 2.0 * std::numbers::pi)) /
           (2.0 * std::log(10000.0));
  };
  double low = std::floor(pair(32.0)), high = std::ceil(pair(1.0));
  RopeFrequencies result = frequencies();
  for (size_t i = 0; i < 32; ++i) {
    double ramp = std::clamp((double(i) - low) / (high - low), 0.0, 1.0);
    expectNear(result.frequencies[i],
               plain(i) * (1.0 - ramp) + plain(i) / 4.0 * ramp);
  }
  EXPECT_DOUBLE_EQ(result.scale, 0.1 * std::log(4.0) + 1.0);
}

TEST_F(RopeTest, YarnTakesItsScaleAsGivenOrFromTheTwoMagnitudes) {
  RopeConfig &rope = *config.rope;
  rope.kind = RopeKind::Yarn;
  rope.factor = 4.0;
  rope.mscale = 0.7;
  rope.mscaleAllDim = 1.0;
  EXPECT_DOUBLE_EQ(frequencies().scale,
                   (0.07 * std::log(4.0) + 1.0) / (0.1 * std::log(4.0) + 1.0));
  rope.attentionFactor = 1.5;
  EXPECT_EQ(frequencies().scale, 1.5);
}

TEST_F(RopeTest, LongRopeDividesByTheFactorsThatBelongToTheContext) {
  RopeConfig &rope = *config.rope;
  rope.kind = RopeKind::LongRope;
  rope.factor = 4.0;
  rope.originalContext = 1024;
  for (size_t i = 0; i < 32; ++i) {
    rope.shortFactors.push_back(1.0 + double(i));
    rope.longFactors.push_back(3.0 + double(i));
  }
  EXPECT_EQ(ropeContext(config), 1024);
  RopeFrequencies result = frequencies(1024);
  for (size_t i = 0; i < 32; ++i)
    expectNear(result.frequencies[i], plain(i) / (1.0 + double(i)));
  EXPECT_DOUBLE_EQ(result.scale,
                   std::sqrt(1.0 + std::log(4.0) / std::log(1024.0)));
  EXPECT_EQ(ropeNote(config, 1024), "");

  RopeFrequencies beyond = frequencies(1025);
  for (size_t i = 0; i < 32; ++i)
    expectNear(beyond.frequencies[i], plain(i) / (3.0 + double(i)));
  EXPECT_EQ(beyond.scale, result.scale);
  EXPECT_NE(ropeNote(config, 1025).find("take the long factors (up to 1024"),
            std::string::npos);
}

TEST_F(RopeTest, RejectsNumbersThatGiveNoFrequencies) {
  config.rope->kind = RopeKind::Yarn;
  config.rope->theta = 1.0; // Its logarithm divides.
  config.rope->factor = 4.0;
  EXPECT_EQ(ropeFrequencies(config, 16).status().code(),
            StatusCode::InvalidFile);
}

} // namespace
