//===- PackQuantised.cpp - Panels of quantised weights --------------------===//
//
// Panel by panel: the integers of a unit are put in order, those of one term of
// all columns beside each other; then words are made of them, all columns at a
// time, which compilers turn into vectors.
//
//===----------------------------------------------------------------------===//

#include "compiler/emit/PackQuantised.h"

#include "dialects/lathe/PackedQuant.h"
#include "dialects/lathe/QuantRows.h"
#include "runtime/formats/Convert.h"

#include "llvm/Support/Parallel.h"

#include <cstring>

using namespace lathe;
using runtime::BlockLayout;
using runtime::UnpackedBlock;

namespace {

/// Columns that words are made of at a time: as many as a panel has in all
/// layouts that the compiler makes, but any number works.
constexpr int64_t kColumns = 32;

/// Packs the panels of one weight.
class PanelWriter {
public:
  PanelWriter(const HostTensor &input, PackedAttr packing)
      : input(input), quant(packing.getQuant()), sizes(packing),
        columns(packing.getColumns()), rows(input.shape()[0]),
        depth(input.shape()[1]), units(depth / quant.unit()),
        group(sizes.octetsPerGroup() * 8) {
    if (rows > 0)
      sourceRow = int64_t(input.bytes().size()) / rows;
  }

  int64_t panels() const { return llvm::divideCeil(rows, columns); }
  int64_t panelBytes() const { return sizes.panelBytes(depth); }

  /// Writes panel \p panel to \p target, which holds zeros.
  void write(int64_t panel, std::byte *target) const;

private:
  /// The integers of a unit: `quanta[term * columns + column]`, groups padded
  /// to whole octets.
  using Quanta = std::vector<uint8_t>;

  void readBlock(const std::byte *source, std::byte *unit, int64_t column,
                 Quanta &quanta) const;
  void readRow(const std::byte *source, std::byte *unit, int64_t column,
               Quanta &quanta) const;
  void writeGroup(const uint8_t *quanta, std::byte *target) const;
  void writeHighWords(const uint8_t *quanta, std::byte *target) const;

  const HostTensor &input;
  QuantAttr quant;
  PackedQuant sizes;
  int64_t columns, rows, depth, units, group, sourceRow = 0;
};

} // namespace

/// Stores \p value, which is one exactly, as the \p index-th f16 of \p array.
static void storeHalf(std::byte *array, int64_t index, float value) {
  uint16_t half = runtime::floatToHalf(value);
  std::memcpy(array + 2 * index, &half, 2);
}

/// Takes the factors of a GGUF block to \p unit and its integers to \p quanta.
void PanelWriter::readBlock(const std::byte *source, std::byte *unit,
                            int64_t column, Quanta &quanta) const {
  UnpackedBlock block;
  runtime::unpackBlock(*input.layout()->blocks, source, block);
  storeHalf(unit, column, block.scale);
  if (sizes.hasMinimum())
    storeHalf(unit + sizes.minimumOffset(), column, block.minimum);
  for (int64_t g = 0; sizes.hasGroupFactors() && g < sizes.groupsPerUnit();
       ++g) {
    int64_t at = g * columns + column;
    unit[sizes.groupScaleOffset() + at] = std::byte(block.scaleCodes[g]);
    if (sizes.hasMinimum())
      unit[sizes.groupMinimumOffset() + at] = std::byte(block.minimumCodes[g]);
  }
  for (int64_t k = 0; k < quant.unit(); ++k)
    quanta[k * columns + column] = uint8_t(block.quanta[k] + sizes.zero());
}

/// The same for a row of bytes with one scale.
void PanelWriter::readRow(const std::byte *source, std::byte *unit,
                          int64_t column, Quanta &quanta) const {
  QuantRows layout(quant, depth);
  std::memcpy(unit + column * 4, source + layout.scalesOffset(), 4);
  for (int64_t k = 0; k < depth; ++k)
    quanta[k * columns + column] = uint8_t(int8_t(source[k]) + sizes.zero());
}

void PanelWriter::write(int64_t panel, std::byte *target) const {
  int64_t first = panel * columns, live = std::min(columns, rows - first);
  int64_t groups = sizes.groupsPerUnit();
  Quanta quanta(groups * group * columns);
  for (int64_t i = 0; i < units; ++i) {
    std::byte *unit = target + i * sizes.unitBytes();
    for (int64_t column = 0; column < live; ++column) {
      const std::byte *row =
          input.bytes().data() + (first + column) * sourceRow;
      if (input.layout()->blocks)
        readBlock(row + i * (sourceRow / units), unit, column, quanta);
      else
        readRow(row, unit, column, quanta);
    }
    for (int64_t g = 0; g < groups; ++g)
      writeGroup(quanta.data() + g * group * columns,
                 unit + sizes.groupsOffset() + g * sizes.groupBytes());
  }
}

void PanelWriter::writeGroup(const uint8_t *quanta, std::byte *target) const {
  auto code = [&](int64_t k, int64_t column) {
    return uint32_t(quanta[k * columns + column]);
  };
  int64_t bits = quant.bits(), words = group / (bits == 8 ? 4 : 8);
  for (int64_t word = 0; word < words; ++word)
    for (int64_t begin = 0; begin < columns; begin += kColumns) {
      int64_t count = std::min(kColumns, columns - begin);
      uint32_t made[kColumns] = {};
      for (int64_t byte = 0; byte < 4; ++byte)
        for (int64_t c = 0; c < count; ++c) {
          if (bits == 8)
            made[c] |= code(4 * word + byte, begin + c) << (8 * byte);
          else
            made[c] |= (code(8 * word + byte, begin + c) & 15) << (8 * byte) |
                       (code(8 * word + 4 + byte, begin + c) & 15)
                           << (8 * byte + 4);
        }
      std::memcpy(target + 4 * (word * columns + begin), made, 4 * count);
    }
  if (sizes.highBits() > 0)
    writeHighWords(quanta, target + sizes.highOffset());
}

/// The bits past the fourth: those of as many terms as a word has room for.
void PanelWriter::writeHighWords(const uint8_t *quanta,
                                 std::byte *target) const {
  int64_t bits = sizes.highBits(), perWord = 32 / bits;
  for (int64_t word = 0; word < group / perWord; ++word)
    for (int64_t column = 0; column < columns; ++column) {
      uint32_t made = 0;
      for (int64_t k = 0; k < perWord; ++k) {
        uint32_t high = quanta[(word * perWord + k) * columns + column] >> 4;
        made |= high << (8 * (k % 4) + k / 4 * bits);
      }
      std::memcpy(target + 4 * (word * columns + column), &made, 4);
    }
}

HostTensor lathe::packQuantised(const HostTensor &input, PackedAttr packing) {
  PanelWriter writer(input, packing);
  HostTensor result(runtime::ElementType::U8,
                    {writer.panels(), writer.panelBytes()});
  std::byte *target = result.mutableBytes().data();
  llvm::parallelFor(0, writer.panels(), [&](size_t panel) {
    writer.write(panel, target + panel * writer.panelBytes());
  });
  return result;
}
