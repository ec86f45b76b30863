//===- PackedQuant.h - Bytes of a quantised, packed weight ------*- C++ -*-===//
//
// A panel is `columns` rows of the weight and all of K, unit after unit, where
// a unit is a block of `#lathe.quant`, or a group without one:
//
//   d[columns], e[columns]                 factors of the scales, of the minima
//   i8 t[groups][columns], u8 u[groups][columns]    of the groups, with a block
//   groups x { words, high words }
//
// d and e are f16, or of the scale's type where a group is the whole row; e and
// u are there with `minimum` only. A term is d * t * (q - z) - e * u, its
// integer q stored without a sign: where the quantum has one, z is 2^(bits -
// 1), else `zero`. Both products are exact in f32. Eight terms of a column, an
// octet, are one word of 4 bytes each in which byte i holds term i in its low
// and term 4 + i in its high half; or two words of four bytes where a term has
// 8 bits:
//
//   u32 words[group / 8][columns]             or [group / 4][columns]
//
// A group that is a whole row has room for whole octets; past its end are
// zeros, which no kernel multiplies with anything but zero.
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

#include "llvm/Support/MathExtras.h"

namespace lathe {

/// Sizes and places in the panels of one packed type, all in bytes. They are
/// plain numbers: packers ask for them with each group of a weight.
class PackedQuant {
public:
  /// \p packing has a quant.
  explicit PackedQuant(PackedAttr packing);

  bool hasMinimum() const { return withMinimum; }
  bool hasGroupFactors() const { return withGroupFactors; }
  int64_t groupsPerUnit() const { return unitTerms / groupTerms; }
  int64_t octetsPerGroup() const { return llvm::divideCeil(groupTerms, 8); }
  /// z.
  int64_t zero() const { return zeroQuantum; }
  /// Bits of a term in words: 8, or 4 with the rest in high words.
  int64_t lowBits() const { return bits == 8 ? 8 : 4; }
  int64_t highBits() const { return bits - lowBits(); }

  // From the start of a unit; d is at 0.
  int64_t minimumOffset() const { return factorBytes() * columns; }
  int64_t groupScaleOffset() const {
    return factorBytes() * columns * factors();
  }
  int64_t groupMinimumOffset() const {
    return groupScaleOffset() + groupsPerUnit() * columns;
  }
  int64_t groupsOffset() const {
    int64_t bytes = hasGroupFactors() ? groupsPerUnit() * columns : 0;
    return groupScaleOffset() + bytes * factors();
  }
  // From the start of a group; words are at 0.
  int64_t highOffset() const { return octetsPerGroup() * lowBits() * columns; }
  int64_t groupBytes() const { return octetsPerGroup() * bits * columns; }

  int64_t unitBytes() const {
    return groupsOffset() + groupsPerUnit() * groupBytes();
  }
  /// Bytes of a panel of \p depth terms, whole units.
  int64_t panelBytes(int64_t depth) const {
    return depth / unitTerms * unitBytes();
  }

  /// Bytes of an element of d and e.
  int64_t factorBytes() const { return scaleBytes; }

private:
  int64_t factors() const { return hasMinimum() ? 2 : 1; }

  int64_t columns, bits, groupTerms, unitTerms, zeroQuantum, scaleBytes;
  bool withMinimum, withGroupFactors;
};

/// Whether the layout above holds weights of \p quant with rows of \p depth
/// elements: it does those of all of GGUF's types, and signed bytes with a
/// scale a row.
bool hasPackedLayout(QuantAttr quant, int64_t depth);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_PACKEDQUANT_H
