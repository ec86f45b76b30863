//===- GgufBlocks.h - The block layouts of quantised tensors ----*- C++ -*-===//
//
// A quantised row is a list of blocks. Each element is a small integer, its
// quantum, and each group of consecutive elements has a scale, and in some
// layouts a minimum:
//
//     value = (scale * scaleCode[g]) * quantum - (minimum * minimumCode[g])
//
// in f32, each operation rounded. Layouts of one level have codes of 1 and one
// group a block; those of two levels (the K layouts) have an f16 scale and
// minimum a block and integer codes a group.
//
// Source: ggml-quants.c of https://github.com/ggml-org/ggml, and the functions
// of gguf.quants on PyPI, whose values dequantize() gives bit for bit.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_FORMATS_GGUFBLOCKS_H
#define LATHE_RUNTIME_FORMATS_GGUFBLOCKS_H

#include "runtime/formats/GgufTypes.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lathe::runtime {

/// What a quantised type's blocks hold.
struct BlockLayout {
  GgmlType type;
  /// Bits of a quantum.
  int32_t bits = 0;
  /// Elements that share a scale.
  int32_t group = 0;
  /// What is subtracted from the stored bits to give the quantum; 0 where they
  /// are a number in two's complement, or never negative.
  int32_t zero = 0;
  /// Bits of a group's scale code; 0: one level, the scale is an f16.
  int32_t scaleBits = 0;
  /// Whether values have a minimum, of the scale's type.
  bool hasMinimum = false;
};

/// The layouts that Lathe computes with: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K,
/// Q5_K, Q6_K.
std::span<const BlockLayout> blockLayouts();

/// The layout of \p type, or null: it has no blocks, or is not supported.
const BlockLayout *findBlockLayout(GgmlType type);

/// The numbers of one block. Entries past the block's elements and groups are
/// not written.
struct UnpackedBlock {
  float scale;
  float minimum; ///< 0 where the layout has none.
  std::array<int8_t, 16> scaleCodes;
  std::array<int8_t, 16> minimumCodes;
  std::array<int8_t, 256> quanta;
};

/// Unpacks the block at \p bytes, as many as a block of the layout has.
void unpackBlock(const BlockLayout &layout, const std::byte *bytes,
                 UnpackedBlock &block);

/// Fills \p values from \p bytes, whole blocks of \p type: the layouts above,
/// F32, F16 or BF16. False, with nothing done, for other types or if \p bytes
/// does not hold exactly as many elements. Allocates nothing; pure.
[[nodiscard]] bool dequantize(GgmlType type, std::span<const std::byte> bytes,
                              std::span<float> values);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_GGUFBLOCKS_H
