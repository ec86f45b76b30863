//===- QuantPages.h - Bytes of a quantised cache ----------------*- C++ -*-===//
//
// Pages of a cache whose type has a quant hold, for each page and head of D
// elements,
//
//   i8 quanta[32 * D], in the order of elements: [D][32], of values [32][D]
//   f32 scales[32], one for each position
//
// and a number is quantum * scale, in f32. A position is rounded by itself, as
// lathe.quantize rounds a row, so that it never changes what is there already.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_DIALECTS_LATHE_QUANTPAGES_H
#define LATHE_DIALECTS_LATHE_QUANTPAGES_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

/// Whether \p type is pages of a cache that are quantised.
inline bool isQuantPages(mlir::RankedTensorType type) {
  return type.getRank() == 4 && rowQuantOf(type);
}

/// Sizes and places in what a page has of one head, in bytes.
class QuantPages {
public:
  /// \p size is the number of elements of a head.
  explicit QuantPages(int64_t size) : size(size) {}

  /// From the start of the head; the quanta are at 0.
  int64_t scalesOffset() const { return size * kPagePositions; }
  int64_t headBytes() const { return scalesOffset() + 4 * kPagePositions; }

private:
  int64_t size;
};

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_QUANTPAGES_H
