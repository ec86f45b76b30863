//===- TextBatch.h - Rows of tokens as calls of a flat entry --------------===//
//
// Entries are flat over tokens (docs/design.md, 8.1): a call takes the tokens
// of several sequences one after the other. This turns rows, as users have
// them, into as few calls as the artifact's bounds allow, split between
// sequences.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TOOLS_TEXTBATCH_H
#define LATHE_RUNTIME_TOOLS_TEXTBATCH_H

#include "runtime/include/lathe.h"
#include "runtime/tools/Console.h"

#include <cstdint>
#include <functional>
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
};

/// Splits \p rows into batches of at most the model's `tokens` and `sequences`.
/// Rows without tokens get no batch of their own. Fails with Cannot where a row
/// is too long, with both numbers; \p what names the row for that message.
Exit splitRows(const lathe_model_t *model, const std::vector<Row> &rows,
               const std::string &what, std::vector<Batch> &batches);

/// Runs \p entry on the rows of \p batch that have tokens.
Exit callBatch(lathe_context_t *context, const lathe_model_t *model,
               size_t entry, const std::vector<Row> &rows, const Batch &batch);

/// True if \p entry has the inputs `tokens`, `positions` and `sequences` and no
/// page table: it can be run by callBatch.
bool isTextEntry(const lathe_model_t *model, size_t entry);

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_TEXTBATCH_H
