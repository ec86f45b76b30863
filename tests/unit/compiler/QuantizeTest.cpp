//===- QuantizeTest.cpp - Tests of Quantize.h -----------------------------===//

#include "compiler/emit/Quantize.h"

#include "dialects/lathe/QuantRows.h"
#include "runtime/formats/Convert.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace lathe;
using runtime::ElementType;

namespace {

class QuantizeTest : public testing::Test {
protected:
  QuantizeTest() { context.loadDialect<LatheDialect>(); }

  QuantAttr bytes(int64_t group) {
    mlir::Builder b(&context);
    return QuantAttr::get(&context, b.getIntegerType(8, true), group,
                          b.getF32Type(), {}, 0, 0);
  }
  QuantAttr nibbles() {
    mlir::Builder b(&context);
    return QuantAttr::get(&context, b.getIntegerType(4, false), 32,
                          b.getF16Type(), {}, 8, 0);
  }
  static HostTensor matrix(int64_t rows, const std::vector<float> &values) {
    return HostTensor(ElementType::F32, {rows, int64_t(values.size()) / rows},
                      std::as_bytes(std::span(values)));
  }
  static std::vector<float> numbersOf(const HostTensor &tensor) {
    HostTensor plain = cast(tensor, ElementType::F32);
    std::vector<float> values(plain.elements());
    std::memcpy(values.data(), plain.bytes().data(), plain.bytes().size());
    return values;
  }
  std::vector<float> normal(int64_t count) {
    std::normal_distribution<float> draw;
    std::vector<float> values(count);
    for (float &value : values)
      value = draw(random);
    return values;
  }

  mlir::MLIRContext context;
  std::mt19937 random{1};
};

TEST_F(QuantizeTest, BytesAreTheFormulaOfTheOp) {
  for (auto [depth, group] : {std::pair(96, 32), {77, 77}, {1, 1}}) {
    std::vector<float> values = normal(3 * depth);
    std::vector<float> got =
        numbersOf(quantize(matrix(3, values), bytes(group)));
    for (int64_t first = 0; first < int64_t(values.size()); first += group) {
      float most = 0;
      for (int64_t k = first; k < first + group; ++k)
        most = std::max(most, std::fabs(values[k]));
      for (int64_t k = first; k < first + group; ++k)
        EXPECT_EQ(got[k],
                  most / 127.0f * std::nearbyint(values[k] * (127.0f / most)));
    }
  }
}

TEST_F(QuantizeTest, SumsOfBytesStandBehindTheScales) {
  std::vector<float> values = normal(2 * 64);
  HostTensor grouped = quantize(matrix(2, values), bytes(32));
  HostTensor whole = quantize(matrix(2, values), bytes(64));
  auto sumOf = [](const HostTensor &tensor, int64_t group, int64_t row,
                  int64_t index) -> int64_t {
    QuantRows rows(group, 64);
    const std::byte *at = tensor.bytes().data() + row * rows.rowBytes() +
                          rows.sumsOffset() + index * rows.sumBytes();
    int16_t narrow;
    int32_t wide;
    std::memcpy(&narrow, at, 2);
    std::memcpy(&wide, at, 4);
    return rows.sumBytes() == 2 ? narrow : wide;
  };
  auto added = [](const HostTensor &tensor, int64_t group, int64_t row,
                  int64_t first, int64_t count) {
    QuantRows rows(group, 64);
    int64_t sum = 0;
    for (int64_t k = first; k < first + count; ++k)
      sum += int8_t(tensor.bytes()[row * rows.rowBytes() + k]);
    return sum;
  };
  for (int64_t row = 0; row < 2; ++row) {
    for (int64_t i = 0; i < 4; ++i)
      EXPECT_EQ(sumOf(grouped, 32, row, i),
                added(grouped, 32, row, 16 * i, 16));
    EXPECT_EQ(sumOf(whole, 64, row, 0), added(whole, 64, row, 0, 64));
  }
}

TEST_F(QuantizeTest, AGroupWithoutANumberHasNoScale) {
  std::vector<float> values(64, 1.0f);
  values[3] = std::numeric_limits<float>::infinity();
  std::vector<float> got = numbersOf(quantize(matrix(1, values), bytes(32)));
  EXPECT_TRUE(std::isnan(got[0]));
  EXPECT_EQ(got[32], 1.0f);
  values[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(numbersOf(quantize(matrix(1, values), bytes(32)))[9]));
  EXPECT_TRUE(std::isnan(numbersOf(quantize(matrix(1, values), nibbles()))[9]));
}

TEST_F(QuantizeTest, TinyGroupsAreZero) {
  std::vector<float> values(32, 0x1p-101f);
  for (float value : numbersOf(quantize(matrix(1, values), bytes(32))))
    EXPECT_EQ(value, 0.0f);
  for (float value : numbersOf(quantize(matrix(1, values), nibbles())))
    EXPECT_EQ(value, 0.0f);
}

/// The op's definition once more, in the plainest way.
std::vector<float> bestNibbles(std::span<const float> values) {
  float most = 0;
  for (float value : values)
    if (std::fabs(value) > std::fabs(most))
      most = value;
  std::vector<float> best;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i <= 16; ++i) {
    float scale = runtime::halfToFloat(
        runtime::floatToHalf(most / -(7.0f + float(i) / 8.0f)));
    std::vector<float> numbers;
    double error = 0;
    for (float value : values) {
      float q = std::nearbyint(std::clamp(value * (1.0f / scale), -8.0f, 7.0f));
      numbers.push_back(scale * q);
      error += std::pow(double(value) - numbers.back(), 2);
    }
    if (error < least) {
      least = error;
      best = numbers;
    }
  }
  return best;
}

TEST_F(QuantizeTest, NibblesLeaveTheLeastErrorOfAllCandidates) {
  std::vector<float> values = normal(4 * 64);
  std::vector<float> got = numbersOf(quantize(matrix(4, values), nibbles()));
  for (size_t first = 0; first < values.size(); first += 32) {
    std::vector<float> expected =
        bestNibbles(std::span(values).subspan(first, 32));
    for (size_t k = 0; k < 32; ++k)
      EXPECT_EQ(got[first + k], expected[k]) << first + k;
  }
}

TEST_F(QuantizeTest, KeepsNumbersOnItsGrid) {
  std::vector<float> values;
  for (int k = 0; k < 32; ++k)
    values.push_back(0.25f * float(k % 16 - 8));
  EXPECT_EQ(numbersOf(quantize(matrix(1, values), nibbles())), values);
}

} // namespace
