//===- GgufBlocksTest.cpp - Tests of runtime/formats/GgufBlocks.h ---------===//
//
// tests/data/gguf-blocks has random blocks and what PyPI's gguf makes of them.
// The formula has no freedom, so values are compared bit for bit.
//
//===----------------------------------------------------------------------===//

#include "runtime/formats/GgufBlocks.h"

#include "runtime/formats/SafeTensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

using namespace lathe::runtime;

namespace {

constexpr const char *kBlocks =
    LATHE_SOURCE_DIR "/tests/data/gguf-blocks/blocks.safetensors";

constexpr GgmlType kTypes[] = {GgmlType::F16,  GgmlType::BF16, GgmlType::Q4_0,
                               GgmlType::Q4_1, GgmlType::Q5_0, GgmlType::Q5_1,
                               GgmlType::Q8_0, GgmlType::Q4_K, GgmlType::Q5_K,
                               GgmlType::Q6_K};

TEST(GgufBlocksTest, GivesTheReferencesValues) {
  Result<SafeTensors> file = SafeTensors::open(kBlocks);
  ASSERT_TRUE(file.isOk()) << file.status().message();
  for (GgmlType type : kTypes) {
    std::string name(findGgmlType(type)->name);
    SCOPED_TRACE(name);
    const Tensor *bytes = file->find(name + ".bytes");
    const Tensor *expected = file->find(name + ".values");
    ASSERT_TRUE(bytes && expected);
    std::vector<float> values(expected->bytes.size() / sizeof(float));
    ASSERT_TRUE(dequantize(type, bytes->bytes, values));
    EXPECT_EQ(std::memcmp(values.data(), expected->bytes.data(),
                          expected->bytes.size()),
              0);
  }
}

TEST(GgufBlocksTest, CopiesF32) {
  float source[] = {1.5f, -0.0f, 3e38f};
  float values[3];
  EXPECT_TRUE(
      dequantize(GgmlType::F32, std::as_bytes(std::span(source)), values));
  EXPECT_EQ(std::memcmp(values, source, sizeof(source)), 0);
}

TEST(GgufBlocksTest, RefusesSizesThatDoNotFit) {
  std::vector<std::byte> bytes(2 * 144);
  std::vector<float> values(512);
  std::span<const std::byte> whole(bytes);
  EXPECT_TRUE(dequantize(GgmlType::Q4_K, whole, values));
  EXPECT_FALSE(dequantize(GgmlType::Q4_K, whole.first(287), values));
  EXPECT_FALSE(dequantize(GgmlType::Q4_K, whole.first(144), values));
  EXPECT_FALSE(dequantize(GgmlType::Q4_K, whole, std::span(values).first(511)));
  EXPECT_FALSE(dequantize(GgmlType::F16, whole, std::span(values).first(143)));
}

TEST(GgufBlocksTest, RefusesTypesWithoutALayout) {
  std::vector<std::byte> bytes(84);
  std::vector<float> values(256);
  EXPECT_FALSE(dequantize(GgmlType::Q2_K, bytes, values));
  EXPECT_FALSE(dequantize(GgmlType(77), bytes, values));
}

TEST(GgufBlocksTest, DescribesWhatBlocksHold) {
  for (const BlockLayout &layout : blockLayouts()) {
    const GgmlTypeInfo *info = findGgmlType(layout.type);
    SCOPED_TRACE(info->name);
    EXPECT_EQ(findBlockLayout(layout.type), &layout);
    int32_t elements = static_cast<int32_t>(info->blockElements);
    ASSERT_EQ(elements % layout.group, 0);
    // Quanta, scales and minima fill the block exactly.
    int32_t perScale = layout.hasMinimum ? 2 : 1;
    int32_t bits = elements * layout.bits + 16 * perScale +
                   elements / layout.group * layout.scaleBits * perScale;
    EXPECT_EQ(bits, static_cast<int32_t>(info->blockBytes) * 8);
  }
}

// The parts that a packer keeps give the value by the header's formula.
TEST(GgufBlocksTest, UnpacksCodesOfTwoLevels) {
  std::byte bytes[144] = {};
  bytes[1] = std::byte(0x3C);  // d = 1
  bytes[3] = std::byte(0x40);  // dmin = 2
  bytes[4] = std::byte(0xC5);  // scale 0: 5; upper bits of scale 4: 3
  bytes[8] = std::byte(0x47);  // minimum 0: 7; upper bits of minimum 4: 1
  bytes[12] = std::byte(0x9A); // scale 4: 10 + 48; minimum 4: 9 + 16
  bytes[16] = std::byte(0x3E); // elements 0: 14, 32: 3
  bytes[80] = std::byte(0x0B); // element 128: 11
  UnpackedBlock block;
  unpackBlock(*findBlockLayout(GgmlType::Q4_K), bytes, block);
  EXPECT_EQ(block.scale, 1.0f);
  EXPECT_EQ(block.minimum, 2.0f);
  EXPECT_EQ(block.scaleCodes[0], 5);
  EXPECT_EQ(block.minimumCodes[0], 7);
  EXPECT_EQ(block.scaleCodes[4], 58);
  EXPECT_EQ(block.minimumCodes[4], 25);
  EXPECT_EQ(block.quanta[0], 14);
  EXPECT_EQ(block.quanta[32], 3);
  EXPECT_EQ(block.quanta[128], 11);
  float values[256];
  ASSERT_TRUE(dequantize(GgmlType::Q4_K, bytes, values));
  EXPECT_EQ(values[0], 5 * 14 - 2 * 7.0f);
  EXPECT_EQ(values[128], 58 * 11 - 2 * 25.0f);
}

} // namespace
