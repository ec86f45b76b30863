//===- QuantTile.h - The inner loops of a quantised contraction -*- C++ -*-===//
//
// Weights are decoded to the same f32 in two ways, for the same chain of fma:
// few rows decode them in registers as they go; many rows share what is decoded
// into scratch, a chunk of terms at a time, and run over it with the register
// tile of plain weights.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_QUANTTILE_H
#define LATHE_PASSES_LOWERING_QUANTTILE_H

#include "passes/lowering/KernelCode.h"
#include "passes/lowering/QuantReader.h"
#include "passes/lowering/RegisterTile.h"

namespace lathe {

class QuantTile {
public:
  /// Terms that are decoded at a time: whole units, and so few that a launch
  /// tile's share of them stays in the second-level cache.
  static constexpr int64_t kChunk = 256;

  /// \p match has a packing with a quant; \p tile is the tile of its sums.
  QuantTile(KernelFrame &frame, KernelCode code, const Contraction &match,
            const RegisterTile &tile)
      : frame(frame), code(code), match(match), tile(tile),
        reader(code, match.packing, match.schedule.getVector()) {}

  /// Builds the sums of all terms of \p rows by the vectors that begin with
  /// \p columns, as RegisterTile::columnsOf gives them, to \p target: weights
  /// are decoded in registers.
  void build(const TileRows &rows, llvm::ArrayRef<mlir::Value> columns,
             mlir::Value target) const;

  /// Terms of decoded weights in memory, whole units, in rows like those of
  /// sums.
  struct Decoded {
    mlir::Value base;       ///< !llvm.ptr to term `begin` of the first column
    mlir::Value begin, end; ///< The terms that are there (i64).
  };

  /// Writes \p target for the first \p vectors (i64) vectors of the launch tile
  /// that begins with \p column.
  void decode(mlir::Value column, mlir::Value vectors,
              const Decoded &target) const;

private:
  using Values = KernelCode::Values;

  /// A group of terms of the vectors of a tile.
  struct Group {
    llvm::ArrayRef<QuantReader::Place> places; ///< In its unit.
    mlir::Value index;                         ///< In the unit (i64).
    mlir::Value firstTerm;                     ///< In the row (i64).
  };

  int64_t lanes() const { return match.schedule.getVector(); }
  QuantReader::Place placeOf(mlir::Value column) const;
  Values addGroup(const TileRows &rows, const Group &group,
                  mlir::ValueRange sums) const;
  /// The integers of an octet of a vector, and what makes numbers of them.
  struct Octet {
    std::pair<mlir::Value, mlir::Value> integers;
    QuantReader::Factors factors;
  };
  Values addOctet(const TileRows &rows, llvm::ArrayRef<Octet> octets,
                  mlir::Value firstTerm, int64_t count,
                  mlir::ValueRange sums) const;
  void decodeVector(const QuantReader::Place &place, mlir::Value numbers,
                    const Decoded &target) const;
  void decodeOctets(const QuantReader::Place &inUnit, mlir::Value group,
                    mlir::Value firstOctet, mlir::Value endOctet,
                    mlir::Value row) const;

  KernelFrame &frame;
  KernelCode code;
  const Contraction &match;
  const RegisterTile &tile;
  QuantReader reader;
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_QUANTTILE_H
