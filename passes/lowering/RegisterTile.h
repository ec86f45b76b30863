//===- RegisterTile.h - The inner loop of a contraction ---------*- C++ -*-===//
#ifndef LATHE_PASSES_LOWERING_REGISTERTILE_H
#define LATHE_PASSES_LOWERING_REGISTERTILE_H

#include "passes/lowering/Contraction.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/KernelCode.h"

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

/// Memory that is read soon, of which a register tile asks for its share while
/// it goes over its terms.
struct Ahead {
  mlir::Value base; ///< !llvm.ptr to the share; null: nothing is asked for.
  int64_t bytes = 0, terms = 1;

  /// Asks for what belongs to \p count terms from \p term (i64) on, a multiple
  /// of \p count, counted from the first of the tile.
  void prefetch(const KernelCode &code, mlir::Value term, int64_t count) const;
};

/// What the register tiles of one kernel have in common.
///
/// The sums of a launch tile stand in memory, in f32. A row of them is a list
/// of vectors: first those of the tile's own columns of the result, then,
/// behind a gate, those of the columns half a row further on. A register tile
/// is some rows by some consecutive vectors of that list.
class RegisterTile {
public:
  /// Where the activations are: row-major, K from one on the other, of
  /// Contraction::activationElement.
  struct Activations {
    mlir::Value base;  ///< !llvm.ptr to the first element of row 0
    int64_t rowStride; ///< Elements.
  };

  /// The weights of the vectors of a tile, as numbers in memory.
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

  RegisterTile(KernelFrame &frame, mlir::Location loc, const Contraction &match)
      : frame(frame), loc(loc), match(match) {}

  /// Vectors of the columns of a launch tile.
  int64_t ownVectors() const;

  /// Elements of a row of sums: all its vectors, rounded up to whole register
  /// tiles of every height.
  int64_t stride() const;

  /// Where the gated half of a row of sums begins, in elements.
  int64_t upOffset() const;

  /// Vectors of a register tile of \p rows rows: a power of two, as many as the
  /// registers hold, and at most a launch tile's own.
  int64_t vectors(int64_t rows) const;

  /// The first columns of \p count vectors from vector \p first (i64) of a
  /// launch tile on that begins with \p column (i64). Past the end of the
  /// weight they are columns that no panel has.
  llvm::SmallVector<mlir::Value>
  columnsOf(mlir::Value column, mlir::Value first, int64_t count) const;

  /// \p count rows from \p row (i64) on.
  TileRows rowsFrom(const Activations &activations, mlir::Value row,
                    int64_t count) const;
  /// The same where only \p present of them (i64, at least 1) are there: the
  /// last one stands for those behind it.
  TileRows rowsFrom(const Activations &activations, mlir::Value row,
                    int64_t count, mlir::Value present) const;

  /// The packed weights of the vectors that begin with \p columns, as columnsOf
  /// gives them. Past the end they are some numbers or other.
  Weights packedWeights(llvm::ArrayRef<mlir::Value> columns) const;

  /// Weights that stand as f32 at \p base, from term \p begin (i64) on, in rows
  /// like those of sums; \p count vectors from \p first (i64) on.
  Weights decodedWeights(mlir::Value base, mlir::Value begin, mlir::Value first,
                         int64_t count) const;

  /// Builds the sums of all terms of \p rows by \p weights, to \p target, the
  /// place of the first one.
  void build(const TileRows &rows, const Weights &weights, mlir::Value target,
             const Ahead &ahead = {}) const;

  /// Adds \p terms to the sums at \p target.
  void add(const TileRows &rows, const Weights &weights, const Terms &terms,
           mlir::Value target, const Ahead &ahead = {}) const;

  /// Stores \p sums, rows by \p vectors vectors, to \p target.
  void store(mlir::ValueRange sums, int64_t vectors, mlir::Value target) const;

  /// \p count vectors of \p element, of 32 bits, from \p target, rows by
  /// \p vectors.
  llvm::SmallVector<mlir::Value> load(int64_t count, int64_t vectors,
                                      mlir::Value target,
                                      mlir::Type element) const;

private:
  int64_t lanes() const { return match.schedule.getVector(); }
  /// Columns by which the gated half is off the start of a vector.
  int64_t upShift() const;
  int64_t panelElements() const;
  mlir::Value sumPointer(mlir::Value target, int64_t vectors, int64_t i) const;
  mlir::Value panelPointer(mlir::Value panel) const;
  mlir::Value rowPointer(const Activations &activations, mlir::Value row) const;
  llvm::SmallVector<mlir::Value>
  buildStep(mlir::ValueRange sums, const Weights &weights, const TileRows &rows,
            mlir::Value step, int64_t terms) const;
  llvm::SmallVector<mlir::Value>
  loadWeights(const Weights &weights, mlir::Value pointer, int64_t terms) const;
  llvm::SmallVector<mlir::Value>
  splitPairs(mlir::Value words, mlir::Type element, int64_t terms) const;
  llvm::SmallVector<mlir::Value> loadActivations(mlir::Value pointer,
                                                 int64_t terms) const;
  mlir::Value addProducts(mlir::Value activation, mlir::Value weight,
                          mlir::Value sum) const;
  bool addsPairs() const { return match.schedule.getDot() == DotKind::Bf16; }
  llvm::SmallVector<mlir::Value> zeros(int64_t count) const;
  llvm::SmallVector<mlir::Value>
  addTerms(mlir::ValueRange sums, const Weights &weights, const TileRows &rows,
           const Terms &terms, const Ahead &ahead) const;

  KernelFrame &frame;
  mlir::Location loc;
  const Contraction &match;
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_REGISTERTILE_H
