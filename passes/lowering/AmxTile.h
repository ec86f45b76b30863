//===- AmxTile.h - The inner loop of a contraction on AMX -------*- C++ -*-===//
//
// AMX multiplies two tile registers of 16 rows by 64 bytes into a third one of
// 16 by 16 sums. Rows of activations are the first factor as they stand; the
// packed panels of weights, whose words hold the two or four terms of a column
// that an instruction adds, are the second one as they stand.
//
// Bytes are summed exactly, so the sums are those of IntegerTile. Numbers of
// bf16 are summed in the order of the instruction (docs/design.md, 8.3), which
// is not that of any other one: so where a kernel of many rows takes this tile,
// the one for few rows does too.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_AMXTILE_H
#define LATHE_PASSES_LOWERING_AMXTILE_H

#include "passes/lowering/RegisterTile.h"

namespace lathe {

class AmxTile {
public:
  /// Rows and bytes of a tile register.
  static constexpr int64_t kTileRows = 16, kTileBytes = 64;
  /// Bytes that a configuration takes.
  static constexpr int64_t kConfigBytes = 64;

  /// \p match has a schedule with an AMX dot; \p tile is the tile of its sums;
  /// \p config (!llvm.ptr) is room for a configuration.
  AmxTile(KernelFrame &frame, KernelCode code, const Contraction &match,
          const RegisterTile &tile, mlir::Value config)
      : frame(frame), code(code), match(match), tile(tile), config(config) {}

  /// Shapes the tile registers for \p rows (i64) rows, 1 to twice kTileRows.
  /// What they held is lost.
  void configure(mlir::Value rows) const;

  /// Leaves no state of tiles that a switch of threads would have to save.
  void release() const;

  /// The rows that a tile is of: `count` (i64) as configured, above kTileRows
  /// with \p isHigh alone.
  struct Rows {
    RegisterTile::Activations activations;
    mlir::Value first, count; ///< i64
    bool isHigh;
  };

  /// Builds the sums of \p rows by the vectors that begin with \p columns, as
  /// RegisterTile::columnsOf gives them, to \p target: two vectors of high
  /// rows, else up to four. All terms, or \p terms alone, added to what is
  /// there.
  void build(const Rows &rows, llvm::ArrayRef<mlir::Value> columns,
             mlir::Value target, const RegisterTile::Terms *terms,
             const Ahead &ahead = {}) const;

private:
  bool isOfBytes() const { return bool(match.inputQuant); }
  int64_t termBytes() const { return isOfBytes() ? 1 : 2; }
  llvm::SmallVector<mlir::Value>
  weightPointers(llvm::ArrayRef<mlir::Value> columns) const;
  void multiply(const Rows &rows, llvm::ArrayRef<mlir::Value> weights,
                const RegisterTile::Terms &terms, const Ahead &ahead) const;
  void finishBytes(const Rows &rows, llvm::ArrayRef<mlir::Value> columns,
                   mlir::Value target) const;
  void call(llvm::StringRef intrinsic, mlir::ValueRange operands) const;
  mlir::Value number(int64_t tile) const;

  KernelFrame &frame;
  KernelCode code;
  const Contraction &match;
  const RegisterTile &tile;
  mlir::Value config;
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_AMXTILE_H
