//===- RegisterTile.h - The inner loop of a contraction ---------*- C++ -*-===//
#ifndef LATHE_PASSES_LOWERING_REGISTERTILE_H
#define LATHE_PASSES_LOWERING_REGISTERTILE_H

#include "passes/lowering/Contraction.h"
#include "passes/lowering/KernelAbi.h"

namespace lathe {

/// What the register tiles of one kernel have in common.
///
/// A tile is `rows` rows by `width` columns of the result. Behind a gate it
/// also holds the `width` columns half a row further on, computed in the same
/// loop. Its sums go to scratch, in f32: a row of them takes stride() elements,
/// the second half begins at upOffset().
class RegisterTile {
public:
  /// Where the activations are: row-major, K from one on the other, of
  /// Contraction::activationElement.
  struct Activations {
    mlir::Value base;  ///< !llvm.ptr to the first element of row 0
    int64_t rowStride; ///< Elements.
  };

  RegisterTile(KernelFrame &frame, mlir::Location loc, const Contraction &match)
      : frame(frame), loc(loc), match(match) {}

  /// Columns of the result that a tile of \p rows rows covers: as many as the
  /// registers hold, a power of two of vectors, at most the panels of a launch
  /// tile. Never fewer than one vector.
  int64_t width(int64_t rows) const;

  /// Elements of a row of sums in scratch, for every number of rows.
  int64_t stride() const;

  /// Where the gated half of a row of sums begins in scratch.
  int64_t upOffset() const;

  /// Builds the sums of \p rows rows from \p row (i64) and width(rows) columns
  /// from \p column (i64, a multiple of that width) on. Columns past the end of
  /// the weight come out as some numbers or other.
  void build(int64_t rows, const Activations &activations, mlir::Value row,
             mlir::Value column) const;

private:
  int64_t lanes() const { return match.schedule.getVector(); }
  int64_t vectors(int64_t width) const;
  /// Columns by which the gated half is off the start of a vector.
  int64_t upShift() const;
  int64_t panelElements() const;

  llvm::SmallVector<mlir::Value> weightPointers(int64_t width,
                                                mlir::Value column) const;
  mlir::Value panelPointer(mlir::Value panel) const;
  llvm::SmallVector<mlir::Value> buildStep(mlir::ValueRange sums,
                                           mlir::ArrayRef<mlir::Value> weights,
                                           mlir::Value activationBase,
                                           int64_t rowStride, mlir::Value step,
                                           int64_t terms) const;
  llvm::SmallVector<mlir::Value> loadWeights(mlir::Value pointer,
                                             int64_t terms) const;
  llvm::SmallVector<mlir::Value> loadActivations(mlir::Value pointer,
                                                 int64_t terms) const;
  mlir::Value addProducts(mlir::Value activation, mlir::Value weight,
                          mlir::Value sum) const;
  bool addsPairs() const { return match.schedule.getDot() == DotKind::Bf16; }
  llvm::SmallVector<mlir::Value>
  buildChain(int64_t rows, mlir::ArrayRef<mlir::Value> weights,
             mlir::Value activationBase, int64_t rowStride, mlir::Value begin,
             mlir::Value end, bool hasTail) const;

  KernelFrame &frame;
  mlir::Location loc;
  const Contraction &match;
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_REGISTERTILE_H
