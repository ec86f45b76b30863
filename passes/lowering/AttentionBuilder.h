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

#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/KernelCode.h"

namespace lathe {

/// What an attention op computes, and on what register tile.
struct AttentionShape {
  int64_t heads, keyHeads, size; ///< size: elements of a head.
  bool isCausal;
  int64_t window; ///< 0: none.
  float scale, softcap;
  int64_t tokenBlock; ///< Tokens of one tile.
  int64_t rows;       ///< Rows of the register tile,
  int64_t vectors;    ///< and its columns in vectors of 16.

  /// What a score, capped where there is a cap, is an exponent of 2 by.
  float exponentScale() const;

  int64_t group() const { return heads / keyHeads; }
  int64_t vectorsPerHead() const { return (size + kLanes - 1) / kLanes; }
  int64_t paddedSize() const { return vectorsPerHead() * kLanes; }
  int64_t maxRows() const { return tokenBlock * group(); }
};

/// The rows of a tensor (T, heads, size), or columns of a wider one.
struct HeadRows {
  mlir::Value base;
  mlir::Type element;
  int64_t stride; ///< Elements from a token to the next.
  int64_t offset; ///< Elements from a token's start to its first head.
};

/// Where keys and values are.
struct AttentionSource {
  HeadRows query, result;
  mlir::Value sequences, tokens; ///< Buffer, and how many.
  // In a call's own rows,
  HeadRows key, value;
  // or in pages; null otherwise.
  mlir::Value keyPages, valuePages, positions, pageTable, slotPages;
  mlir::Type pageElement;

  bool isCached() const { return bool(keyPages); }
};

class AttentionBuilder {
public:
  AttentionBuilder(KernelCode code, const AttentionShape &shape,
                   const AttentionSource &source, mlir::Value scratch);

  /// Bytes of scratch that a worker needs.
  int64_t scratchBytes() const { return usedScratch; }

  /// Writes tile \p tile: key heads run fastest.
  void emitTile(mlir::Value tile);

private:
  /// The tokens [begin, end) of one sequence.
  struct Run {
    mlir::Value begin, end;
    mlir::Value keyHead;
    mlir::Value sequenceBegin, sequenceEnd; ///< Of the call's tokens;
    mlir::Value slot;                       ///< or the slot of the cache.
    mlir::Value rows;
  };

  /// A chunk of keys, and a group of rows that looks at it.
  struct Chunk {
    mlir::Value begin;      ///< Its first key's place.
    mlir::Value firstPanel; ///< The panels that are there, of 0 to 4.
    mlir::Value endPanel;
    mlir::Value lastKey; ///< The last that any row of the run sees.
  };
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
  void findPages(const Run &run, const Chunk &chunk);
  mlir::Value pageOf(const Run &run, mlir::Value page);
  void makePanels(const Run &run, const Chunk &chunk);
  void transposeBlock(llvm::ArrayRef<mlir::Value> keyRows,
                      mlir::Value firstPart, int64_t parts, mlir::Value target);
  void copyRows(llvm::ArrayRef<mlir::Value> rows, mlir::Value first);
  void prefetchNext(const Run &run, const Chunk &chunk, const RowGroup &group,
                    mlir::Value panel);
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
  void emitValues(const RowGroup &group, mlir::Value column, int64_t vectors);
  KernelCode::Values addKeys(const RowGroup &group, mlir::Value panel,
                             mlir::Value begin, mlir::Value end,
                             mlir::Value column, int64_t vectors,
                             mlir::ValueRange sums, bool isRagged);

  KernelCode code;
  AttentionShape shape;
  AttentionSource source;
  mlir::Value scratch;
  int64_t usedScratch = 0;

  // Scratch of a worker. Arrays by row of a run:
  mlir::Value queries, sums;     ///< f32 [rows][paddedSize]
  mlir::Value maxima, weights;   ///< f32 [rows]: m and l
  mlir::Value lowBounds, limits; ///< i64 [rows]: keys seen, [low, limit)
  // by row of a group:
  mlir::Value scores;                                ///< f32 [rows][128]
  mlir::Value chunkMaxima, references, chunkWeights; ///< f32 [16]
  mlir::Value oldFactors, newFactors;                ///< f32 [16]: a and b
  // by panel of a chunk:
  mlir::Value keyPanels, valuePanels; ///< pointers [5]
  mlir::Value keys, values;           ///< f32 [4][size][32], [128][size]
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_ATTENTIONBUILDER_H
