//===- AttentionBuilder.h - Attention on a register tile --------*- C++ -*-===//
//
// Attention over the tokens of a call, or over the pages of a cache: one
// builder, so that both do the same arithmetic in the same order
// (docs/design.md, 8.3) and a prompt gives the bits of its tokens one by one.
//
// A tile of the launch is a block of tokens and one key head. Inside it, a run
// is the tokens of one sequence; its rows are the pairs of a token and one of
// the query heads that share the key head. For each chunk of 128 keys:
//
//   1. four panels of 32 keys are found (in the cache) or made (transposed from
//      the key rows into scratch): panel[d][key];
//   2. for a few rows at a time, as many as the registers hold: scores = query
//   x
//      panel, into scratch; maximum, exponentials and their sum of each row;
//      sums of the values, merged into what the chunks before gave.
//
// Panels that no row of a group may see are skipped, which changes nothing: a
// masked key adds nothing. Where only some rows may see a key, the others keep
// their sums by a select, so that what is masked is never read as a number.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_ATTENTIONBUILDER_H
#define LATHE_PASSES_LOWERING_ATTENTIONBUILDER_H

#include "passes/lowering/AttentionPanels.h"

namespace lathe {

class AttentionBuilder {
public:
  AttentionBuilder(KernelCode code, const AttentionShape &shape,
                   const AttentionSource &source, mlir::Value scratch);

  /// Bytes of scratch that a worker needs.
  int64_t scratchBytes() const { return usedScratch; }

  /// Writes tile \p tile: key heads run fastest.
  void emitTile(mlir::Value tile);

private:
  using Run = AttentionRun;
  using Chunk = AttentionChunk;

  /// A group of rows that looks at a chunk.
  struct RowGroup {
    mlir::Value first; ///< Its first row.
    int64_t rows;
    // Keys of the chunk, 0 to 128: seen by each row, some row, and all.
    llvm::SmallVector<mlir::Value> low, limit;
    mlir::Value someBegin, someEnd, allBegin, allEnd;
    mlir::Value firstPanel, endPanel;
    bool isWhole = false; ///< Whether all rows see all 128.
  };

  mlir::Value allocate(int64_t bytes);
  mlir::Value f32At(mlir::Value base, mlir::Value index) const;
  mlir::Value loadBound(mlir::Value array, mlir::Value row) const;

  Run findRun(mlir::Value token, mlir::Value last, mlir::Value keyHead);
  void emitRun(const Run &run);
  void prepareRows(const Run &run);
  void finishRows(const Run &run);
  void emitChunk(const Run &run, mlir::Value begin, mlir::Value low,
                 mlir::Value limit);
  void emitRowGroups(const Run &run, const Chunk &chunk);
  void emitRowGroup(const Run &run, const Chunk &chunk, mlir::Value first,
                    int64_t rows);
  void emitRows(const Run &run, const Chunk &chunk, const RowGroup &group);
  void emitScores(const Run &run, const Chunk &chunk, const RowGroup &group);
  void emitSoftmax(const Chunk &chunk, const RowGroup &group);
  void findMaximum(const Chunk &chunk, const RowGroup &group,
                   mlir::Value inGroup);
  void mergeMaxima(const RowGroup &group);
  void exponentiate(mlir::Value inGroup);
  void storePower(mlir::Value power, mlir::Value place) const;
  void emitValues(const RowGroup &group, mlir::Value column, int64_t vectors);
  KernelCode::Values addPanel(const RowGroup &group, mlir::Value panel,
                              mlir::Value column, int64_t vectors,
                              mlir::ValueRange sums);
  KernelCode::Values addKeys(const RowGroup &group, mlir::Value panel,
                             mlir::Value begin, mlir::Value end,
                             mlir::Value column, int64_t vectors,
                             mlir::ValueRange sums, bool isRagged);
  mlir::Value addRagged(const RowGroup &group, int64_t row, mlir::Value step,
                        mlir::Value weights, mlir::Value value,
                        mlir::Value sum);
  mlir::Value multiplyAdd(mlir::Value a, mlir::Value b, mlir::Value sum) const;
  mlir::Value broadcastStep(mlir::Value base, mlir::Value step) const;

  KernelCode code;
  AttentionShape shape;
  AttentionSource source;
  mlir::Value scratch;
  int64_t usedScratch = 0;
  AttentionPanels panels;

  // Scratch of a worker. Arrays by row of a run:
  mlir::Value queries;           ///< f32, or bf16 [rows][paddedSize]
  mlir::Value sums;              ///< f32 [rows][paddedSize]
  mlir::Value maxima, weights;   ///< f32 [rows]: m and l
  mlir::Value lowBounds, limits; ///< i64 [rows]: keys seen, [low, limit)
  // by row of a group:
  mlir::Value scores;                                ///< f32 [rows][128]
  mlir::Value powers;                                ///< the same, or bf16
  mlir::Value chunkMaxima, references, chunkWeights; ///< f32 [16]
  mlir::Value oldFactors, newFactors;                ///< f32 [16]: a and b
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_ATTENTIONBUILDER_H
