//===- PackQuantised.cpp - Panels of quantised weights --------------------===//
//
// Block by block of the file: its numbers are unpacked, and each is put where
// dialects/lathe/PackedQuant.h has it.
//
//===----------------------------------------------------------------------===//

#include "compiler/emit/PackQuantised.h"

#include "dialects/lathe/PackedQuant.h"
#include "runtime/formats/Convert.h"
#include "runtime/formats/GgufBlocks.h"

#include <cstring>

using namespace lathe;
using runtime::BlockLayout;
using runtime::UnpackedBlock;

namespace {

class UnitWriter {
public:
  explicit UnitWriter(PackedAttr packing)
      : sizes(packing), columns(packing.getColumns()),
        group(packing.getQuant().getGroup()), bits(packing.getQuant().bits()) {}

  /// Writes \p block as column \p column of the unit at \p unit.
  void write(const UnpackedBlock &block, std::byte *unit, int64_t column) const;

private:
  void writeGroup(const int8_t *quanta, std::byte *target,
                  int64_t column) const;
  void orWord(std::byte *words, int64_t index, int64_t column,
              uint32_t value) const {
    std::byte *place = words + 4 * (index * columns + column);
    uint32_t word;
    std::memcpy(&word, place, 4);
    word |= value;
    std::memcpy(place, &word, 4);
  }

  PackedQuant sizes;
  int64_t columns, group, bits;
};

} // namespace

/// Stores \p value, which is one exactly, as the \p index-th f16 of \p array.
static void storeHalf(std::byte *array, int64_t index, float value) {
  uint16_t half = runtime::floatToHalf(value);
  std::memcpy(array + 2 * index, &half, 2);
}

void UnitWriter::write(const UnpackedBlock &block, std::byte *unit,
                       int64_t column) const {
  storeHalf(unit, column, block.scale);
  if (sizes.hasMinimum())
    storeHalf(unit + sizes.minimumOffset(), column, block.minimum);
  for (int64_t g = 0; g < sizes.groupsPerUnit(); ++g) {
    if (sizes.hasGroupFactors()) {
      int64_t at = g * columns + column;
      unit[sizes.groupScaleOffset() + at] = std::byte(block.scaleCodes[g]);
      if (sizes.hasMinimum())
        unit[sizes.groupMinimumOffset() + at] =
            std::byte(block.minimumCodes[g]);
    }
    writeGroup(block.quanta.data() + g * group,
               unit + sizes.groupsOffset() + g * sizes.groupBytes(), column);
  }
}

void UnitWriter::writeGroup(const int8_t *quanta, std::byte *target,
                            int64_t column) const {
  int64_t extraBits = sizes.highBits();
  for (int64_t k = 0; k < group; ++k) {
    auto q = uint32_t(int64_t(quanta[k]) + sizes.zero());
    int64_t byte = k % 4;
    if (bits == 8) {
      orWord(target, k / 4, column, q << (8 * byte));
      continue;
    }
    orWord(target, k / 8, column, (q & 15) << (8 * byte + k % 8 / 4 * 4));
    if (extraBits == 0)
      continue;
    int64_t perWord = 32 / extraBits, place = k % perWord / 4 * extraBits;
    orWord(target + sizes.highOffset(), k / perWord, column,
           (q >> 4) << (8 * byte + place));
  }
}

HostTensor lathe::packQuantised(const HostTensor &input, PackedAttr packing) {
  const BlockLayout &layout = *input.layout();
  PackedQuant sizes(packing);
  int64_t rows = input.shape()[0], depth = input.shape()[1];
  int64_t columns = packing.getColumns();
  int64_t units = depth / packing.getQuant().unit();
  int64_t panels = (rows + columns - 1) / columns;
  HostTensor result(runtime::ElementType::U8,
                    {panels, sizes.panelBytes(depth)});
  UnitWriter writer(packing);
  UnpackedBlock block;
  if (rows == 0 || units == 0)
    return result;
  size_t blockBytes = input.bytes().size() / size_t(rows * units);
  const std::byte *source = input.bytes().data();
  for (int64_t row = 0; row < rows; ++row) {
    std::byte *unit =
        result.mutableBytes().data() + row / columns * sizes.panelBytes(depth);
    for (int64_t i = 0; i < units; ++i) {
      runtime::unpackBlock(layout, source, block);
      writer.write(block, unit, row % columns);
      source += blockBytes;
      unit += sizes.unitBytes();
    }
  }
  return result;
}
