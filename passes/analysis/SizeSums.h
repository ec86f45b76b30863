//===- SizeSums.h - Sums of products of symbols ----------------*- C++ -*-===//
//
// What a program's sizes, in bytes or operations, are: polynomials of its
// symbols with whole coefficients, which can be compared for all values of
// them.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_ANALYSIS_SIZESUMS_H
#define LATHE_PASSES_ANALYSIS_SIZESUMS_H

#include "mlir/IR/AffineExpr.h"

#include <map>
#include <vector>

namespace lathe {

/// A number times symbols; not known where it does not fit 63 bits or a size
/// has no name.
struct SizeProduct {
  int64_t factor = 1;
  std::vector<unsigned> symbols; ///< Sorted.
  bool isKnown = true;

  /// Reads \p expr; not known where it is no product.
  static SizeProduct of(mlir::AffineExpr expr);

  SizeProduct &operator*=(int64_t number);
};

/// A sum of products.
class SizeSum {
public:
  SizeSum &operator+=(const SizeProduct &product);

  bool known() const { return isKnown; }

  /// Whether it is at most \p other, whatever the symbols are: of each product
  /// there is no more.
  bool isAtMost(const SizeSum &other) const;

  mlir::AffineExpr toExpr(mlir::MLIRContext *context) const;

private:
  std::map<std::vector<unsigned>, int64_t> terms;
  bool isKnown = true;
};

} // namespace lathe

#endif // LATHE_PASSES_ANALYSIS_SIZESUMS_H
