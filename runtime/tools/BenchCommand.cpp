//===- BenchCommand.cpp - lathe bench: tokens a second --------------------===//
//
// Has llama-bench's letters, names of rows (pp512, tg128) and table. pp is one
// prompt of N tokens up to the choice of the next one; tg is N greedy steps of
// one token each, from an empty cache. An encoder has pp alone: its vectors or
// hidden states of sequences of N tokens.
//
//===----------------------------------------------------------------------===//

#include "runtime/formats/JsonWriter.h"
#include "runtime/tools/Command.h"
#include "runtime/tools/LoadedModel.h"
#include "runtime/tools/Numbers.h"
#include "runtime/tools/TextBatch.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>

using namespace lathe;
using namespace lathe::tools;

namespace {

/// Most of a flag's tokens: what any context holds, and no product of it with
/// the sequences wraps around.
constexpr uint64_t kMostTokens = uint64_t(1) << 30;

struct BenchOptions : RunOptions {
  std::string promptTokens = "512";
  std::string textTokens = "128";
  int64_t repetitions = 5;
  int64_t sequences = 1;
  bool json = false;
};

/// One row of the table.
struct Test {
  bool isPrompt = false;
  int64_t tokens = 0; ///< Of each sequence.

  std::string name() const {
    return (isPrompt ? "pp" : "tg") + std::to_string(tokens);
  }
};

/// What the tests run on.
struct Bench {
  ModelPtr model;
  lathe_model_info_t info = {};
  std::optional<size_t> encoder; ///< The entry of a model without `step`.
  ContextPtr context;
  GeneratorPtr generator;                    ///< Null for encoders.
  std::vector<std::vector<int32_t>> prompts; ///< One a sequence, the longest.
};

/// Tokens a second, over all sequences.
struct Rates {
  double mean = 0, deviation = 0, median = 0, least = 0, most = 0;
};

/// Times of one test, without the warm-up.
struct Samples {
  Test test;
  std::vector<uint64_t> nanoseconds;
  std::vector<double> rates; ///< Tokens a second, in the same order.
};

} // namespace

/// The mean, the sample standard deviation (of n - 1; 0 for one sample) and the
/// order statistics of \p values, at least one.
static Rates summarize(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  auto count = static_cast<double>(values.size());
  size_t middle = values.size() / 2;
  Rates rates;
  rates.least = values.front();
  rates.most = values.back();
  rates.median = values.size() % 2 ? values[middle]
                                   : (values[middle - 1] + values[middle]) / 2;
  rates.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (double value : values)
    squares += (value - rates.mean) * (value - rates.mean);
  if (values.size() > 1)
    rates.deviation = std::sqrt(squares / (count - 1));
  return rates;
}

/// The longest sequence that the model takes, in tokens.
static int64_t longestSequence(const Bench &bench) {
  int64_t longest = bench.info.context > 0 ? bench.info.context : INT64_MAX;
  if (!bench.encoder)
    return longest;
  longest = std::min(longest, symbolMaximum(bench.model.get(), "tokens"));
  if (bench.info.embed_tokens > 0 &&
      bench.encoder == findEntry(bench.model.get(), "embed"))
    longest = std::min(longest, bench.info.embed_tokens);
  return longest;
}

/// Fills \p tests from the flags, prompts first. 0 stands for none. Fails with
/// Cannot where one does not fit the model, with both numbers.
static Exit listTests(const BenchOptions &options, const Bench &bench,
                      bool isTextGiven, std::vector<Test> &tests) {
  for (int64_t tokens : parseWholeNumbers(options.promptTokens))
    if (tokens > 0)
      tests.push_back({/*isPrompt=*/true, tokens});
  // An encoder writes no text: the default is left out, a wish is refused.
  if (!bench.encoder || isTextGiven)
    for (int64_t tokens : parseWholeNumbers(options.textTokens))
      if (tokens > 0)
        tests.push_back({/*isPrompt=*/false, tokens});
  if (tests.empty())
    return fail(Exit::Usage, "-p and -n: leave nothing to measure (give one "
                             "of them a number above 0)");
  int64_t longest = longestSequence(bench);
  for (const Test &test : tests) {
    if (bench.encoder && !test.isPrompt)
      return fail(Exit::Cannot, options.model + ": -n: family '" +
                                    bench.info.family +
                                    "' writes no text: it has no entry 'step' "
                                    "(leave out -n)");
    if (test.tokens > longest)
      return fail(Exit::Cannot,
                  options.model + (test.isPrompt ? ": -p: " : ": -n: ") +
                      std::to_string(test.tokens) +
                      " tokens are more than the " + std::to_string(longest) +
                      " that the model takes of a sequence (give at most " +
                      std::to_string(longest) + ")");
  }
  return Exit::Done;
}

/// Opens the model and finds out how it is measured.
static Exit openBench(const BenchOptions &options, Bench &bench) {
  if (Exit exit = openModel(options, bench.model, bench.info);
      exit != Exit::Done)
    return exit;
  const lathe_model_t *model = bench.model.get();
  bool isDecoder = findEntry(model, "step") || findEntry(model, "step_greedy");
  if (!isDecoder) {
    bench.encoder = findEntry(model, "embed");
    if (!bench.encoder)
      bench.encoder = findEntry(model, "forward");
    if (!bench.encoder || !isTextEntry(model, *bench.encoder))
      return fail(Exit::Cannot,
                  options.model +
                      ": has no entry 'step', 'embed' or 'forward' over "
                      "tokens to measure");
  }
  if (bench.info.vocabulary <= 0)
    return fail(Exit::Cannot, options.model + ": has no vocabulary to draw "
                                              "token ids from");
  int64_t most = symbolMaximum(model, "slots");
  if (isDecoder && options.sequences > most)
    return fail(Exit::Cannot,
                options.model + ": -b: " + std::to_string(options.sequences) +
                    " sequences are more than the " + std::to_string(most) +
                    " that the cache holds at once");
  return Exit::Done;
}

/// Makes the context, with a cache of what \p tests need, and the token ids.
static Exit prepare(const BenchOptions &options, const std::vector<Test> &tests,
                    Bench &bench) {
  int64_t longest = 1;
  for (const Test &test : tests)
    longest = std::max(longest, test.tokens);
  bool isDecoder = !bench.encoder;
  if (Exit exit = createContext(options, bench.model.get(),
                                isDecoder ? options.sequences : 0,
                                isDecoder ? longest : 0, bench.context);
      exit != Exit::Done)
    return exit;
  if (isDecoder) {
    lathe_generator_t *created = nullptr;
    if (lathe_status_t status =
            lathe_generator_create(bench.context.get(), &created))
      return fail(status);
    bench.generator.reset(created);
  }
  // The standard fixes what this engine gives, so the ids are the same on every
  // machine. That low ids are likelier by a hair does no harm.
  std::mt19937_64 engine(1);
  bench.prompts.resize(static_cast<size_t>(options.sequences));
  for (std::vector<int32_t> &prompt : bench.prompts)
    for (int64_t i = 0; i < longest; ++i)
      prompt.push_back(static_cast<int32_t>(
          engine() % static_cast<uint64_t>(bench.info.vocabulary)));
  return Exit::Done;
}

/// Hands the generator a sequence for each prompt. \p test of text begins with
/// one id, so that each of its steps computes one token.
static Exit addSequences(Bench &bench, const Test &test) {
  for (const std::vector<int32_t> &prompt : bench.prompts) {
    lathe_request_t request = {};
    request.struct_size = sizeof(request);
    request.prompt = prompt.data();
    request.prompt_count = test.isPrompt ? static_cast<size_t>(test.tokens) : 1;
    request.max_tokens = test.isPrompt ? 1 : test.tokens;
    request.ignore_eos = 1;
    int64_t sequence = 0;
    if (lathe_status_t status =
            lathe_generator_add(bench.generator.get(), &request, &sequence))
      return fail(status);
  }
  return Exit::Done;
}

/// Steps until all sequences are over.
static Exit runGenerator(Bench &bench) {
  while (lathe_generator_active(bench.generator.get()) > 0) {
    const lathe_token_t *tokens = nullptr;
    size_t count = 0;
    if (lathe_status_t status =
            lathe_generator_step(bench.generator.get(), &tokens, &count))
      return fail(status);
  }
  return Exit::Done;
}

/// Runs the encoder on \p rows, in as few calls as they fit in.
static Exit runEncoder(Bench &bench, const std::vector<Row> &rows,
                       const std::vector<Batch> &batches) {
  for (const Batch &batch : batches)
    if (Exit exit = callBatch(bench.context.get(), bench.model.get(),
                              *bench.encoder, rows, batch);
        exit != Exit::Done)
      return exit;
  return Exit::Done;
}

/// Runs \p test once; \p nanoseconds gets the wall time of its calls.
static Exit runOnce(Bench &bench, const Test &test, uint64_t &nanoseconds) {
  std::vector<Row> rows;
  std::vector<Batch> batches;
  if (bench.encoder) {
    for (const std::vector<int32_t> &prompt : bench.prompts) {
      Row &row = rows.emplace_back();
      row.tokens.assign(prompt.begin(), prompt.begin() + test.tokens);
      row.positions.resize(row.tokens.size());
      std::iota(row.positions.begin(), row.positions.end(), 0);
    }
    if (Exit exit =
            splitRows(bench.model.get(), rows, {.what = "sequence"}, batches);
        exit != Exit::Done)
      return exit;
  } else if (Exit exit = addSequences(bench, test); exit != Exit::Done) {
    return exit;
  }
  auto begin = std::chrono::steady_clock::now();
  Exit exit =
      bench.encoder ? runEncoder(bench, rows, batches) : runGenerator(bench);
  auto time = std::chrono::steady_clock::now() - begin;
  // At least 1, since it divides.
  nanoseconds = std::max<uint64_t>(
      1, std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
  return exit;
}

/// Runs a warm-up that is not counted, then the repetitions.
static Exit measure(const BenchOptions &options, Bench &bench,
                    Samples &samples) {
  for (int64_t i = -1; i < options.repetitions; ++i) {
    uint64_t nanoseconds = 0;
    if (Exit exit = runOnce(bench, samples.test, nanoseconds);
        exit != Exit::Done)
      return exit;
    if (i < 0)
      continue;
    samples.nanoseconds.push_back(nanoseconds);
    samples.rates.push_back(
        static_cast<double>(samples.test.tokens * options.sequences) /
        (static_cast<double>(nanoseconds) * 1e-9));
  }
  return Exit::Done;
}

/// The file's name for a cell of a table.
static std::string modelCell(const std::string &path) {
  std::string name = path;
  while (name.size() > 1 && name.ends_with('/'))
    name.pop_back();
  name = name.substr(name.find_last_of('/') + 1);
  if (name.ends_with(".lathe"))
    name.resize(name.size() - 6);
  std::string cell;
  for (char c : escaped(name))
    cell += c == '|' ? "\\|" : std::string(1, c);
  return cell;
}

/// \p bytes as llama-bench has them.
static std::string sizeCell(uint64_t bytes) {
  constexpr double kMiB = 1024.0 * 1024.0;
  bool isLarge = bytes >= uint64_t(1) << 30;
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f %s",
                static_cast<double>(bytes) / (isLarge ? kMiB * 1024 : kMiB),
                isLarge ? "GiB" : "MiB");
  return text;
}

/// Prints one line of the table; numbers stand at the right.
static Exit printLine(const std::string &model, const std::string &size,
                      const std::string &rest) {
  char text[32];
  std::snprintf(text, sizeof(text), " | %10s | ", size.c_str());
  std::string padding(model.size() < 30 ? 30 - model.size() : 0, ' ');
  return print("| " + model + padding + text + rest + " |\n");
}

static Exit printHeading() {
  char text[128];
  std::snprintf(text, sizeof(text),
                "%7s | %4s | %15s | %24s | %10s | %10s | %10s", "threads",
                "seqs", "test", "t/s", "median", "min", "max");
  if (Exit exit = printLine("model", "size", text); exit != Exit::Done)
    return exit;
  auto rule = [](size_t width) { return std::string(width - 1, '-') + ":"; };
  std::string rest;
  for (size_t width : {7, 4, 15, 24, 10, 10, 10})
    rest += (rest.empty() ? "" : " | ") + rule(width);
  return printLine(std::string(30, '-'), rule(10), rest);
}

static Exit printRow(const BenchOptions &options, const Bench &bench,
                     const Samples &samples) {
  Rates rates = summarize(samples.rates);
  char speed[64], text[256];
  std::snprintf(speed, sizeof(speed), "%.2f ± %.2f", rates.mean,
                rates.deviation);
  // One column wider in bytes than on the screen: ± has two.
  std::snprintf(text, sizeof(text),
                "%7u | %4lld | %15s | %25s | %10.2f | %10.2f | %10.2f",
                lathe_context_threads(bench.context.get()),
                static_cast<long long>(options.sequences),
                samples.test.name().c_str(), speed, rates.median, rates.least,
                rates.most);
  return printLine(modelCell(options.model), sizeCell(bench.info.weight_bytes),
                   text);
}

/// Appends one test, with its samples, in llama-bench's names.
static void appendJson(runtime::JsonWriter &json, const Samples &samples) {
  const Test &test = samples.test;
  Rates rates = summarize(samples.rates);
  json.beginObject()
      .field("test", test.name())
      .field("n_prompt", test.isPrompt ? test.tokens : 0)
      .field("n_gen", test.isPrompt ? 0 : test.tokens)
      .field("avg_ts", rates.mean)
      .field("stddev_ts", rates.deviation)
      .field("median_ts", rates.median)
      .field("min_ts", rates.least)
      .field("max_ts", rates.most)
      .key("samples_ns")
      .beginArray();
  for (uint64_t nanoseconds : samples.nanoseconds)
    json.value(nanoseconds);
  json.endArray().key("samples_ts").beginArray();
  for (double rate : samples.rates)
    json.value(rate);
  json.endArray().endObject();
}

static Exit printJson(const BenchOptions &options, const Bench &bench,
                      const std::vector<Samples> &results) {
  runtime::JsonWriter json;
  json.beginObject()
      .field("schema", "lathe.bench.v1")
      .field("model", options.model)
      .field("family", bench.info.family)
      .field("target", bench.info.target)
      .field("model_size", bench.info.weight_bytes)
      .field("n_threads", lathe_context_threads(bench.context.get()))
      .field("sequences", options.sequences)
      .field("repetitions", options.repetitions)
      .field("peak_memory_bytes", peakMemory())
      .key("tests")
      .beginArray();
  for (const Samples &samples : results)
    appendJson(json, samples);
  json.endArray().endObject();
  return print(json.take() + "\n");
}

static Exit bench(const BenchOptions &options, bool isTextGiven) {
  Bench bench;
  if (Exit exit = openBench(options, bench); exit != Exit::Done)
    return exit;
  std::vector<Test> tests;
  if (Exit exit = listTests(options, bench, isTextGiven, tests);
      exit != Exit::Done)
    return exit;
  if (Exit exit = prepare(options, tests, bench); exit != Exit::Done)
    return exit;
  CancelOnSignal cancel(bench.context.get());
  if (!options.json)
    if (Exit exit = printHeading(); exit != Exit::Done)
      return exit;
  std::vector<Samples> results;
  for (const Test &test : tests) {
    Samples &samples = results.emplace_back();
    samples.test = test;
    if (Exit exit = measure(options, bench, samples); exit != Exit::Done)
      return exit;
    if (options.json)
      continue;
    if (Exit exit = printRow(options, bench, samples); exit != Exit::Done)
      return exit;
  }
  return options.json ? printJson(options, bench, results) : Exit::Done;
}

void tools::addBenchCommand(CLI::App &app, Exit &result) {
  CLI::App *command = app.add_subcommand(
      "bench", "Measure tokens a second, of prompts and of text");
  auto options = std::make_shared<BenchOptions>();
  addRunOptions(*command, *options);
  command
      ->add_option("-p,--n-prompt", options->promptTokens,
                   "Tokens of a prompt, as 128,512; 0: none")
      ->check(wholeNumbers(0, kMostTokens))
      ->capture_default_str();
  auto *text = command
                   ->add_option("-n,--n-gen", options->textTokens,
                                "Tokens to write, as 32,128; 0: none")
                   ->check(wholeNumbers(0, kMostTokens))
                   ->capture_default_str();
  command
      ->add_option("-r,--repetitions", options->repetitions,
                   "Runs of each test, after one that is not counted")
      ->check(wholeNumber(1, 1000000))
      ->capture_default_str();
  command->add_option("-b,--sequences", options->sequences, "Sequences at once")
      ->check(wholeNumber(1, 4096))
      ->capture_default_str();
  command->add_flag("--json", options->json,
                    "Print one JSON object with all samples");
  command->callback([options, text, &result] {
    result = bench(*options, /*isTextGiven=*/text->count() > 0);
  });
}
