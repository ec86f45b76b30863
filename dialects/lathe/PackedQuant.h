//===- PackedQuant.h - Bytes of a quantised, packed weight ------*- C++ -*-===//
//
// A panel is `columns` rows of the weight and all of K, unit after unit, where
// a unit is a block of `#lathe.quant`, or a group without one:
//
//   f16 d[columns], f16 e[columns]         factors of the scales, of the minima
//   i8 t[groups][columns], u8 u[groups][columns]    of the groups, with a block
//   groups x { words, high words }
//
// e and u are there with `minimum` only. A term is d * t * (q - z) - e * u, its
// integer q stored without a sign: where the quantum has one, z is 2^(bits -
// 1), else `zero`. Both products are exact in f32. Eight terms of a column, an
// octet, are one word of 4 bytes each in which byte i holds term i in its low
// and term 4 + i in its high half; or two words of four bytes where a term has
// 8 bits:
//
//   u32 words[group / 8][columns]             or [group / 4][columns]
//
// The bits past the fourth are in high words, one for as many terms as 32 bits
// hold. In byte i, from low to high, are those of terms i, 4 + i, 8 + i, …:
//
//   u32 highWords[group * (bits - 4) / 32][columns]
//
// So the integers of four consecutive terms are found as the bytes of a word by
// masks and shifts alone, which is how dot products of bytes take them.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_DIALECTS_LATHE_PACKEDQUANT_H
#define LATHE_DIALECTS_LATHE_PACKEDQUANT_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

/// Sizes and places in the panels of one packed type, all in bytes.
class PackedQuant {
public:
  /// \p packing has a quant.
  explicit PackedQuant(PackedAttr packing)
      : quant(packing.getQuant()), columns(packing.getColumns()) {}

  bool hasMinimum() const { return bool(quant.getMinimum()); }
  bool hasGroupFactors() const { return quant.getBlock() != 0; }
  int64_t groupsPerUnit() const { return quant.unit() / quant.getGroup(); }
  /// z.
  int64_t zero() const {
    return quant.getQuantum().isSignedInteger()
               ? int64_t(1) << (quant.bits() - 1)
               : quant.getZero();
  }
  /// Bits of a term in words: 8, or 4 with the rest in high words.
  int64_t lowBits() const { return quant.bits() == 8 ? 8 : 4; }
  int64_t highBits() const { return quant.bits() - lowBits(); }

  // From the start of a unit; d is at 0.
  int64_t minimumOffset() const { return 2 * columns; }
  int64_t groupScaleOffset() const { return 2 * columns * factors(); }
  int64_t groupMinimumOffset() const {
    return groupScaleOffset() + groupsPerUnit() * columns;
  }
  int64_t groupsOffset() const {
    int64_t bytes = hasGroupFactors() ? groupsPerUnit() * columns : 0;
    return groupScaleOffset() + bytes * factors();
  }
  // From the start of a group; words are at 0.
  int64_t highOffset() const {
    return quant.getGroup() * lowBits() / 8 * columns;
  }
  int64_t groupBytes() const {
    return quant.getGroup() * quant.bits() / 8 * columns;
  }

  int64_t unitBytes() const {
    return groupsOffset() + groupsPerUnit() * groupBytes();
  }
  /// Bytes of a panel of \p depth terms, whole units.
  int64_t panelBytes(int64_t depth) const {
    return depth / quant.unit() * unitBytes();
  }

private:
  int64_t factors() const { return hasMinimum() ? 2 : 1; }

  QuantAttr quant;
  int64_t columns;
};

/// Whether the layout above holds weights of \p quant: all of GGUF's types do.
bool hasPackedLayout(QuantAttr quant);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_PACKEDQUANT_H
