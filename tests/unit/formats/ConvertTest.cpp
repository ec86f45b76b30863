//===- ConvertTest.cpp - Tests of runtime/formats/Convert.h ---------------===//

#include "runtime/formats/Convert.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <vector>

using namespace lathe::runtime;

namespace {

uint32_t bitsOf(float value) { return std::bit_cast<uint32_t>(value); }

/// The value of a finite binary16 code by its definition, in double.
double definedHalf(uint16_t code) {
  int exponent = (code >> 10) & 31;
  int fraction = code & 1023;
  double value = exponent ? std::ldexp(1024 + fraction, exponent - 25)
                          : std::ldexp(fraction, -24);
  return code & 0x8000 ? -value : value;
}

TEST(ConvertTest, WidensEachHalfCodeToItsValue) {
  for (uint32_t code = 0; code < 65536; ++code) {
    float value = halfToFloat(static_cast<uint16_t>(code));
    if ((code & 0x7C00) != 0x7C00) {
      ASSERT_EQ(static_cast<double>(value), definedHalf(code)) << code;
    } else if (code & 0x3FF) {
      ASSERT_TRUE(std::isnan(value)) << code;
    } else {
      ASSERT_TRUE(std::isinf(value)) << code;
    }
    ASSERT_EQ(std::signbit(value), code >= 0x8000) << code;
  }
}

TEST(ConvertTest, GivesEachHalfCodeBack) {
  for (uint32_t code = 0; code < 65536; ++code)
    ASSERT_EQ(floatToHalf(halfToFloat(static_cast<uint16_t>(code))), code);
}

TEST(ConvertTest, GivesEachBfloatCodeBack) {
  for (uint32_t code = 0; code < 65536; ++code) {
    float value = bfloatToFloat(static_cast<uint16_t>(code));
    ASSERT_EQ(bitsOf(value), code << 16);
    ASSERT_EQ(floatToBfloat(value), code);
  }
}

TEST(ConvertTest, RoundsEachHalfwayPointBetweenHalvesToEven) {
  for (uint16_t code = 0; code < 0x7BFF; ++code) {
    // Exact: f32 has 13 more bits of fraction.
    float middle = (halfToFloat(code) + halfToFloat(code + 1)) / 2;
    ASSERT_EQ(floatToHalf(middle), code + (code & 1)) << code;
    ASSERT_EQ(floatToHalf(std::nextafter(middle, 0.0f)), code) << code;
    ASSERT_EQ(floatToHalf(std::nextafter(middle, INFINITY)), code + 1) << code;
    ASSERT_EQ(floatToHalf(-middle), 0x8000 | (code + (code & 1))) << code;
  }
}

TEST(ConvertTest, RoundsEachHalfwayPointBetweenBfloatsToEven) {
  for (uint32_t code = 0; code < 0x7F80; ++code) {
    uint32_t middle = (code << 16) | 0x8000;
    ASSERT_EQ(floatToBfloat(std::bit_cast<float>(middle)), code + (code & 1));
    ASSERT_EQ(floatToBfloat(std::bit_cast<float>(middle - 1)), code);
    ASSERT_EQ(floatToBfloat(std::bit_cast<float>(middle + 1)), code + 1);
  }
}

TEST(ConvertTest, OverflowsToInfinity) {
  EXPECT_EQ(floatToHalf(65504.0f), 0x7BFF);
  EXPECT_EQ(floatToHalf(65519.996f), 0x7BFF);
  EXPECT_EQ(floatToHalf(65520.0f), 0x7C00);
  EXPECT_EQ(floatToHalf(INFINITY), 0x7C00);
  EXPECT_EQ(floatToHalf(-INFINITY), 0xFC00);
  EXPECT_EQ(floatToBfloat(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_EQ(floatToHalf(0x1p-25f), 0);
  EXPECT_EQ(floatToHalf(std::nextafter(0x1p-25f, 1.0f)), 1);
}

TEST(ConvertTest, KeepsEachNan) {
  // Payloads in the high bits, in the low bits only, and signalling ones.
  for (uint32_t bits : {0x7F800001u, 0x7F801FFFu, 0x7F802000u, 0x7FC00000u,
                        0x7FFFFFFFu, 0xFF800001u, 0xFFFFFFFFu}) {
    float value = std::bit_cast<float>(bits);
    for (float back : {halfToFloat(floatToHalf(value)),
                       bfloatToFloat(floatToBfloat(value))}) {
      EXPECT_TRUE(std::isnan(back)) << bits;
      EXPECT_EQ(std::signbit(back), bits >> 31) << bits;
    }
  }
}

TEST(ConvertTest, ConvertsSpansAsScalars) {
  std::vector<uint16_t> codes;
  for (uint32_t code = 0; code < 65536; ++code)
    codes.push_back(static_cast<uint16_t>(code));
  std::vector<float> values(codes.size());
  std::vector<uint16_t> back(codes.size());
  halfToFloat(codes, values);
  floatToHalf(values, back);
  EXPECT_EQ(back, codes);
  bfloatToFloat(codes, values);
  floatToBfloat(values, back);
  EXPECT_EQ(back, codes);
}

TEST(ConvertTest, ReadsFloatsAtAnyAlignment) {
  std::array<std::byte, 17> storage;
  std::array<float, 2> values;
  auto read = [&](ElementType type, auto first, auto second) {
    std::memcpy(storage.data() + 1, &first, sizeof(first));
    std::memcpy(storage.data() + 1 + sizeof(first), &second, sizeof(second));
    return readFloats(type, std::span(storage).subspan(1, 2 * sizeof(first)),
                      values);
  };
  EXPECT_TRUE(read(ElementType::F32, 1.5f, -2.0f));
  EXPECT_EQ(values, (std::array{1.5f, -2.0f}));
  EXPECT_TRUE(read(ElementType::F64, 0.1, 3.0));
  EXPECT_EQ(values, (std::array{0.1f, 3.0f}));
  EXPECT_TRUE(read(ElementType::F16, uint16_t(0x3C00), uint16_t(0xC000)));
  EXPECT_EQ(values, (std::array{1.0f, -2.0f}));
  EXPECT_TRUE(read(ElementType::BF16, uint16_t(0x3F80), uint16_t(0xC000)));
  EXPECT_EQ(values, (std::array{1.0f, -2.0f}));
}

TEST(ConvertTest, ReadsNoOtherTypesAndSizes) {
  std::array<std::byte, 8> bytes = {};
  std::array<float, 2> values;
  EXPECT_TRUE(readFloats(ElementType::F32, bytes, values));
  EXPECT_FALSE(readFloats(ElementType::I32, bytes, values));
  EXPECT_FALSE(readFloats(ElementType::F16, bytes, values));
  EXPECT_FALSE(readFloats(ElementType::F32, std::span(bytes).first(7), values));
}

} // namespace
