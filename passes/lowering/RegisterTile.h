//===- RegisterTile.h - The inner loop of a contraction ---------*- C++ -*-===//
#ifndef LATHE_PASSES_LOWERING_REGISTERTILE_H
#define LATHE_PASSES_LOWERING_REGISTERTILE_H

#include "passes/lowering/Contraction.h"
#include "passes/lowering/KernelAbi.h"

namespace lathe {

/// The rows of activations that a register tile reads: all at one distance from
/// each other, or each at a place of its own.
class TileRows {
public:
  /// \p base is the first element of the first row, \p stride in elements.
  static TileRows strided(mlir::Value base, int64_t stride, int64_t count) {
    return TileRows({base}, stride, count);
  }
  static TileRows scattered(llvm::ArrayRef<mlir::Value> pointers) {
    return TileRows(pointers, /*stride=*/0, pointers.size());
  }

  int64_t count() const { return rowCount; }
  /// Address of element \p term (i64), of type \p element, of row \p row.
  mlir::Value at(mlir::OpBuilder &builder, mlir::Location loc,
                 mlir::Type element, int64_t row, mlir::Value term) const;

private:
  TileRows(llvm::ArrayRef<mlir::Value> pointers, int64_t stride, int64_t count)
      : pointers(pointers), stride(stride), rowCount(count) {}

  llvm::SmallVector<mlir::Value> pointers;
  int64_t stride, rowCount;
};

/// What the register tiles of one kernel have in common.
///
/// A tile is `rows` rows by `width` columns of the result. Behind a gate it
/// also holds the `width` columns half a row further on, computed in the same
/// loop. Its sums go to memory, in f32: a row of them takes stride() elements,
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
  /// tile, and a divisor of them where heads are made. Never fewer than one
  /// vector.
  int64_t width(int64_t rows) const;

  /// Elements of a row of sums in scratch, for every number of rows.
  int64_t stride() const;

  /// Where the gated half of a row of sums begins in scratch.
  int64_t upOffset() const;

  /// \p count rows from \p row (i64) on.
  TileRows rowsFrom(const Activations &activations, mlir::Value row,
                    int64_t count) const;
  /// The same where only \p present of them (i64, at least 1) are there: the
  /// last one stands for those behind it.
  TileRows rowsFrom(const Activations &activations, mlir::Value row,
                    int64_t count, mlir::Value present) const;

  /// Builds the sums of \p rows and width(rows.count()) columns from \p column
  /// (i64, a multiple of that width) on, to \p target, the place of the first
  /// one. Columns past the end of the weight come out as some numbers or other.
  void build(const TileRows &rows, mlir::Value column,
             mlir::Value target) const;

  /// Stores \p sums, rows by vectors of a tile of \p width columns, to
  /// \p target.
  void storeSums(mlir::ValueRange sums, int64_t width,
                 mlir::Value target) const;

  /// Weights that stand as f32 in scratch: stride() elements a term, in the
  /// order of a row of sums.
  struct Decoded {
    mlir::Value base;       ///< !llvm.ptr to term `begin` of the first column
    mlir::Value begin, end; ///< The terms that are there (i64).
  };

  /// Adds the terms of \p weights to the sums of \p rows and of
  /// decodedVectors(rows.count()) vectors from vector \p vector (i64) on, of
  /// rows of sums that begin at \p sums.
  void addDecoded(const TileRows &rows, const Decoded &weights,
                  mlir::Value sums, mlir::Value vector) const;

  /// Vectors of sums that a tile of \p rows rows of decoded weights takes. The
  /// vectors of a row are a whole number of such tiles, whatever they are of.
  int64_t decodedVectors(int64_t rows) const;

  /// Where each vector of the sums of a row of a tile of \p width columns
  /// stands in scratch, in elements from the tile's first column.
  llvm::SmallVector<int64_t> sumPlaces(int64_t width) const;

  /// The first column of each vector of a tile from \p column on (i64).
  llvm::SmallVector<mlir::Value> vectorColumns(int64_t width,
                                               mlir::Value column) const;

private:
  /// The weights of a tile, as numbers in memory.
  struct Weights {
    llvm::SmallVector<mlir::Value> pointers; ///< Of each vector, at term 0.
    mlir::Type element;
    int64_t depth;      ///< Terms that stand beside each other.
    int64_t termStride; ///< Elements from one term to the next.
  };
  /// Terms of a sum; with \p hasTail the last one is a step of its own.
  struct Terms {
    mlir::Value begin, end;
    bool hasTail;
  };

  int64_t lanes() const { return match.schedule.getVector(); }
  mlir::Value sumPointer(mlir::Value first, llvm::ArrayRef<int64_t> places,
                         int64_t i) const;
  int64_t vectors(int64_t width) const;
  /// Columns by which the gated half is off the start of a vector.
  int64_t upShift() const;
  int64_t panelElements() const;

  Weights packedWeights(int64_t width, mlir::Value column) const;
  llvm::SmallVector<mlir::Value> weightPointers(int64_t width,
                                                mlir::Value column) const;
  mlir::Value panelPointer(mlir::Value panel) const;
  mlir::Value rowPointer(const Activations &activations, mlir::Value row) const;
  llvm::SmallVector<mlir::Value>
  buildStep(mlir::ValueRange sums, const Weights &weights, const TileRows &rows,
            mlir::Value step, int64_t terms) const;
  llvm::SmallVector<mlir::Value>
  loadWeights(const Weights &weights, mlir::Value pointer, int64_t terms) const;
  llvm::SmallVector<mlir::Value> loadActivations(mlir::Value pointer,
                                                 int64_t terms) const;
  mlir::Value addProducts(mlir::Value activation, mlir::Value weight,
                          mlir::Value sum) const;
  bool addsPairs() const { return match.schedule.getDot() == DotKind::Bf16; }
  llvm::SmallVector<mlir::Value> zeros(int64_t count) const;
  llvm::SmallVector<mlir::Value> addTerms(mlir::ValueRange sums,
                                          const Weights &weights,
                                          const TileRows &rows,
                                          const Terms &terms) const;

  KernelFrame &frame;
  mlir::Location loc;
  const Contraction &match;
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_REGISTERTILE_H
