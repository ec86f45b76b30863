//===- ReaderTest.cpp - Tests of runtime/formats/Reader.h -----------------===//

#include "runtime/formats/Reader.h"

#include <gtest/gtest.h>

#include <array>

using namespace lathe::runtime;

namespace {

constexpr std::array<std::byte, 5> kBytes = {
    std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}, std::byte{5}};

TEST(ReaderTest, ReadsLittleEndianAtAnyAlignment) {
  Reader reader(kBytes);
  EXPECT_EQ(reader.read<uint8_t>(), 1);
  EXPECT_EQ(reader.read<uint32_t>(), 0x05040302u);
  EXPECT_EQ(reader.offset(), 5u);
  EXPECT_EQ(reader.remaining(), 0u);
}

TEST(ReaderTest, ReadsUpToTheEndAndNotPastIt) {
  Reader reader(kBytes);
  EXPECT_EQ(reader.read<uint64_t>(), std::nullopt);
  EXPECT_EQ(reader.offset(), 0u);
  EXPECT_EQ(reader.read<uint32_t>(), 0x04030201u);
  EXPECT_EQ(reader.read<uint16_t>(), std::nullopt);
  EXPECT_EQ(reader.read<uint8_t>(), 5);
  EXPECT_EQ(reader.read<uint8_t>(), std::nullopt);
}

TEST(ReaderTest, TakesUpToTheEndAndNotPastIt) {
  Reader reader(kBytes);
  EXPECT_FALSE(reader.take(6));
  EXPECT_FALSE(reader.take(UINT64_MAX));
  EXPECT_EQ(reader.take(2)->data(), kBytes.data());
  EXPECT_FALSE(reader.take(4));
  EXPECT_EQ(reader.take(3)->size(), 3u);
  EXPECT_EQ(reader.take(0)->size(), 0u);
}

} // namespace
