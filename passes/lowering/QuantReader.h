//===- QuantReader.h - Numbers of a quantised, packed weight ----*- C++ -*-===//
#ifndef LATHE_PASSES_LOWERING_QUANTREADER_H
#define LATHE_PASSES_LOWERING_QUANTREADER_H

#include "dialects/lathe/PackedQuant.h"
#include "passes/lowering/KernelCode.h"

namespace lathe {

/// Reads vectors of consecutive columns of a weight whose layout
/// dialects/lathe/PackedQuant.h describes.
class QuantReader {
public:
  QuantReader(KernelCode code, PackedAttr packing, int64_t lanes)
      : code(code), packing(packing), layout(packing), lanes(lanes) {}

  /// A vector of columns: the panel (!llvm.ptr) at a unit, and the first
  /// column inside of it (i64, a multiple of the lanes).
  struct Place {
    mlir::Value unit, column;
  };

  /// What turns the integers of a group into numbers: q * scale + offset, one
  /// rounding. Both are vectors of f32; `scale` and the part of `offset` that
  /// comes of it are exact.
  struct Factors {
    mlir::Value scale, offset;
  };

  /// \p group is the group's index in the unit (i64).
  Factors loadFactors(const Place &place, mlir::Value group) const;

  /// The integers of terms 0 … 3 and 4 … 7 of octet \p octet (i64) of a group,
  /// as the bytes of two vectors of i32, unsigned.
  std::pair<mlir::Value, mlir::Value>
  loadOctet(const Place &place, mlir::Value group, mlir::Value octet) const;

  /// The eight terms of an octet as vectors of f32.
  llvm::SmallVector<mlir::Value> loadTerms(const Place &place,
                                           mlir::Value group, mlir::Value octet,
                                           const Factors &factors) const;

  /// Term \p term of an octet that loadOctet() has loaded, as a vector of f32.
  mlir::Value termOf(std::pair<mlir::Value, mlir::Value> octet, int64_t term,
                     const Factors &factors) const;

  /// The vector of consecutive columns from \p column (i64) on, at the first
  /// unit of its panel of the weight at \p base, of \p rows by \p depth
  /// elements; of the last panel if that is past the end.
  Place placeOf(mlir::Value base, int64_t rows, int64_t depth,
                mlir::Value column) const;

  /// \p place, at the first unit, at unit \p unit (i64).
  Place inUnit(Place place, mlir::Value unit) const;

  QuantAttr quant() const { return packing.getQuant(); }
  const PackedQuant &sizes() const { return layout; }

private:
  mlir::Value loadBytes(mlir::Value base, mlir::Value offset,
                        mlir::Type element, mlir::Value column) const;
  mlir::Value loadFactor(const Place &place, int64_t offset) const;
  mlir::Value loadGroupFactor(const Place &place, int64_t offset,
                              mlir::Value group) const;
  mlir::Value words(uint32_t number) const;
  mlir::Value shiftRight(mlir::Value vector, mlir::Value count) const;

  KernelCode code;
  PackedAttr packing;
  PackedQuant layout;
  int64_t lanes;
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_QUANTREADER_H
