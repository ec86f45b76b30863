//===- QuantRows.h - Bytes of quantised rows --------------------*- C++ -*-===//
//
// A row of K elements that a program quantises (`#lathe.dims` with a quant) is
//
//   i8 quanta[K], zero up to a multiple of 64
//   f32 scales[groups]
//   sums of the quanta: i16 for each 16 of them where a group has 32, else an
//   i32 for each group
//
// padded to a multiple of 64 bytes, so that each row begins at a cache line.
// The sums are what a dot product with unsigned bytes owes to the zero of a
// weight, and what the minimum of a weight is multiplied with; weights have
// groups of 16 or 32 where the rows have 32.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_DIALECTS_LATHE_QUANTROWS_H
#define LATHE_DIALECTS_LATHE_QUANTROWS_H

#include "dialects/lathe/Lathe.h"

#include "llvm/Support/MathExtras.h"

namespace lathe {

/// Sizes and places in the rows of one quantised type, all in bytes but for
/// counts.
class QuantRows {
public:
  /// \p depth is the number of elements of a row, whole groups.
  QuantRows(QuantAttr quant, int64_t depth)
      : QuantRows(quant.getGroup(), depth) {}
  QuantRows(int64_t group, int64_t depth) : groupSize(group), rowSize(depth) {}

  int64_t depth() const { return rowSize; }
  int64_t group() const { return groupSize; }
  int64_t groups() const { return rowSize / groupSize; }
  /// Elements that one sum is of, and its bytes.
  int64_t sumTerms() const { return groupSize == 32 ? 16 : groupSize; }
  int64_t sumBytes() const { return groupSize == 32 ? 2 : 4; }

  // From the start of a row; the quanta are at 0.
  int64_t scalesOffset() const { return llvm::alignTo(rowSize, 64); }
  int64_t sumsOffset() const { return scalesOffset() + 4 * groups(); }
  int64_t rowBytes() const {
    return llvm::alignTo(sumsOffset() + rowSize / sumTerms() * sumBytes(), 64);
  }

private:
  int64_t groupSize, rowSize;
};

/// Whether kernels compute with rows of \p depth elements quantised by \p
/// quant: signed bytes, f32 scales, groups of 32 or of the whole row.
bool hasRowLayout(QuantAttr quant, int64_t depth);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_QUANTROWS_H
