//===- EmbedCommand.cpp - lathe embed: one vector a line ------------------===//

#include "runtime/formats/JsonWriter.h"
#include "runtime/formats/Npy.h"
#include "runtime/tools/Command.h"
#include "runtime/tools/LoadedModel.h"
#include "runtime/tools/TextBatch.h"
#include "runtime/tools/TextInput.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

using namespace lathe;
using namespace lathe::tools;

namespace {

struct EmbedOptions : RunOptions {
  std::string file = "-";
  std::string output;
  bool json = false;
};

/// One vector a line of text, row-major.
struct Vectors {
  std::vector<float> values;
  size_t rows = 0;
  size_t columns = 0;
};

} // namespace

/// Token ids of \p line, cut to \p longest by dropping from the end of the
/// text, so that what the post-processor adds stays; \p cut then counts it.
static Exit tokenizeLine(const lathe_model_t *model, std::string_view line,
                         size_t longest, std::vector<int32_t> &ids,
                         size_t &cut) {
  if (Exit exit = encode(model, line, LATHE_ADD_SPECIAL, ids);
      exit != Exit::Done)
    return exit;
  if (ids.size() <= longest)
    return Exit::Done;
  ++cut;
  std::vector<int32_t> bare;
  if (Exit exit = encode(model, line, 0, bare); exit != Exit::Done)
    return exit;
  // The added ids stand around the text's own: a prefix and a suffix.
  size_t added = ids.size() - bare.size();
  auto begin = std::search(ids.begin(), ids.end(), bare.begin(), bare.end());
  auto prefix = static_cast<size_t>(begin - ids.begin());
  if (begin == ids.end() || added > longest) {
    ids.resize(longest);
    return Exit::Done;
  }
  ids.erase(ids.begin() + static_cast<ptrdiff_t>(prefix + longest - added),
            ids.begin() + static_cast<ptrdiff_t>(prefix + bare.size()));
  return Exit::Done;
}

/// Reads and tokenizes the lines.
static Exit readRows(const EmbedOptions &options, const lathe_model_t *model,
                     const lathe_model_info_t &info, std::vector<Row> &rows) {
  std::string text;
  if (Exit exit = readText(options.file, text); exit != Exit::Done)
    return exit;
  auto longest = static_cast<size_t>(symbolMaximum(model, "tokens"));
  if (info.embed_tokens > 0)
    longest = std::min(longest, static_cast<size_t>(info.embed_tokens));
  if (info.context > 0)
    longest = std::min(longest, static_cast<size_t>(info.context));
  size_t number = 0, cut = 0;
  for (std::string_view line : splitLines(text)) {
    ++number;
    Row &row = rows.emplace_back();
    if (Exit exit = tokenizeLine(model, line, longest, row.tokens, cut);
        exit != Exit::Done)
      return exit;
    if (row.tokens.empty())
      return fail(Exit::Usage,
                  options.file + ": line " + std::to_string(number) +
                      ": is empty, and the model adds no token of its own");
    row.positions.resize(row.tokens.size());
    std::iota(row.positions.begin(), row.positions.end(), 0);
  }
  if (cut > 0)
    warn(options.file + ": " + std::to_string(cut) + " of " +
         std::to_string(number) + " lines are longer than the " +
         std::to_string(longest) +
         " tokens that the model takes, and were cut");
  return Exit::Done;
}

static Exit printVectors(const Vectors &vectors, bool json) {
  const auto &[values, rows, columns] = vectors;
  if (json) {
    runtime::JsonWriter writer;
    writer.beginObject()
        .field("schema", "lathe.embed.v1")
        .key("embeddings")
        .beginArray();
    for (size_t r = 0; r < rows; ++r) {
      writer.beginArray();
      for (size_t c = 0; c < columns; ++c)
        writer.value(values[r * columns + c]);
      writer.endArray();
    }
    writer.endArray().endObject();
    return print(writer.take() + "\n");
  }
  for (size_t r = 0; r < rows; ++r) {
    std::string line;
    for (size_t c = 0; c < columns; ++c) {
      runtime::JsonWriter number;
      number.value(values[r * columns + c]);
      line += (c ? " " : "") + number.take();
    }
    if (Exit exit = print(line + "\n"); exit != Exit::Done)
      return exit;
  }
  return Exit::Done;
}

static Exit writeVectors(const EmbedOptions &options, const Vectors &vectors) {
  if (options.output.empty())
    return printVectors(vectors, options.json);
  int64_t shape[] = {static_cast<int64_t>(vectors.rows),
                     static_cast<int64_t>(vectors.columns)};
  runtime::Status status =
      runtime::writeNpy(options.output, runtime::ElementType::F32, shape,
                        std::as_bytes(std::span(vectors.values)));
  return status.isOk() ? Exit::Done : fail(status);
}

/// Moves \p rows into an order from short to long, so that batches hold rows
/// of like length. Returns where each stood. Equals stay in the order of the
/// file, so that batches are always the same.
static std::vector<size_t> sortByLength(std::vector<Row> &rows) {
  std::vector<size_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(rows[a].tokens.size(), a) <
           std::pair(rows[b].tokens.size(), b);
  });
  std::vector<Row> sorted;
  for (size_t i : order)
    sorted.push_back(std::move(rows[i]));
  rows = std::move(sorted);
  return order;
}

/// Runs \p entry on \p rows; \p vectors gets one row for each, in their order.
static Exit computeVectors(const lathe_model_t *model, lathe_context_t *context,
                           size_t entry, std::vector<Row> rows,
                           Vectors &vectors) {
  std::vector<size_t> order = sortByLength(rows);
  std::vector<Batch> batches;
  if (Exit exit = splitRows(model, rows, {.what = "line"}, batches);
      exit != Exit::Done)
    return exit;
  lathe_tensor_info_t output;
  if (lathe_status_t status = lathe_model_output(model, entry, 0, &output))
    return fail(status);
  vectors.rows = rows.size();
  size_t columns = vectors.columns = static_cast<size_t>(output.dims[1]);
  vectors.values.resize(rows.size() * columns);
  for (const Batch &batch : batches) {
    if (Exit exit = callBatch(context, model, entry, rows, batch);
        exit != Exit::Done)
      return exit;
    lathe_tensor_t tensor;
    if (lathe_status_t status =
            lathe_context_output(context, entry, 0, &tensor))
      return fail(status);
    auto *data = static_cast<const float *>(tensor.data);
    for (size_t i = batch.firstRow; i < batch.lastRow; ++i, data += columns)
      std::memcpy(&vectors.values[order[i] * columns], data,
                  columns * sizeof(float));
  }
  return Exit::Done;
}

static Exit embed(const EmbedOptions &options) {
  ModelPtr model;
  lathe_model_info_t info;
  if (Exit exit = openModel(options, model, info); exit != Exit::Done)
    return exit;
  std::optional<size_t> entry = findEntry(model.get(), "embed");
  if (!entry)
    return fail(Exit::Cannot,
                options.model +
                    ": has no entry 'embed' (its checkpoint has no "
                    "pooling head; see lathe run for hidden states)");
  if (!info.has_tokenizer)
    return fail(Exit::Cannot,
                options.model +
                    ": has no tokenizer (lathe run takes token ids)");
  std::vector<Row> rows;
  if (Exit exit = readRows(options, model.get(), info, rows);
      exit != Exit::Done)
    return exit;
  ContextPtr context;
  if (Exit exit = createContext(options, model.get(), 0, 0, context);
      exit != Exit::Done)
    return exit;
  CancelOnSignal cancel(context.get());
  Vectors vectors;
  if (Exit exit = computeVectors(model.get(), context.get(), *entry,
                                 std::move(rows), vectors);
      exit != Exit::Done)
    return exit;
  return writeVectors(options, vectors);
}

void tools::addEmbedCommand(CLI::App &app, Exit &result) {
  CLI::App *command =
      app.add_subcommand("embed", "Turn each line of text into a vector");
  auto options = std::make_shared<EmbedOptions>();
  addRunOptions(*command, *options);
  command
      ->add_option("-f,--file", options->file,
                   "Text, one sentence a line; -: standard input")
      ->envname("LATHE_EMBED_FILE")
      ->capture_default_str();
  auto *output = command
                     ->add_option("-o,--output", options->output,
                                  "out.npy, of shape (lines, size); else "
                                  "numbers on standard output")
                     ->envname("LATHE_EMBED_OUTPUT");
  command->add_flag("--json", options->json, "Print one JSON object")
      ->excludes(output);
  command->callback([options, &result] { result = embed(*options); });
}
