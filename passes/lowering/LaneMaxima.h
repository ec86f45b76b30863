//===- LaneMaxima.h - The first of the largest numbers ----------*- C++ -*-===//
#ifndef LATHE_PASSES_LOWERING_LANEMAXIMA_H
#define LATHE_PASSES_LOWERING_LANEMAXIMA_H

#include "passes/lowering/KernelCode.h"

namespace lathe {

/// Looks for the first of the largest numbers of a row, a vector at a time.
/// Each lane keeps the largest that it has met, and the first place of it. A
/// NaN is no number; where none is above minus infinity, the first lane's start
/// is the place.
struct LaneMaxima {
  mlir::Value numbers; ///< vector<lanes x f32>
  mlir::Value places;  ///< vector<lanes x i32>: columns of the row

  /// Before the first vector, of \p lanes, a power of two, from \p column (i64)
  /// on.
  static LaneMaxima start(const KernelCode &code, int64_t lanes,
                          mlir::Value column);

  /// With \p vector, which stands at \p column (i64) and the columns behind it.
  LaneMaxima with(const KernelCode &code, mlir::Value vector,
                  mlir::Value column) const;

  /// The largest number (f32) and its first place (i32).
  struct First {
    mlir::Value number, place;
  };
  First first(const KernelCode &code) const;
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_LANEMAXIMA_H
