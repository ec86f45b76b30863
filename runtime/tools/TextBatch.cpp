//===- TextBatch.cpp - Rows of tokens as calls of a flat entry ------------===//

#include "runtime/tools/TextBatch.h"

#include "runtime/tools/LoadedModel.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <numeric>

using namespace lathe;
using namespace lathe::tools;

static bool countsFromZero(const std::vector<int32_t> &positions) {
  for (size_t i = 0; i < positions.size(); ++i)
    if (positions[i] != static_cast<int64_t>(i))
      return false;
  return true;
}

/// Refuses row \p index of \p length tokens.
static Exit refuseLong(const SplitOptions &options, size_t index, size_t length,
                       size_t mostTokens) {
  return fail(Exit::Cannot,
              options.what + " " + std::to_string(index) + ": has " +
                  std::to_string(length) +
                  " tokens, the artifact was compiled for at most " +
                  std::to_string(mostTokens) + " a call" +
                  (options.allowLong
                       ? ", and only positions that count from 0 can be split"
                       : "") +
                  " (compile with --max-tokens " + std::to_string(length) +
                  ")");
}

Exit tools::splitRows(const lathe_model_t *model, const std::vector<Row> &rows,
                      const SplitOptions &options,
                      std::vector<Batch> &batches) {
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
    bool isLong = length > mostTokens;
    if (isLong && !(options.allowLong && countsFromZero(rows[i].positions)))
      return refuseLong(options, i, length, mostTokens);
    if (isLong || tokens + length > mostTokens || sequences == mostRows)
      flush(i);
    if (isLong) {
      batches.push_back({i, i + 1, /*isLong=*/true});
      batch.firstRow = i + 1;
      continue;
    }
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

std::optional<size_t> tools::findStep(const lathe_model_t *model,
                                      size_t entry) {
  std::optional<size_t> step = findEntry(model, "step");
  std::optional<size_t> tokens = findSymbol(model, "tokens");
  std::optional<size_t> rows = findSymbol(model, "rows");
  lathe_entry_info_t info, stepInfo;
  if (!step || !tokens || !rows || lathe_model_entry(model, entry, &info) ||
      lathe_model_entry(model, *step, &stepInfo) ||
      std::strcmp(info.name, "forward") != 0 || info.output_count != 1 ||
      stepInfo.output_count != 1)
    return std::nullopt;
  lathe_tensor_info_t whole, piece;
  if (lathe_model_output(model, entry, 0, &whole) ||
      lathe_model_output(model, *step, 0, &piece))
    return std::nullopt;
  bool isByToken = whole.rank == 2 && piece.rank == 2 &&
                   whole.symbols[0] == static_cast<int32_t>(*tokens) &&
                   piece.symbols[0] == static_cast<int32_t>(*rows);
  if (!isByToken || whole.dims[1] != piece.dims[1] ||
      whole.dtype != piece.dtype || std::strcmp(whole.name, piece.name) != 0)
    return std::nullopt;
  return step;
}

namespace {

/// Values for an input of that name.
struct NamedValues {
  const char *name;
  const std::vector<int32_t> &values;
};

} // namespace

/// Sets each input of \p entry to the values of its name, which for a matrix
/// are its one row.
static Exit setInputs(lathe_context_t *context, const lathe_model_t *model,
                      size_t entry, std::initializer_list<NamedValues> given) {
  lathe_entry_info_t info;
  if (lathe_status_t status = lathe_model_entry(model, entry, &info))
    return fail(status);
  for (size_t i = 0; i < info.input_count; ++i) {
    lathe_tensor_info_t input;
    if (lathe_status_t status = lathe_model_input(model, entry, i, &input))
      return fail(status);
    const auto *found =
        std::find_if(given.begin(), given.end(), [&](const NamedValues &named) {
          return !std::strcmp(named.name, input.name);
        });
    if (found == given.end())
      return fail(Exit::Cannot, std::string("the entry's input '") +
                                    input.name +
                                    "' is not one that text gives");
    const int64_t dims[] = {1, static_cast<int64_t>(found->values.size())};
    size_t rank = input.rank == 2 ? 2 : 1;
    if (lathe_status_t status = lathe_context_set_input(
            context, entry, i, found->values.data(), dims + 2 - rank, rank))
      return fail(status);
  }
  return Exit::Done;
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
  if (Exit exit = setInputs(context, model, entry,
                            {{"tokens", tokens},
                             {"positions", positions},
                             {"sequences", sequences},
                             {"token_types", types}});
      exit != Exit::Done)
    return exit;
  if (std::optional<size_t> symbol = findSymbol(model, "sequences"))
    if (lathe_status_t status =
            lathe_context_set_symbol(context, *symbol, count))
      return fail(status);
  if (lathe_status_t status = lathe_context_call(context, entry))
    return fail(status);
  return Exit::Done;
}

Exit tools::callPiece(lathe_context_t *context, const lathe_model_t *model,
                      size_t step, const Row &row, size_t &first) {
  std::optional<size_t> slotPages = findSymbol(model, "slot_pages");
  auto most = static_cast<size_t>(
      std::min(symbolMaximum(model, "tokens"), symbolMaximum(model, "rows")));
  if (!slotPages || most == 0)
    return fail(Exit::Cannot, "the entry 'step' has no paged cache");
  size_t count = std::min(most, row.tokens.size() - first);
  auto begin = static_cast<ptrdiff_t>(first);
  auto end = static_cast<ptrdiff_t>(first + count);
  std::vector<int32_t> tokens(row.tokens.begin() + begin,
                              row.tokens.begin() + end);
  std::vector<int32_t> positions(row.positions.begin() + begin,
                                 row.positions.begin() + end);
  std::vector<int32_t> slots(count), rows(count);
  std::iota(rows.begin(), rows.end(), 0);
  std::vector<int32_t> pages(
      static_cast<size_t>(lathe_context_symbol(context, *slotPages)));
  std::iota(pages.begin(), pages.end(), 0);
  if (Exit exit = setInputs(context, model, step,
                            {{"tokens", tokens},
                             {"positions", positions},
                             {"sequences", slots},
                             {"rows", rows},
                             {"page_table", pages}});
      exit != Exit::Done)
    return exit;
  if (lathe_status_t status = lathe_context_call(context, step))
    return fail(status);
  first += count;
  return Exit::Done;
}
