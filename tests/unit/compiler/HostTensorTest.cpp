//===- HostTensorTest.cpp - Tests of compiler/emit/HostTensor.h -----------===//

#include "compiler/emit/HostTensor.h"

#include "runtime/formats/Convert.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

using namespace lathe;
using runtime::ElementType;

namespace {

template <typename T>
HostTensor make(ElementType type, std::vector<int64_t> shape,
                const std::vector<T> &values) {
  HostTensor tensor(type, std::move(shape));
  std::memcpy(tensor.mutableBytes().data(), values.data(),
              values.size() * sizeof(T));
  return tensor;
}

/// A tensor of 0, 1, 2, ...
HostTensor count(std::vector<int64_t> shape) {
  HostTensor tensor(ElementType::F32, std::move(shape));
  std::vector<float> values(tensor.elements());
  std::iota(values.begin(), values.end(), 0.0f);
  std::memcpy(tensor.mutableBytes().data(), values.data(),
              values.size() * sizeof(float));
  return tensor;
}

template <typename T>
std::vector<T> read(const HostTensor &tensor) {
  std::vector<T> values(tensor.bytes().size() / sizeof(T));
  std::memcpy(values.data(), tensor.bytes().data(), tensor.bytes().size());
  return values;
}

using Floats = std::vector<float>;
using Shape = std::vector<int64_t>;

TEST(HostTensorTest, ConcatJoinsAlongAnyDimension) {
  HostTensor a = count({2, 2}), b = count({2, 1});
  HostTensor columns = concat(std::vector<const HostTensor *>{&a, &b}, 1);
  EXPECT_EQ(columns.shape(), (Shape{2, 3}));
  EXPECT_EQ(read<float>(columns), (Floats{0, 1, 0, 2, 3, 1}));
  HostTensor rows = concat(std::vector<const HostTensor *>{&a, &a}, 0);
  EXPECT_EQ(read<float>(rows), (Floats{0, 1, 2, 3, 0, 1, 2, 3}));
}

TEST(HostTensorTest, SliceTakesARangeOfOneDimension) {
  EXPECT_EQ(read<float>(slice(count({2, 3}), 1, 1, 3)), (Floats{1, 2, 4, 5}));
  EXPECT_EQ(read<float>(slice(count({3, 2}), 0, 2, 3)), (Floats{4, 5}));
  EXPECT_EQ(slice(count({3, 2}), 0, 1, 1).elements(), 0);
}

TEST(HostTensorTest, PermuteMovesEveryElement) {
  EXPECT_EQ(read<float>(permute(count({2, 3}), Shape{1, 0})),
            (Floats{0, 3, 1, 4, 2, 5}));
  HostTensor cube = permute(count({2, 2, 3}), Shape{2, 0, 1});
  EXPECT_EQ(cube.shape(), (Shape{3, 2, 2}));
  EXPECT_EQ(read<float>(cube), (Floats{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}));
}

TEST(HostTensorTest, PackPadsPanelsAndGroupsWithZeros) {
  HostTensor packed = pack(count({3, 3}), 2, 2);
  EXPECT_EQ(packed.shape(), (Shape{2, 2, 2, 2}));
  EXPECT_EQ(read<float>(packed),
            (Floats{0, 1, 3, 4, 2, 0, 5, 0, 6, 7, 0, 0, 8, 0, 0, 0}));
}

TEST(HostTensorTest, PackPutsEveryElementOfLargeMatricesInItsPlace) {
  // More than one panel and more terms than a cache line holds, with tails.
  int64_t rows = 69, terms = 37;
  for (int64_t depth : {1, 2, 3}) {
    HostTensor packed = pack(count({rows, terms}), 32, depth);
    ASSERT_EQ(packed.shape(),
              (Shape{3, (terms + depth - 1) / depth, 32, depth}));
    Floats expected(packed.elements());
    int64_t groups = packed.shape()[1];
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t term = 0; term < terms; ++term)
        expected[((row / 32 * groups + term / depth) * 32 + row % 32) * depth +
                 term % depth] = float(row * terms + term);
    EXPECT_EQ(read<float>(packed), expected) << depth;
  }
}

TEST(HostTensorTest, CastWidensEveryHalfAndBfloatExactly) {
  for (ElementType type : {ElementType::F16, ElementType::BF16}) {
    std::vector<uint16_t> codes(65536);
    std::iota(codes.begin(), codes.end(), 0);
    HostTensor wide = cast(make(type, {65536}, codes), ElementType::F32);
    EXPECT_EQ(read<uint16_t>(cast(wide, type)), codes);
  }
}

TEST(HostTensorTest, CastRoundsTiesToEven) {
  HostTensor input = make<float>(ElementType::F32, {4},
                                 {1.00390625f, 1.01171875f, 65520.0f, -0.0f});
  EXPECT_EQ(read<uint16_t>(cast(input, ElementType::BF16)),
            (std::vector<uint16_t>{0x3F80, 0x3F82, 0x4780, 0x8000}));
  EXPECT_EQ(read<uint16_t>(cast(input, ElementType::F16))[2], 0x7C00);
}

TEST(HostTensorTest, CastFromDoubleRoundsOnce) {
  // Just above the tie between two bf16 codes; f32 would round it onto the tie.
  double value = 1.00390625 + 0x1p-40;
  HostTensor input = make<double>(ElementType::F64, {2}, {value, -value});
  EXPECT_EQ(read<uint16_t>(cast(input, ElementType::BF16)),
            (std::vector<uint16_t>{0x3F81, 0xBF81}));
  EXPECT_EQ(read<float>(cast(input, ElementType::F32))[0], 1.00390625f);
}

TEST(HostTensorTest, RopeTableHoldsCosinesThenSines) {
  std::vector<double> frequencies = {1.0, 0.25};
  Floats table = read<float>(ropeTable(0, 4, frequencies, 2.0));
  for (int p = 0; p < 4; ++p)
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(table[p * 4 + i],
                2 * static_cast<float>(std::cos(p * frequencies[i])));
      EXPECT_EQ(table[p * 4 + 2 + i],
                2 * static_cast<float>(std::sin(p * frequencies[i])));
    }
}

} // namespace
