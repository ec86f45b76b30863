//===- AttentionPanels.h - Keys and values by panels ------------*- C++ -*-===//
//
// A chunk is 128 keys at an absolute place, in four panels of 32. Attention
// reads a panel's keys as [step][key] and its values as [key][column], where a
// step is one element of a head, or a pair of bf16 in a word of 32 bits. Pages
// of a cache are such panels already, unless pairs are asked for; those of a
// call's own rows are made in scratch, once for all rows of a tile. Quantised
// pages are decoded in registers where a few rows read them, else in scratch.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_ATTENTIONPANELS_H
#define LATHE_PASSES_LOWERING_ATTENTIONPANELS_H

#include "dialects/lathe/Lathe.h"
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
  bool addsPairs;     ///< Whether all is bf16, and multiplied in pairs.

  /// What a score, capped where there is a cap, is an exponent of 2 by.
  float exponentScale() const;

  int64_t group() const { return heads / keyHeads; }
  int64_t vectorsPerHead() const { return (size + kLanes - 1) / kLanes; }
  int64_t paddedSize() const { return vectorsPerHead() * kLanes; }
  int64_t maxRows() const { return tokenBlock * group(); }
  /// Rows of the tallest groups that look at a panel together.
  int64_t tallest() const { return std::min(rows, maxRows()); }
  /// Terms of one multiplication.
  int64_t depth() const { return addsPairs ? 2 : 1; }
};

/// The rows of a tensor (T, heads, size), or columns of a wider one.
struct HeadRows {
  mlir::Value base;
  mlir::Type element;
  int64_t stride; ///< Elements from a token to the next.
  int64_t offset; ///< Elements from a token's start to its first head.

  /// The element that head \p head of \p token starts with.
  mlir::Value start(const KernelCode &code, mlir::Value token, mlir::Value head,
                    int64_t size) const;
};

/// Where keys and values are.
struct AttentionSource {
  HeadRows query, result;
  mlir::Value sequences, tokens; ///< Buffer, and how many.
  // In a call's own rows,
  HeadRows key, value;
  // or in pages; null otherwise.
  mlir::Value keyPages, valuePages, positions, pageTable, slotPages;
  mlir::Type pageElement;   ///< Of a byte where they are quantised.
  bool isQuantised = false; ///< As dialects/lathe/QuantPages.h says.

  bool isCached() const { return bool(keyPages); }
};

/// The tokens [begin, end) of one sequence.
struct AttentionRun {
  mlir::Value begin, end;
  mlir::Value keyHead;
  mlir::Value sequenceBegin, sequenceEnd; ///< Of the call's tokens;
  mlir::Value slot;                       ///< or the slot of the cache.
  mlir::Value rows;
};

struct AttentionChunk {
  mlir::Value begin;      ///< Its first key's place.
  mlir::Value firstPanel; ///< The panels that are there, of 0 to 4.
  mlir::Value endPanel;
  mlir::Value lastKey; ///< The last that any row of the run sees.
};

class AttentionPanels {
public:
  /// \p allocate gives bytes of a worker's scratch.
  AttentionPanels(KernelCode code, const AttentionShape &shape,
                  const AttentionSource &source,
                  llvm::function_ref<mlir::Value(int64_t)> allocate);

  /// Keys of a panel, and panels of a chunk.
  static constexpr int64_t kKeys = kPagePositions;
  static constexpr int64_t kCount = kAttentionChunk / kKeys;

  /// Finds or makes the panels of \p chunk.
  void prepare(const AttentionRun &run, const AttentionChunk &chunk);

  /// Asks for a part of the chunk behind \p chunk: all panels of all groups of
  /// \p rows of a tile, of which this is the one from \p first on, together ask
  /// for all of it.
  void prefetchNext(const AttentionRun &run, const AttentionChunk &chunk,
                    mlir::Value first, int64_t rows, mlir::Value panel);

  /// Keys of a panel, or its values.
  struct Side {
    mlir::Value base;
    mlir::Type element; ///< A number, pairs as i32, or quanta.
    mlir::Value scales; ///< Of quanta, one for each key (f32); else null.
  };
  /// Those that a group of \p rows reads; after the last panel of a cache there
  /// is one more, to be asked for early.
  Side keys(mlir::Value panel, int64_t rows) const;
  Side values(mlir::Value panel, int64_t rows) const;
  /// 16 numbers of \p side from \p index on, quanta times \p scales.
  mlir::Value load(const Side &side, mlir::Value index,
                   mlir::Value scales) const;
  /// Whether a group of \p rows reads the pages themselves, which lie apart.
  bool readsPages(int64_t rows) const {
    return source.isCached() && !shape.addsPairs &&
           (!source.isQuantised || rows < shape.tallest());
  }

private:
  mlir::Value wordsAt(mlir::Value base, mlir::Value index) const;
  int64_t elementsOfHead() const;
  mlir::Value pageStart(const AttentionRun &run, mlir::Value page);
  void findPages(const AttentionRun &run, const AttentionChunk &chunk);
  void makePanels(const AttentionRun &run, const AttentionChunk &chunk);
  void makeKeys(llvm::ArrayRef<mlir::Value> rows, mlir::Value target);
  void makeValues(mlir::Value base, mlir::Type element,
                  llvm::ArrayRef<mlir::Value> rows, mlir::Value first);
  void transposeBlock(llvm::ArrayRef<mlir::Value> rows, mlir::Value first,
                      int64_t count, mlir::Value target);
  void pairPage(mlir::Value start, mlir::Value panel);
  void decodePage(mlir::Value start, mlir::Value panel);
  Side sideOf(mlir::Value pages, mlir::Value made, mlir::Value panel,
              int64_t rows) const;
  Side quantSide(mlir::Value head) const;
  mlir::Value loadWords(mlir::Value base, mlir::Type element,
                        mlir::Value index) const;
  void storePairs(mlir::Value base, mlir::Value low, mlir::Value high,
                  mlir::Value place) const;

  using Values = KernelCode::Values;

  KernelCode code;
  AttentionShape shape;
  AttentionSource source;
  mlir::Value keyPanels, valuePanels; ///< pointers [5]
  // words of 32 bits:
  mlir::Value madeKeys;   ///< [4][size / depth][32]
  mlir::Value madeValues; ///< [128 / depth][size]
};

/// Asks for \p count elements from \p base[index] on to come near.
void buildPrefetch(const KernelCode &code, mlir::Value base, mlir::Type element,
                   mlir::Value index, int64_t count);

/// Stores a number or a pointer as element \p index of an array of its like.
void buildStoreAt(const KernelCode &code, mlir::Value value, mlir::Value base,
                  mlir::Value index);

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_ATTENTIONPANELS_H
