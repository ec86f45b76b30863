//===- PackedQuant.cpp - Bytes of quantised weights and rows --------------===//

#include "dialects/lathe/PackedQuant.h"
#include "dialects/lathe/QuantRows.h"

using namespace mlir;
using namespace lathe;

/// Elements of a row whose sum of products of bytes, at most 127 * 255 each,
/// fits an i32.
static constexpr int64_t kMostTerms = int64_t(1) << 16;

PackedQuant::PackedQuant(PackedAttr packing)
    : columns(packing.getColumns()), bits(packing.getQuant().bits()),
      groupTerms(packing.getQuant().getGroup()),
      unitTerms(packing.getQuant().unit()) {
  QuantAttr quant = packing.getQuant();
  zeroQuantum = quant.getQuantum().isSignedInteger() ? int64_t(1) << (bits - 1)
                                                     : quant.getZero();
  scaleBytes = quant.getScale().isF32() ? 4 : 2;
  withMinimum = bool(quant.getMinimum());
  withGroupFactors = quant.getBlock() != 0;
}

bool lathe::hasRowLayout(QuantAttr quant, int64_t depth) {
  bool isByte = quant.bits() == 8 && quant.getQuantum().isSignedInteger();
  bool isPlain = !quant.getMinimum() && quant.getBlock() == 0;
  return isByte && isPlain && quant.getScale().isF32() && depth >= 1 &&
         depth <= kMostTerms && depth % quant.getGroup() == 0 &&
         (quant.getGroup() == 32 || quant.getGroup() == depth);
}

bool lathe::hasPackedLayout(QuantAttr quant, int64_t depth) {
  int64_t bits = quant.bits();
  if (quant.getScale().isF32())
    return quant.getGroup() == depth && hasRowLayout(quant, depth);
  if (bits != 4 && bits != 5 && bits != 6 && bits != 8)
    return false;
  // A word of high bits holds those of 32 terms of 5 bits.
  int64_t group = quant.getGroup();
  if (group != 32 && (group != 16 || bits == 5))
    return false;
  // An offset has one part.
  if (quant.getMinimum() &&
      (quant.getZero() != 0 || quant.getQuantum().isSignedInteger()))
    return false;
  if (quant.getBlock() == 0)
    return quant.getScale().isF16();
  // Eleven bits of an f16 times eight, times a quantum less its zero of at most
  // six, are within the 24 of an f32; and so is the minimum.
  return bits <= 6 && quant.getBlock() <= 256 &&
         quant.getBlock() % group == 0 && quant.getScale().isInteger() &&
         (!quant.getMinimum() || quant.getScale().isUnsignedInteger());
}
