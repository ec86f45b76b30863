//===- PackQuantised.cpp - Panels of quantised weights --------------------===//
//
// Panel by panel, and there unit by unit: the integers of each column are put
// in order, a byte each; then words are made of them, four bytes at a time.
//
//===----------------------------------------------------------------------===//

#include "compiler/emit/PackQuantised.h"

#include "dialects/lathe/PackedQuant.h"
#include "dialects/lathe/QuantRows.h"
#include "runtime/formats/Convert.h"

#include <cstring>

using namespace lathe;
using runtime::BlockLayout;
using runtime::UnpackedBlock;

namespace {

/// Packs the panels of one weight.
class PanelWriter {
public:
  PanelWriter(const HostTensor &input, PackedAttr packing)
      : input(input), sizes(packing), columns(packing.getColumns()),
        rows(input.shape()[0]), depth(input.shape()[1]),
        units(depth / packing.getQuant().unit()), groups(sizes.groupsPerUnit()),
        group(sizes.octetsPerGroup() * 8) {
    if (rows > 0)
      sourceRow = int64_t(input.bytes().size()) / rows;
  }

  int64_t panels() const { return llvm::divideCeil(rows, columns); }
  int64_t panelBytes() const { return sizes.panelBytes(depth); }

  /// Writes panel \p panel to \p target, which holds zeros.
  void write(int64_t panel, std::byte *target) const;

private:
  void readBlock(const std::byte *source, std::byte *unit, int64_t column,
                 uint8_t *quanta) const;
  void readRow(const std::byte *source, std::byte *unit, int64_t column,
               uint8_t *quanta) const;
  void writeGroup(const uint8_t *quanta, std::byte *target) const;
  void writeHighWords(const uint8_t *quanta, std::byte *target) const;

  const HostTensor &input;
  PackedQuant sizes;
  int64_t columns, rows, depth, units;
  /// Those of a unit; the terms of one, padded to whole octets.
  int64_t groups, group;
  int64_t sourceRow = 0;
};

} // namespace

/// Stores \p value, which is one exactly, as the \p index-th f16 of \p array.
static void storeHalf(std::byte *array, int64_t index, float value) {
  uint16_t half = runtime::floatToHalf(value);
  std::memcpy(array + 2 * index, &half, 2);
}

/// Takes the factors of a GGUF block to \p unit and its integers to \p quanta.
void PanelWriter::readBlock(const std::byte *source, std::byte *unit,
                            int64_t column, uint8_t *quanta) const {
  UnpackedBlock block;
  runtime::unpackBlock(*input.layout()->blocks, source, block);
  storeHalf(unit, column, block.scale);
  if (sizes.hasMinimum())
    storeHalf(unit + sizes.minimumOffset(), column, block.minimum);
  for (int64_t g = 0; sizes.hasGroupFactors() && g < groups; ++g) {
    int64_t at = g * columns + column;
    unit[sizes.groupScaleOffset() + at] = std::byte(block.scaleCodes[g]);
    if (sizes.hasMinimum())
      unit[sizes.groupMinimumOffset() + at] = std::byte(block.minimumCodes[g]);
  }
  int64_t zero = sizes.zero();
  for (int64_t k = 0; k < groups * group; ++k)
    quanta[k] = uint8_t(block.quanta[k] + zero);
}

/// The same for a row of bytes with one scale.
void PanelWriter::readRow(const std::byte *source, std::byte *unit,
                          int64_t column, uint8_t *quanta) const {
  std::memcpy(unit + column * 4,
              source + QuantRows(depth, depth).scalesOffset(), 4);
  int64_t zero = sizes.zero();
  for (int64_t k = 0; k < depth; ++k)
    quanta[k] = uint8_t(int8_t(source[k]) + zero);
}

void PanelWriter::write(int64_t panel, std::byte *target) const {
  int64_t first = panel * columns, live = std::min(columns, rows - first);
  // Column by column, groups padded with zeros to whole octets.
  std::vector<uint8_t> quanta(columns * groups * group);
  int64_t blockBytes = units > 0 ? sourceRow / units : 0;
  for (int64_t i = 0; i < units; ++i) {
    std::byte *unit = target + i * sizes.unitBytes();
    for (int64_t column = 0; column < live; ++column) {
      const std::byte *row =
          input.bytes().data() + (first + column) * sourceRow;
      uint8_t *own = quanta.data() + column * groups * group;
      if (input.layout()->blocks)
        readBlock(row + i * blockBytes, unit, column, own);
      else
        readRow(row, unit, column, own);
    }
    for (int64_t g = 0; g < groups; ++g)
      writeGroup(quanta.data() + g * group,
                 unit + sizes.groupsOffset() + g * sizes.groupBytes());
  }
}

/// Four bytes as a word, the first one lowest, as in all memory that kernels
/// read.
static uint32_t wordAt(const uint8_t *bytes) {
  uint32_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// Writes the words of a group; \p quanta are those of its first column.
void PanelWriter::writeGroup(const uint8_t *quanta, std::byte *target) const {
  constexpr uint32_t kLow = 0x0f0f0f0f;
  bool isByte = sizes.lowBits() == 8;
  int64_t terms = isByte ? 4 : 8, words = group / terms;
  // A group may be a whole row: some words of all columns at a time stay in the
  // first-level cache while they are written.
  constexpr int64_t kWords = 16;
  for (int64_t begin = 0; begin < words; begin += kWords)
    for (int64_t column = 0; column < columns; ++column)
      for (int64_t word = begin; word < std::min(begin + kWords, words);
           ++word) {
        const uint8_t *from = quanta + column * groups * group + word * terms;
        uint32_t made = wordAt(from);
        if (!isByte)
          made = (made & kLow) | (wordAt(from + 4) & kLow) << 4;
        std::memcpy(target + 4 * (word * columns + column), &made, sizeof made);
      }
  if (sizes.highBits() > 0)
    writeHighWords(quanta, target + sizes.highOffset());
}

/// The bits past the fourth: those of as many terms as a word has room for.
void PanelWriter::writeHighWords(const uint8_t *quanta,
                                 std::byte *target) const {
  int64_t bits = sizes.highBits(), perWord = 32 / bits;
  uint32_t mask = ((1u << bits) - 1) * 0x01010101u;
  for (int64_t column = 0; column < columns; ++column)
    for (int64_t word = 0; word < group / perWord; ++word) {
      const uint8_t *from = quanta + column * groups * group + word * perWord;
      uint32_t made = 0;
      for (int64_t k = 0; k < perWord; k += 4)
        made |= (wordAt(from + k) >> 4 & mask) << (k / 4 * bits);
      std::memcpy(target + 4 * (word * columns + column), &made, sizeof made);
    }
}

HostTensor lathe::packQuantised(const HostTensor &input, PackedAttr packing) {
  PanelWriter writer(input, packing);
  HostTensor result(runtime::ElementType::U8,
                    {writer.panels(), writer.panelBytes()});
  std::byte *target = result.mutableBytes().data();
  for (int64_t panel = 0; panel < writer.panels(); ++panel)
    writer.write(panel, target + panel * writer.panelBytes());
  return result;
}
