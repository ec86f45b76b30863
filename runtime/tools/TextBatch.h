//===- TextBatch.h - Rows of tokens as calls of a flat entry --------------===//
//
// Entries are flat over tokens (docs/design.md, 8.1): a call takes the tokens
// of several sequences one after the other. This turns rows, as users have
// them, into as few calls as the artifact's bounds allow, split between
// sequences. A row longer than a call goes through the cache in pieces.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TOOLS_TEXTBATCH_H
#define LATHE_RUNTIME_TOOLS_TEXTBATCH_H

#include "runtime/include/lathe.h"
#include "runtime/tools/Console.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lathe::tools {

/// One sequence. All four have the same length; `tokenTypes` may be empty,
/// which means zeros.
struct Row {
  std::vector<int32_t> tokens;
  std::vector<int32_t> positions;
  std::vector<int32_t> tokenTypes;
};

/// A range of rows that one call computes.
struct Batch {
  size_t firstRow = 0;
  size_t lastRow = 0; ///< Exclusive.
  /// One row of more tokens than a call takes: for callPiece.
  bool isLong = false;
};

struct SplitOptions {
  std::string what; ///< Names a row in messages.
  /// Rows longer than a call get batches of their own. Their positions must
  /// count from 0, since the cache holds a sequence by position.
  bool allowLong = false;
};

/// Splits \p rows into batches of at most the model's `tokens` and `sequences`.
/// Rows without tokens get no batch of their own. Fails with Cannot where a row
/// is too long, with both numbers.
Exit splitRows(const lathe_model_t *model, const std::vector<Row> &rows,
               const SplitOptions &options, std::vector<Batch> &batches);

/// Runs \p entry on the rows of \p batch that have tokens.
Exit callBatch(lathe_context_t *context, const lathe_model_t *model,
               size_t entry, const std::vector<Row> &rows, const Batch &batch);

/// The entry `step`, if \p entry is the `forward` whose results it gives with
/// the same bits: one output, of one row a token.
std::optional<size_t> findStep(const lathe_model_t *model, size_t entry);

/// Runs \p step on the tokens of \p row from \p first on, as many as a call
/// takes, and adds their number to \p first; the output has a row for each. The
/// row is the only sequence of \p context, which has one slot; its positions
/// count from 0, and the pieces before have been run. What the cache held
/// before needs no reset: no position is read before this row has written it.
Exit callPiece(lathe_context_t *context, const lathe_model_t *model,
               size_t step, const Row &row, size_t &first);

/// True if \p entry has the inputs `tokens`, `positions` and `sequences` and no
/// page table: it can be run by callBatch.
bool isTextEntry(const lathe_model_t *model, size_t entry);

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_TEXTBATCH_H
