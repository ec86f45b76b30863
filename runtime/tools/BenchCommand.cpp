//===- BenchCommand.cpp - lathe bench: tokens a second --------------------===//
//
// Has llama-bench's letters, names of rows (pp512, tg128) and formats. pp is
// one prompt of N tokens up to the choice of the next one; tg is N greedy steps
// of one token each, from an empty cache. An encoder has pp alone: its vectors
// or hidden states of sequences of N tokens. Lists of numbers stand for all of
// their combinations.
//
//===----------------------------------------------------------------------===//

#include "runtime/tools/BenchOutput.h"
#include "runtime/tools/Command.h"
#include "runtime/tools/LoadedModel.h"
#include "runtime/tools/Numbers.h"
#include "runtime/tools/TextBatch.h"

#include <algorithm>
#include <chrono>
#include <ctime>
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
  std::string threadCounts = "0";
  std::string sequenceCounts = "1";
  int64_t repetitions = 5;
  std::string format = "md";
  bool json = false;
};

/// One test of each combination of threads and sequences.
struct Test {
  bool isPrompt = false;
  int64_t tokens = 0; ///< Of each sequence.
};

/// What the tests run on. The context and what follows it are made anew for
/// each number of threads and sequences.
struct Bench {
  BenchSubject subject;
  ModelPtr model;
  std::optional<size_t> encoder; ///< The entry of a model without `step`.
  ContextPtr context;
  GeneratorPtr generator;                    ///< Null for encoders.
  std::vector<std::vector<int32_t>> prompts; ///< One a sequence, the longest.
};

} // namespace

/// The longest sequence that the model takes, in tokens.
static int64_t longestSequence(const Bench &bench) {
  int64_t longest =
      bench.subject.info.context > 0 ? bench.subject.info.context : INT64_MAX;
  if (!bench.encoder)
    return longest;
  longest = std::min(longest, symbolMaximum(bench.model.get(), "tokens"));
  if (bench.subject.info.embed_tokens > 0 &&
      bench.encoder == findEntry(bench.model.get(), "embed"))
    longest = std::min(longest, bench.subject.info.embed_tokens);
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
                                    bench.subject.info.family +
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
  if (Exit exit = openModel(options, bench.model, bench.subject.info);
      exit != Exit::Done)
    return exit;
  bench.subject.path = options.model;
  bench.subject.repetitions = options.repetitions;
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
  if (bench.subject.info.vocabulary <= 0)
    return fail(Exit::Cannot, options.model + ": has no vocabulary to draw "
                                              "token ids from");
  int64_t most = symbolMaximum(model, "slots");
  for (int64_t sequences : parseWholeNumbers(options.sequenceCounts))
    if (isDecoder && sequences > most)
      return fail(Exit::Cannot,
                  options.model + ": -b: " + std::to_string(sequences) +
                      " sequences are more than the " + std::to_string(most) +
                      " that the cache holds at once");
  return Exit::Done;
}

/// Makes the context, with a cache of what \p tests need, and the token ids.
static Exit prepare(const RunOptions &options, const std::vector<Test> &tests,
                    int64_t sequences, Bench &bench) {
  int64_t longest = 1;
  for (const Test &test : tests)
    longest = std::max(longest, test.tokens);
  bool isDecoder = !bench.encoder;
  bench.generator.reset();
  if (Exit exit =
          createContext(options, bench.model.get(), isDecoder ? sequences : 0,
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
  bench.prompts.assign(static_cast<size_t>(sequences), {});
  for (std::vector<int32_t> &prompt : bench.prompts)
    for (int64_t i = 0; i < longest; ++i)
      prompt.push_back(static_cast<int32_t>(
          engine() % static_cast<uint64_t>(bench.subject.info.vocabulary)));
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

/// This moment, as 2026-01-31T08:15:00Z.
static std::string timeNow() {
  std::time_t now = std::time(nullptr);
  std::tm parts = {};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

/// Runs a warm-up that is not counted, then the repetitions.
static Exit measure(Bench &bench, const Test &test, BenchResult &result) {
  result.isPrompt = test.isPrompt;
  result.tokens = test.tokens;
  result.sequences = static_cast<int64_t>(bench.prompts.size());
  result.threads = lathe_context_threads(bench.context.get());
  result.began = timeNow();
  for (int64_t i = -1; i < bench.subject.repetitions; ++i) {
    uint64_t nanoseconds = 0;
    if (Exit exit = runOnce(bench, test, nanoseconds); exit != Exit::Done)
      return exit;
    if (i >= 0)
      result.nanoseconds.push_back(nanoseconds);
  }
  return Exit::Done;
}

/// Runs \p tests with one number of threads and of sequences.
static Exit runTests(Bench &bench, const std::vector<Test> &tests,
                     BenchPrinter &printer) {
  CancelOnSignal cancel(bench.context.get());
  for (const Test &test : tests) {
    BenchResult result;
    if (Exit exit = measure(bench, test, result); exit != Exit::Done)
      return exit;
    if (Exit exit = printer.add(result); exit != Exit::Done)
      return exit;
  }
  return Exit::Done;
}

static Exit bench(const BenchOptions &options, bool isTextGiven) {
  Bench bench;
  if (Exit exit = openBench(options, bench); exit != Exit::Done)
    return exit;
  std::vector<Test> tests;
  if (Exit exit = listTests(options, bench, isTextGiven, tests);
      exit != Exit::Done)
    return exit;
  std::unique_ptr<BenchPrinter> printer =
      makeBenchPrinter(options.json ? "object" : options.format, bench.subject);
  if (Exit exit = printer->begin(); exit != Exit::Done)
    return exit;
  for (int64_t threads : parseWholeNumbers(options.threadCounts))
    for (int64_t sequences : parseWholeNumbers(options.sequenceCounts)) {
      RunOptions run = options;
      run.threads = static_cast<unsigned>(threads);
      if (Exit exit = prepare(run, tests, sequences, bench); exit != Exit::Done)
        return exit;
      if (Exit exit = runTests(bench, tests, *printer); exit != Exit::Done)
        return exit;
    }
  return printer->end();
}

/// Declares a flag of whole numbers with commas.
static CLI::Option *addList(CLI::App &command, const std::string &name,
                            std::string &value, const std::string &help,
                            std::pair<uint64_t, uint64_t> range) {
  return command.add_option(name, value, help)
      ->check(wholeNumbers(range.first, range.second))
      ->capture_default_str();
}

void tools::addBenchCommand(CLI::App &app, Exit &result) {
  CLI::App *command = app.add_subcommand(
      "bench", "Measure tokens a second, of prompts and of text");
  auto options = std::make_shared<BenchOptions>();
  addRunOptions(*command, *options);
  // Here it may be a list; in the environment it is one number, since every
  // command reads LATHE_THREADS.
  command->remove_option(command->get_option("--threads"));
  command
      ->add_option("-t,--threads", options->threadCounts,
                   "Threads, as 1,2; 0: the physical cores")
      ->type_name("UINT")
      ->check(wholeNumbers(0, 4096).description("0 to 4096"))
      ->capture_default_str();
  addList(*command, "-p,--n-prompt", options->promptTokens,
          "Tokens of a prompt, as 128,512; 0: none", {0, kMostTokens});
  CLI::Option *text =
      addList(*command, "-n,--n-gen", options->textTokens,
              "Tokens to write, as 32,128; 0: none", {0, kMostTokens});
  addList(*command, "-b,--sequences", options->sequenceCounts,
          "Sequences at once, as 1,8", {1, 4096});
  command
      ->add_option("-r,--repetitions", options->repetitions,
                   "Runs of each test, after one that is not counted")
      ->check(wholeNumber(1, 1000000))
      ->capture_default_str();
  CLI::Option *output =
      command->add_option("-o,--output", options->format, "Format")
          ->check(CLI::IsMember({"md", "csv", "json", "jsonl"}))
          ->envname("LATHE_BENCH_OUTPUT")
          ->capture_default_str();
  command
      ->add_flag("--json", options->json,
                 "Print one JSON object with all samples")
      ->excludes(output);
  command->callback([options, text, &result] {
    result = bench(*options, /*isTextGiven=*/text->count() > 0);
  });
}
