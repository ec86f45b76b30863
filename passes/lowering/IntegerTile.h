//===- IntegerTile.h - The inner loop of an integer contraction -*- C++ -*-===//
//
// Both factors are quantised: their integers are multiplied as bytes and summed
// exactly, group by group; the sums of groups, times the scales of both sides,
// are one chain of fma in ascending order (docs/design.md, 8.3). So the bits do
// not depend on the shape of the tile, nor on the instruction.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_INTEGERTILE_H
#define LATHE_PASSES_LOWERING_INTEGERTILE_H

#include "dialects/lathe/QuantRows.h"
#include "passes/lowering/IntegerDot.h"
#include "passes/lowering/QuantReader.h"
#include "passes/lowering/RegisterTile.h"

namespace lathe {

class IntegerTile {
public:
  /// \p match has a packing with a quant and quantised rows as input; \p tile
  /// is the tile of its sums.
  IntegerTile(KernelFrame &frame, KernelCode code, const Contraction &match,
              const RegisterTile &tile);

  /// Builds the sums of all terms of \p rows by the vectors that begin with
  /// \p columns, as RegisterTile::columnsOf gives them, to \p target.
  void build(const TileRows &rows, llvm::ArrayRef<mlir::Value> columns,
             mlir::Value target, const Ahead &ahead = {}) const;

  /// Turns the integers at \p target, sums of a whole row's products of weights
  /// without a sign and activations, into the sums that build() makes of them.
  void finish(const TileRows &rows, llvm::ArrayRef<mlir::Value> columns,
              mlir::Value target) const;

private:
  using Values = KernelCode::Values;

  /// A stretch of terms that has one scale on each side.
  struct Span {
    llvm::ArrayRef<QuantReader::Place> places; ///< Of the vectors, in its unit.
    mlir::Value group;                         ///< In the unit (i64).
    mlir::Value firstTerm;                     ///< In the row (i64).
    const Ahead &ahead;                        ///< Of the whole tile.
  };

  /// Of the rows of a tile in one span.
  struct RowFactors {
    Values quantaSums; ///< i32
    Values scales;     ///< f32
  };

  int64_t lanes() const { return match.schedule.getVector(); }
  bool isWholeRow() const { return rowLayout.group() != 32; }
  Values addUnit(const TileRows &rows,
                 llvm::ArrayRef<QuantReader::Place> places, mlir::Value unit,
                 const Ahead &ahead, mlir::ValueRange sums) const;
  Values addSpan(const TileRows &rows, const Span &span,
                 mlir::ValueRange sums) const;
  Values startsOf(const Span &span,
                  llvm::ArrayRef<mlir::Value> quantaSums) const;
  Values dotSpan(const TileRows &rows, const Span &span,
                 llvm::ArrayRef<mlir::Value> quantaSums) const;
  Values addDots(const Span &span, const RowFactors &rows,
                 mlir::ValueRange dots, mlir::ValueRange sums) const;
  llvm::SmallVector<QuantReader::Place>
  placesOf(llvm::ArrayRef<mlir::Value> columns) const;
  RowFactors rowFactorsOf(const TileRows &rows, mlir::Value firstTerm) const;
  Values dotOctet(const TileRows &rows, const Span &span, mlir::Value octet,
                  mlir::ValueRange sums) const;
  mlir::Value rowField(const TileRows &rows, int64_t row, int64_t offset) const;
  mlir::Value loadSum(const TileRows &rows, int64_t row,
                      mlir::Value firstTerm) const;
  mlir::Value loadScale(const TileRows &rows, int64_t row,
                        mlir::Value firstTerm) const;
  mlir::Value spread(mlir::Value number) const;

  KernelCode code;
  const Contraction &match;
  const RegisterTile &tile;
  mlir::Value weights; ///< !llvm.ptr
  QuantReader reader;
  QuantRows rowLayout;
  IntegerDot dot;
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_INTEGERTILE_H
