//===- TextBatch.cpp - Rows of tokens as calls of a flat entry ------------===//

#include "runtime/tools/TextBatch.h"

#include "runtime/tools/LoadedModel.h"

#include <cstring>

using namespace lathe;
using namespace lathe::tools;

Exit tools::splitRows(const lathe_model_t *model, const std::vector<Row> &rows,
                      const std::string &what, std::vector<Batch> &batches) {
  auto mostTokens = static_cast<size_t>(symbolMaximum(model, "tokens"));
  auto mostRows = static_cast<size_t>(symbolMaximum(model, "sequences"));
  if (mostRows == 0)
    mostRows = SIZE_MAX;
  Batch batch;
  size_t tokens = 0, sequences = 0;
  auto flush = [&](size_t end) {
    batch.lastRow = end;
    if (tokens > 0)
      batches.push_back(batch);
    batch.firstRow = end;
    tokens = sequences = 0;
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    size_t length = rows[i].tokens.size();
    if (length > mostTokens)
      return fail(Exit::Cannot,
                  what + " " + std::to_string(i) + ": has " +
                      std::to_string(length) +
                      " tokens, the artifact was compiled for at most " +
                      std::to_string(mostTokens) +
                      " a call (compile with --max-tokens " +
                      std::to_string(length) + ")");
    if (tokens + length > mostTokens || sequences == mostRows)
      flush(i);
    tokens += length;
    sequences += length > 0;
  }
  flush(rows.size());
  return Exit::Done;
}

bool tools::isTextEntry(const lathe_model_t *model, size_t entry) {
  lathe_entry_info_t info;
  if (lathe_model_entry(model, entry, &info))
    return false;
  int found = 0;
  for (size_t i = 0; i < info.input_count; ++i) {
    lathe_tensor_info_t input;
    if (lathe_model_input(model, entry, i, &input))
      return false;
    if (!std::strcmp(input.name, "page_table"))
      return false;
    for (const char *name : {"tokens", "positions", "sequences"})
      found += !std::strcmp(input.name, name);
  }
  return found == 3;
}

Exit tools::callBatch(lathe_context_t *context, const lathe_model_t *model,
                      size_t entry, const std::vector<Row> &rows,
                      const Batch &batch) {
  std::vector<int32_t> tokens, positions, sequences, types;
  int32_t count = 0;
  for (size_t i = batch.firstRow; i < batch.lastRow; ++i) {
    const Row &row = rows[i];
    if (row.tokens.empty())
      continue;
    tokens.insert(tokens.end(), row.tokens.begin(), row.tokens.end());
    positions.insert(positions.end(), row.positions.begin(),
                     row.positions.end());
    sequences.insert(sequences.end(), row.tokens.size(), count++);
    types.insert(types.end(), row.tokenTypes.begin(), row.tokenTypes.end());
    types.resize(tokens.size());
  }
  lathe_entry_info_t info;
  if (lathe_status_t status = lathe_model_entry(model, entry, &info))
    return fail(status);
  int64_t size = static_cast<int64_t>(tokens.size());
  for (size_t i = 0; i < info.input_count; ++i) {
    lathe_tensor_info_t input;
    if (lathe_status_t status = lathe_model_input(model, entry, i, &input))
      return fail(status);
    const std::vector<int32_t> *values = nullptr;
    if (!std::strcmp(input.name, "tokens"))
      values = &tokens;
    else if (!std::strcmp(input.name, "positions"))
      values = &positions;
    else if (!std::strcmp(input.name, "sequences"))
      values = &sequences;
    else if (!std::strcmp(input.name, "token_types"))
      values = &types;
    else
      return fail(Exit::Cannot, std::string("the entry's input '") +
                                    input.name +
                                    "' is not one that text gives");
    if (lathe_status_t status = lathe_context_set_input(
            context, entry, i, values->data(), &size, 1))
      return fail(status);
  }
  if (std::optional<size_t> symbol = findSymbol(model, "sequences"))
    if (lathe_status_t status =
            lathe_context_set_symbol(context, *symbol, count))
      return fail(status);
  if (lathe_status_t status = lathe_context_call(context, entry))
    return fail(status);
  return Exit::Done;
}
