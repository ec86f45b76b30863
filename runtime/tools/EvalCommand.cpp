//===- EvalCommand.cpp - lathe eval: how well a model predicts a text -----===//
//
// With --separator each document stands alone: first token, its tokens, cut to
// the window; the loss is over all ids but the first. Without it the file is
// one stream: first token, then the text, in windows that do not overlap, each
// predicting its tokens shifted by one.
//
//===----------------------------------------------------------------------===//

#include "runtime/formats/JsonWriter.h"
#include "runtime/tools/Command.h"
#include "runtime/tools/LoadedModel.h"
#include "runtime/tools/Numbers.h"
#include "runtime/tools/TextBatch.h"
#include "runtime/tools/TextInput.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

using namespace lathe;
using namespace lathe::tools;

namespace {

struct EvalOptions : RunOptions {
  std::string text;
  std::string separator;
  int64_t window = 0;
  int64_t windows = 0;
  bool bos = false;
  bool noBos = false;
  int64_t firstToken = -1;
  bool json = false;
};

/// Rows to score and, for each, the ids that its tokens should predict.
struct Scored {
  std::vector<Row> rows;
  std::vector<std::vector<int32_t>> targets;
};

struct Sums {
  uint64_t tokens = 0;
  double nll = 0; ///< In nats.
  uint64_t bytes = 0;
};

} // namespace

/// Line ends of other systems become "\n", as text files are read elsewhere.
static std::string withPlainLineEnds(const std::string &text) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    bool isReturn = text[i] == '\r';
    if (isReturn && i + 1 < text.size() && text[i + 1] == '\n')
      continue;
    result += isReturn ? '\n' : text[i];
  }
  return result;
}

/// The documents of \p text between lines that are exactly \p separator,
/// without the line ends around them; empty ones are left out.
static std::vector<std::string_view>
splitDocuments(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> documents;
  size_t begin = 0, line = 0;
  auto add = [&](size_t end) {
    std::string_view document = text.substr(begin, end - begin);
    while (document.starts_with('\n'))
      document.remove_prefix(1);
    while (document.ends_with('\n'))
      document.remove_suffix(1);
    if (!document.empty())
      documents.push_back(document);
  };
  while (line < text.size()) {
    size_t end = std::min(text.find('\n', line), text.size());
    if (text.substr(line, end - line) == separator) {
      add(line);
      begin = std::min(end + 1, text.size());
    }
    line = end + 1;
  }
  add(text.size());
  return documents;
}

/// Adds a row that predicts ids[begin + 1] to ids[begin + length].
static void addRow(const std::vector<int32_t> &ids, size_t begin, size_t length,
                   Scored &scored) {
  auto first = ids.begin() + static_cast<ptrdiff_t>(begin);
  Row &row = scored.rows.emplace_back();
  row.tokens.assign(first, first + static_cast<ptrdiff_t>(length));
  row.positions.resize(length);
  std::iota(row.positions.begin(), row.positions.end(), 0);
  scored.targets.emplace_back(first + 1,
                              first + static_cast<ptrdiff_t>(length) + 1);
}

/// Cuts the text into rows.
static Exit makeRows(const EvalOptions &options, const lathe_model_t *model,
                     const std::vector<int32_t> &first, size_t window,
                     Scored &scored) {
  std::string raw;
  if (Exit exit = readText(options.text, raw); exit != Exit::Done)
    return exit;
  std::string text = withPlainLineEnds(raw);
  auto most =
      options.windows > 0 ? static_cast<size_t>(options.windows) : SIZE_MAX;
  if (!options.separator.empty()) {
    for (std::string_view document : splitDocuments(text, options.separator)) {
      if (scored.rows.size() == most)
        break;
      std::vector<int32_t> ids = first;
      if (Exit exit = encode(model, document, 0, ids); exit != Exit::Done)
        return exit;
      ids.resize(std::min(ids.size(), window));
      if (ids.size() > 1)
        addRow(ids, 0, ids.size() - 1, scored);
    }
  } else {
    std::vector<int32_t> ids = first;
    if (Exit exit = encode(model, text, 0, ids); exit != Exit::Done)
      return exit;
    for (size_t begin = 0; begin + 1 < ids.size() && scored.rows.size() < most;
         begin += window)
      addRow(ids, begin, std::min(window, ids.size() - 1 - begin), scored);
  }
  if (scored.rows.empty())
    return fail(Exit::Usage,
                options.text +
                    ": has no token to predict (expected more text)");
  return Exit::Done;
}

/// -ln of the probability that softmax of \p logits gives \p target.
static double negativeLog(const float *logits, int64_t vocabulary,
                          int32_t target) {
  float largest = *std::max_element(logits, logits + vocabulary);
  double sum = 0;
  for (int64_t v = 0; v < vocabulary; ++v)
    sum += std::exp(static_cast<double>(logits[v] - largest));
  return std::log(sum) - (static_cast<double>(logits[target]) - largest);
}

static Exit score(const lathe_model_t *model, lathe_context_t *context,
                  size_t entry, const Scored &scored, Sums &sums) {
  std::vector<Batch> batches;
  if (Exit exit =
          splitRows(model, scored.rows, {.what = "--text: document"}, batches);
      exit != Exit::Done)
    return exit;
  for (const Batch &batch : batches) {
    if (Exit exit = callBatch(context, model, entry, scored.rows, batch);
        exit != Exit::Done)
      return exit;
    lathe_tensor_t logits;
    if (lathe_status_t status =
            lathe_context_output(context, entry, 0, &logits))
      return fail(status);
    auto *row = static_cast<const float *>(logits.data);
    for (size_t i = batch.firstRow; i < batch.lastRow; ++i) {
      const std::vector<int32_t> &targets = scored.targets[i];
      for (int32_t target : targets) {
        sums.nll += negativeLog(row, logits.dims[1], target);
        row += logits.dims[1];
      }
      sums.tokens += targets.size();
      size_t bytes = 0;
      if (lathe_status_t status = lathe_tokenizer_decode(
              model, targets.data(), targets.size(), 0, nullptr, 0, &bytes))
        return fail(status);
      sums.bytes += bytes;
    }
  }
  return Exit::Done;
}

static Exit report(const EvalOptions &options, const Sums &sums, size_t rows) {
  double loss = sums.nll / static_cast<double>(sums.tokens);
  double bits = sums.bytes ? sums.nll / std::numbers::ln2 /
                                 static_cast<double>(sums.bytes)
                           : 0;
  std::string out;
  if (options.json) {
    runtime::JsonWriter json;
    json.beginObject()
        .field("schema", "lathe.eval.v1")
        .field("tokens", sums.tokens);
    json.field("windows", static_cast<uint64_t>(rows))
        .field("nll", sums.nll)
        .field("loss", loss);
    json.field("perplexity", std::exp(loss))
        .field("bits_per_byte", bits)
        .endObject();
    out = json.take() + "\n";
  } else {
    char line[256];
    std::snprintf(line, sizeof(line),
                  "tokens %llu\nnll %.4f\nloss %.5f\nperplexity "
                  "%.3f\nbits_per_byte %.4f\n",
                  static_cast<unsigned long long>(sums.tokens), sums.nll, loss,
                  std::exp(loss), bits);
    out = line;
  }
  return print(out);
}

/// The id before the text, as the flags and the tokenizer say.
static Exit firstIds(const EvalOptions &options, const lathe_model_t *model,
                     const lathe_model_info_t &info,
                     std::vector<int32_t> &ids) {
  if (options.firstToken >= info.vocabulary)
    return fail(Exit::Usage,
                "--first-token: " + std::to_string(options.firstToken) +
                    " is outside the vocabulary of " +
                    std::to_string(info.vocabulary));
  if (options.firstToken >= 0) {
    ids = {static_cast<int32_t>(options.firstToken)};
    return Exit::Done;
  }
  if (options.noBos)
    return Exit::Done;
  if (options.bos && info.bos_count == 0)
    return fail(Exit::Usage,
                "--bos: the model has no first token (use --first-token ID)");
  // Unless told, as the tokenizer itself begins a text.
  std::vector<int32_t> added;
  if (Exit exit = encode(model, "", LATHE_ADD_SPECIAL, added);
      exit != Exit::Done)
    return exit;
  if (options.bos)
    ids = {static_cast<int32_t>(info.bos_ids[0])};
  else if (!added.empty())
    ids = {added[0]};
  return Exit::Done;
}

static Exit evaluate(const EvalOptions &options) {
  ModelPtr model;
  lathe_model_info_t info;
  if (Exit exit = openModel(options, model, info); exit != Exit::Done)
    return exit;
  std::optional<size_t> entry = findEntry(model.get(), "forward");
  if (!entry || !findEntry(model.get(), "step"))
    return fail(Exit::Cannot,
                options.model + ": family '" + info.family +
                    "' predicts no next token (lathe eval needs a decoder)");
  if (!info.has_tokenizer)
    return fail(Exit::Cannot,
                options.model +
                    ": has no tokenizer (compile from a folder that has one)");
  std::vector<int32_t> first;
  if (Exit exit = firstIds(options, model.get(), info, first);
      exit != Exit::Done)
    return exit;
  int64_t longest =
      std::min(info.context, symbolMaximum(model.get(), "tokens"));
  int64_t window = options.window > 0 ? options.window : longest;
  if (window > longest)
    return fail(Exit::Cannot, "--window: " + std::to_string(window) +
                                  " is more than the " +
                                  std::to_string(longest) +
                                  " tokens that the artifact takes in one call "
                                  "(compile with --max-tokens)");
  Scored scored;
  if (Exit exit = makeRows(options, model.get(), first,
                           static_cast<size_t>(window), scored);
      exit != Exit::Done)
    return exit;
  ContextPtr context;
  if (Exit exit = createContext(options, model.get(), 0, 0, context);
      exit != Exit::Done)
    return exit;
  CancelOnSignal cancel(context.get());
  Sums sums;
  if (Exit exit = score(model.get(), context.get(), *entry, scored, sums);
      exit != Exit::Done)
    return exit;
  return report(options, sums, scored.rows.size());
}

void tools::addEvalCommand(CLI::App &app, Exit &result) {
  CLI::App *command =
      app.add_subcommand("eval", "Measure how well a decoder predicts a text");
  auto options = std::make_shared<EvalOptions>();
  addRunOptions(*command, *options);
  command
      ->add_option("--text", options->text,
                   "File to predict; -: standard input")
      ->required();
  command->add_option(
      "--separator", options->separator,
      "Line that stands between documents; each is then predicted alone");
  command
      ->add_option("--window", options->window,
                   "Tokens of a window; 0: what the model takes")
      ->check(wholeNumber(0, uint64_t(1) << 30))
      ->capture_default_str();
  command
      ->add_option("--windows", options->windows,
                   "Only the first K windows (documents); 0: all")
      ->check(wholeNumber(0, uint64_t(1) << 40))
      ->capture_default_str();
  auto *bos = command->add_flag("--bos", options->bos,
                                "Begin with the model's first token");
  auto *noBos = command->add_flag("--no-bos", options->noBos,
                                  "Begin with the text's own first token");
  auto *first = command
                    ->add_option("--first-token", options->firstToken,
                                 "Begin with this token id")
                    ->check(wholeNumber(0, uint64_t(1) << 31));
  bos->excludes(noBos)->excludes(first);
  noBos->excludes(first);
  command->add_flag("--json", options->json, "Print one JSON object");
  command->callback([options, &result] { result = evaluate(*options); });
}
