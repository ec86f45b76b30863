//===- ContractionResults.h - What becomes of the sums of a tile -*- C++-*-===//
//
// The sums of a launch tile stand in scratch. They get their bias and what is
// elementwise behind it, and are stored. Results that are heads, to be rotated
// or appended to a cache, are computed from the sums of whole heads. Of rows
// that only an argmax reads, each panel stores its largest number.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_CONTRACTIONRESULTS_H
#define LATHE_PASSES_LOWERING_CONTRACTIONRESULTS_H

#include "passes/lowering/Contraction.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/KernelCode.h"
#include "passes/lowering/RegisterTile.h"

namespace lathe {

/// A tile of the launch, of which all sums are there.
struct LaunchTile {
  mlir::Value blockBegin, blockRows;  ///< Its first row, and how many.
  mlir::Value columnBegin, columnEnd; ///< Its columns of the result.
  mlir::Value sums;                   ///< Where RegisterTile stores them.
};

class ContractionResults {
public:
  /// \p rowOps: the scratch that is left.
  ContractionResults(KernelFrame &frame, KernelCode code,
                     const Contraction &match, const RegisterTile &tile,
                     const LaunchTile &launch, mlir::Value rowOps)
      : frame(frame), code(code), loc(code.loc), match(match), tile(tile),
        launch(launch), rowOps(rowOps) {}

  void build();

  /// Bytes of `rowOps` that they take.
  int64_t scratchBytes() const { return usedScratch; }

private:
  LinearOp linear() const { return match.linear; }
  mlir::Value sumsOfRow(mlir::Value row) const;
  void buildCut(mlir::Value column, int64_t size,
                llvm::function_ref<void(bool isWhole)> body);
  mlir::Value maskAt(mlir::Value column) const;
  mlir::Value loadBias(mlir::Value column, int64_t shift,
                       mlir::Value mask) const;
  llvm::SmallVector<mlir::Value> resultVectors(mlir::ValueRange results,
                                               mlir::Value tileRow,
                                               mlir::Value column,
                                               mlir::Value mask);
  void buildElements();
  void storeVector(mlir::Value tileRow, mlir::Value column, bool isWhole);
  void buildPanelMaxima();
  void storePanelMaximum(mlir::Value tileRow, mlir::Value column, bool isWhole);
  void addBias() const;
  void buildHeads();

  KernelFrame &frame;
  KernelCode code;
  mlir::Location loc;
  const Contraction &match;
  const RegisterTile &tile;
  LaunchTile launch;
  mlir::Value rowOps;
  int64_t usedScratch = 0;
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_CONTRACTIONRESULTS_H
