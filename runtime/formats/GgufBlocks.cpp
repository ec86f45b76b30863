//===- GgufBlocks.cpp - The block layouts of quantised tensors ------------===//

#include "runtime/formats/GgufBlocks.h"

#include "runtime/formats/Convert.h"

#include <algorithm>
#include <cstring>
#include <optional>

using namespace lathe::runtime;

// A fused multiply-add would round once where the source rounds twice.
#pragma STDC FP_CONTRACT OFF

static constexpr BlockLayout kLayouts[] = {
    {.type = GgmlType::Q4_0, .bits = 4, .group = 32, .zero = 8},
    {.type = GgmlType::Q4_1, .bits = 4, .group = 32, .hasMinimum = true},
    {.type = GgmlType::Q5_0, .bits = 5, .group = 32, .zero = 16},
    {.type = GgmlType::Q5_1, .bits = 5, .group = 32, .hasMinimum = true},
    {.type = GgmlType::Q8_0, .bits = 8, .group = 32},
    {.type = GgmlType::Q4_K,
     .bits = 4,
     .group = 32,
     .scaleBits = 6,
     .hasMinimum = true},
    {.type = GgmlType::Q5_K,
     .bits = 5,
     .group = 32,
     .scaleBits = 6,
     .hasMinimum = true},
    {.type = GgmlType::Q6_K,
     .bits = 6,
     .group = 16,
     .zero = 32,
     .scaleBits = 8},
};

std::span<const BlockLayout> lathe::runtime::blockLayouts() { return kLayouts; }

const BlockLayout *lathe::runtime::findBlockLayout(GgmlType type) {
  auto *row =
      std::find_if(std::begin(kLayouts), std::end(kLayouts),
                   [&](const BlockLayout &l) { return l.type == type; });
  return row == std::end(kLayouts) ? nullptr : row;
}

static float readHalf(const std::byte *bytes) {
  uint16_t code;
  std::memcpy(&code, bytes, sizeof(code));
  return halfToFloat(code);
}

static int32_t at(const std::byte *bytes, size_t index) {
  return static_cast<int32_t>(bytes[index]);
}

//===----------------------------------------------------------------------===//
// One level: 32 elements, d [m] [high bits] quanta
//===----------------------------------------------------------------------===//

/// The first 16 elements are the low halves of 16 bytes, the others the high
/// halves; the fifth bits are those of a word before them.
static void unpackSmall(const BlockLayout &layout, const std::byte *bytes,
                        UnpackedBlock &block) {
  block.scale = readHalf(bytes);
  block.minimum = layout.hasMinimum ? -readHalf(bytes + 2) : 0.0f;
  block.scaleCodes[0] = 1;
  block.minimumCodes[0] = layout.hasMinimum ? 1 : 0;
  bytes += layout.hasMinimum ? 4 : 2;
  if (layout.bits == 8) {
    std::memcpy(block.quanta.data(), bytes, 32);
    return;
  }
  uint32_t high = 0;
  if (layout.bits == 5) {
    std::memcpy(&high, bytes, sizeof(high));
    bytes += sizeof(high);
  }
  int32_t zero = layout.zero;
  for (int32_t i = 0; i < 16; ++i) {
    block.quanta[i] = static_cast<int8_t>((at(bytes, i) & 15) - zero);
    block.quanta[16 + i] = static_cast<int8_t>((at(bytes, i) >> 4) - zero);
  }
  for (int32_t i = 0; layout.bits == 5 && i < 32; ++i)
    block.quanta[i] += static_cast<int8_t>((high >> i & 1) << 4);
}

//===----------------------------------------------------------------------===//
// Two levels: 256 elements
//===----------------------------------------------------------------------===//

/// Eight scale codes and eight minimum codes of six bits in 12 bytes: those of
/// the first four groups are the low six bits of the bytes 0 to 3 and 4 to 7,
/// whose upper two bits belong to the last four; the rest of these is in the
/// halves of the bytes 8 to 11.
static void unpackCodes(const std::byte *bytes, UnpackedBlock &block) {
  for (int32_t g = 0; g < 4; ++g) {
    int32_t scale = at(bytes, g);
    int32_t minimum = at(bytes, g + 4);
    int32_t rest = at(bytes, g + 8);
    block.scaleCodes[g] = static_cast<int8_t>(scale & 63);
    block.minimumCodes[g] = static_cast<int8_t>(minimum & 63);
    block.scaleCodes[g + 4] =
        static_cast<int8_t>((rest & 15) | (scale >> 6) << 4);
    block.minimumCodes[g + 4] =
        static_cast<int8_t>(rest >> 4 | (minimum >> 6) << 4);
  }
}

/// Q4_K and Q5_K: d, dmin, codes, [32 bytes of fifth bits], 128 bytes; the
/// halves of each 32 bytes are two groups, bit g of a byte is group g's.
static void unpackK45(const BlockLayout &layout, const std::byte *bytes,
                      UnpackedBlock &block) {
  block.scale = readHalf(bytes);
  block.minimum = readHalf(bytes + 2);
  unpackCodes(bytes + 4, block);
  bytes += 16;
  const std::byte *high = bytes;
  if (layout.bits == 5)
    bytes += 32;
  for (int32_t g = 0; g < 8; ++g) {
    int8_t *quanta = block.quanta.data() + g * 32;
    const std::byte *halves = bytes + g / 2 * 32;
    for (int32_t i = 0; i < 32; ++i)
      quanta[i] = static_cast<int8_t>(at(halves, i) >> (g % 2 * 4) & 15);
    for (int32_t i = 0; layout.bits == 5 && i < 32; ++i)
      quanta[i] |= static_cast<int8_t>((at(high, i) >> g & 1) << 4);
  }
}

/// Q6_K: 128 bytes of low halves, 64 of upper bits, 16 scale codes, d. Each
/// 128 elements are four runs of 32: the low halves of 64 bytes, then their
/// high halves; a byte of upper bits has two bits for each run.
static void unpackK6(const BlockLayout &layout, const std::byte *bytes,
                     UnpackedBlock &block) {
  const std::byte *high = bytes + 128;
  std::memcpy(block.scaleCodes.data(), bytes + 192, 16);
  block.minimumCodes.fill(0);
  block.scale = readHalf(bytes + 208);
  block.minimum = 0.0f;
  int32_t zero = layout.zero;
  for (int32_t half = 0; half < 2; ++half)
    for (int32_t run = 0; run < 4; ++run) {
      int8_t *quanta = block.quanta.data() + half * 128 + run * 32;
      const std::byte *lows = bytes + half * 64 + run % 2 * 32;
      for (int32_t i = 0; i < 32; ++i) {
        int32_t low = at(lows, i) >> (run / 2 * 4) & 15;
        int32_t upper = at(high, half * 32 + i) >> (run * 2) & 3;
        quanta[i] = static_cast<int8_t>((low | upper << 4) - zero);
      }
    }
}

void lathe::runtime::unpackBlock(const BlockLayout &layout,
                                 const std::byte *bytes, UnpackedBlock &block) {
  if (layout.scaleBits == 0)
    return unpackSmall(layout, bytes, block);
  if (layout.scaleBits == 6)
    return unpackK45(layout, bytes, block);
  unpackK6(layout, bytes, block);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// The element type of files that \p type is, where it has no blocks.
static std::optional<ElementType> plainType(GgmlType type) {
  switch (type) {
  case GgmlType::F32:
    return ElementType::F32;
  case GgmlType::F16:
    return ElementType::F16;
  case GgmlType::BF16:
    return ElementType::BF16;
  default:
    return std::nullopt;
  }
}

bool lathe::runtime::dequantize(GgmlType type, std::span<const std::byte> bytes,
                                std::span<float> values) {
  if (std::optional<ElementType> element = plainType(type))
    return readFloats(*element, bytes, values);
  const BlockLayout *layout = findBlockLayout(type);
  if (!layout)
    return false;
  const GgmlTypeInfo *info = findGgmlType(type);
  size_t blocks = bytes.size() / info->blockBytes;
  if (bytes.size() % info->blockBytes || values.size() % info->blockElements ||
      values.size() / info->blockElements != blocks)
    return false;
  UnpackedBlock block;
  for (size_t b = 0; b < blocks; ++b) {
    unpackBlock(*layout, bytes.data() + b * info->blockBytes, block);
    float *target = values.data() + b * info->blockElements;
    size_t group = static_cast<size_t>(layout->group);
    for (size_t g = 0; g < info->blockElements / group; ++g) {
      float scale = block.scale * block.scaleCodes[g];
      float minimum = block.minimum * block.minimumCodes[g];
      for (size_t i = g * group; i < (g + 1) * group; ++i)
        target[i] = scale * block.quanta[i] - minimum;
    }
  }
  return true;
}
