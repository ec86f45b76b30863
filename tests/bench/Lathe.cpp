//===- Lathe.cpp - Times an artifact for scripts/bench --------------------===//
//
//     bench-lathe MODEL THREADS entry|kernel NAME ROWSxTOKENS|IDS_FILE
//     bench-lathe MODEL THREADS prompt|text TOKENS SEQUENCES
//
// Does one piece of work through the C interface, again and again: a call of an
// entry on ROWS sequences of TOKENS random ids (or those of IDS_FILE, a line a
// sequence) and random numbers, or of that the launches of linear kernels
// alone, without what rounds their inputs; prompts of TOKENS up to the choice
// of the next id; or TOKENS steps from an empty cache, one token of each
// sequence a step.
//
// Prints a line of JSON with what the model takes (bytes) once it ran, then one
// for each line of standard input:
//
//     time SECONDS   does the work for so long, at least once: the seconds of
//                    each time
//     save FILE      writes the first output of the last call, as it lies
//
// It lives through a whole run, so that what is measured beside it takes turns
// with it and loading is not part of a sample.
//
//===----------------------------------------------------------------------===//

#include "runtime/include/lathe.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Ids = std::vector<int32_t>;

/// What is opened once. The process gives it back when it ends.
struct Opened {
  lathe_model_t *model = nullptr;
  lathe_model_info_t info = {};
  lathe_context_t *context = nullptr;
  size_t entry = 0;
  lathe_generator_t *generator = nullptr;
};

/// Where an input's elements come from: one value for each token.
struct Tokens {
  Ids ids, positions, sequences;
  int64_t rows = 0;
};

} // namespace

static void check(lathe_status_t status) {
  if (status == LATHE_OK)
    return;
  std::fprintf(stderr, "error: %s\n", lathe_message());
  std::exit(1);
}

static double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

static Opened open(const char *path, uint32_t threads, int64_t slots,
                   int64_t positions) {
  Opened opened;
  lathe_model_options_t modelOptions = LATHE_INIT(lathe_model_options_t);
  // Hashing reads all weights, which the first call does as well.
  modelOptions.skip_weight_check = 1;
  check(lathe_model_open(path, &modelOptions, &opened.model));
  opened.info.struct_size = sizeof(opened.info);
  check(lathe_model_info(opened.model, &opened.info));
  lathe_context_options_t options = LATHE_INIT(lathe_context_options_t);
  options.threads = threads;
  options.slots = slots;
  options.context = positions;
  check(lathe_context_create(opened.model, &options, &opened.context));
  return opened;
}

static Ids randomIds(int64_t count, int64_t vocabulary) {
  std::minstd_rand random(1);
  Ids ids;
  for (int64_t i = 0; i < count; ++i)
    ids.push_back(static_cast<int32_t>(
        random() % static_cast<uint64_t>(vocabulary > 0 ? vocabulary : 1)));
  return ids;
}

//===----------------------------------------------------------------------===//
// Calls of an entry
//===----------------------------------------------------------------------===//

static void addSequence(Tokens &tokens, const Ids &ids) {
  for (size_t t = 0; t < ids.size(); ++t) {
    tokens.positions.push_back(static_cast<int32_t>(t));
    tokens.sequences.push_back(static_cast<int32_t>(tokens.rows));
  }
  tokens.ids.insert(tokens.ids.end(), ids.begin(), ids.end());
  ++tokens.rows;
}

/// The sequences that \p text stands for: ROWSxTOKENS or a file of ids.
static Tokens readTokens(const char *text, int64_t vocabulary) {
  Tokens tokens;
  int rows = 0, length = 0;
  char rest = 0;
  if (std::sscanf(text, "%dx%d%c", &rows, &length, &rest) == 2) {
    for (int row = 0; row < rows; ++row)
      addSequence(tokens, randomIds(length, vocabulary));
    return tokens;
  }
  std::ifstream file(text);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    Ids ids;
    for (int32_t id; words >> id;)
      ids.push_back(id);
    addSequence(tokens, ids);
  }
  return tokens;
}

/// The elements of an input of \p count numbers, as its dtype stores them.
static std::vector<char> makeInput(const lathe_tensor_info_t &input,
                                   size_t count, const Tokens &tokens) {
  std::vector<char> bytes(count * lathe_dtype_size(input.dtype));
  if (input.dtype == LATHE_I32) {
    std::string_view name = input.name;
    static const Ids none;
    const Ids &values = name == "tokens"      ? tokens.ids
                        : name == "positions" ? tokens.positions
                        : name == "sequences" ? tokens.sequences
                                              : none;
    std::memcpy(bytes.data(), values.data(), values.size() * sizeof(int32_t));
    return bytes;
  }
  std::minstd_rand random(1);
  std::normal_distribution<float> normal;
  // The upper half of an f32 is a bf16; a machine with lathe is little-endian.
  bool isHalf = input.dtype == LATHE_BF16;
  for (size_t i = 0; i < count; ++i) {
    float value = normal(random);
    const char *low = reinterpret_cast<const char *>(&value);
    size_t size = isHalf ? 2 : 4;
    std::memcpy(bytes.data() + i * size, low + (4 - size), size);
  }
  return bytes;
}

/// Gives the entry all its inputs. Those of integers have one a token.
static void setInputs(Opened &opened, const Tokens &tokens) {
  lathe_symbol_info_t symbol;
  for (size_t s = 0; lathe_model_symbol(opened.model, s, &symbol) == LATHE_OK;
       ++s)
    if (!std::strcmp(symbol.name, "sequences"))
      check(lathe_context_set_symbol(opened.context, s, tokens.rows));
  lathe_entry_info_t description;
  check(lathe_model_entry(opened.model, opened.entry, &description));
  for (size_t i = 0; i < description.input_count; ++i) {
    lathe_tensor_info_t input;
    check(lathe_model_input(opened.model, opened.entry, i, &input));
    size_t count = 1;
    for (uint32_t d = 0; d < input.rank; ++d) {
      if (input.dims[d] < 0)
        input.dims[d] = static_cast<int64_t>(tokens.ids.size());
      count *= static_cast<size_t>(input.dims[d]);
    }
    std::vector<char> data = makeInput(input, count, tokens);
    check(lathe_context_set_input(opened.context, opened.entry, i, data.data(),
                                  input.dims, input.rank));
  }
}

static void saveOutput(const Opened &opened, const char *path) {
  lathe_tensor_t output;
  check(lathe_context_output(opened.context, opened.entry, 0, &output));
  std::ofstream file(path, std::ios::binary);
  file.write(static_cast<const char *>(output.data),
             static_cast<std::streamsize>(output.bytes));
  if (!file.flush()) {
    std::fprintf(stderr, "error: %s: cannot be written\n", path);
    std::exit(1);
  }
  std::printf("{\"bytes\": %zu}\n", output.bytes);
}

//===----------------------------------------------------------------------===//
// Generation
//===----------------------------------------------------------------------===//

/// Hands the generator \p sequences prompts, and steps until all are over.
static void generate(Opened &opened, int64_t sequences, const Ids &prompt,
                     int64_t newTokens) {
  for (int64_t s = 0; s < sequences; ++s) {
    lathe_request_t request = LATHE_INIT(lathe_request_t);
    request.prompt = prompt.data();
    request.prompt_count = prompt.size();
    request.max_tokens = newTokens;
    request.ignore_eos = 1;
    int64_t sequence = 0;
    check(lathe_generator_add(opened.generator, &request, &sequence));
  }
  while (lathe_generator_active(opened.generator) > 0) {
    const lathe_token_t *tokens = nullptr;
    size_t count = 0;
    check(lathe_generator_step(opened.generator, &tokens, &count));
  }
}

//===----------------------------------------------------------------------===//
// Answers
//===----------------------------------------------------------------------===//

/// Bytes of weights that a step reads: not the table that embeddings are looked
/// up in, of which it takes a row, where another matrix gives the logits.
static uint64_t readBytes(const Opened &opened) {
  uint64_t bytes = opened.info.weight_bytes, table = 0;
  int tables = 0;
  lathe_tensor_t weight;
  for (size_t i = 0; lathe_model_weight(opened.model, i, &weight) == LATHE_OK;
       ++i) {
    if (weight.rank != 2 || weight.dims[0] != opened.info.vocabulary)
      continue;
    ++tables;
    if (std::string_view(weight.name).starts_with("embedding"))
      table = weight.bytes;
  }
  return tables > 1 ? bytes - table : bytes;
}

static void printFacts(const Opened &opened) {
  uint64_t states = 0;
  lathe_tensor_t state;
  for (size_t i = 0; i < opened.info.state_count; ++i) {
    check(lathe_context_state(opened.context, i, &state));
    states += state.bytes;
  }
  std::printf("{\"weight_bytes\": %llu, \"read_bytes\": %llu, \"state_bytes\": "
              "%llu, \"arena_bytes\": %llu, \"target\": \"%s\"}\n",
              static_cast<unsigned long long>(opened.info.weight_bytes),
              static_cast<unsigned long long>(readBytes(opened)),
              static_cast<unsigned long long>(states),
              static_cast<unsigned long long>(
                  lathe_context_arena_bytes(opened.context)),
              opened.info.target);
  std::fflush(stdout);
}

/// Does a piece of work and gives the seconds that count.
using Work = std::function<double()>;

/// Prints the seconds of each call of \p work in about \p budget seconds; short
/// ones are warmed up for a quarter of it first. \p last is what the last call
/// took.
static void printTimes(const Work &work, double budget, double &last) {
  auto timed = [&] { return last = work(); };
  auto begin = Clock::now();
  while (last + secondsSince(begin) < budget / 4)
    timed();
  std::printf("{\"seconds\": [");
  const char *separator = "";
  begin = Clock::now();
  do {
    std::printf("%s%.9f", separator, timed());
    separator = ", ";
  } while (secondsSince(begin) < budget);
  std::printf("]}\n");
}

static int answer(const Opened &opened, const Work &work) {
  double last = work();
  printFacts(opened);
  char line[4096], path[4000];
  double budget = 0;
  while (std::fgets(line, sizeof(line), stdin)) {
    if (std::sscanf(line, "time %lf", &budget) == 1)
      printTimes(work, budget, last);
    else if (std::sscanf(line, "save %3999[^\n]", path) == 1)
      saveOutput(opened, path);
    else
      return 2;
    std::fflush(stdout);
  }
  return 0;
}

/// Adds the seconds of a finished launch of a linear kernel to \p sum, a
/// double.
static void addLinear(void *sum, const lathe_launch_t *launch) {
  if (launch->finished &&
      std::string_view(launch->kernel).starts_with("linear"))
    *static_cast<double *>(sum) +=
        static_cast<double>(launch->nanoseconds) * 1e-9;
}

int main(int argc, char **argv) {
  if (argc != 6)
    return 2;
  auto threads = static_cast<uint32_t>(std::atol(argv[2]));
  std::string_view kind = argv[3];
  if (kind == "entry" || kind == "kernel") {
    Opened opened = open(argv[1], threads, /*slots=*/0, /*positions=*/0);
    check(lathe_model_find_entry(opened.model, argv[4], &opened.entry));
    setInputs(opened, readTokens(argv[5], opened.info.vocabulary));
    double ofLinear = 0;
    if (kind == "kernel")
      check(lathe_context_observe(opened.context, addLinear, &ofLinear));
    return answer(opened, [&] {
      ofLinear = 0;
      auto begin = Clock::now();
      check(lathe_context_call(opened.context, opened.entry));
      return kind == "kernel" ? ofLinear : secondsSince(begin);
    });
  }
  int64_t tokens = std::atol(argv[4]), sequences = std::atol(argv[5]);
  Opened opened = open(argv[1], threads, sequences, tokens);
  check(lathe_generator_create(opened.context, &opened.generator));
  bool isPrompt = kind == "prompt";
  Ids prompt = randomIds(isPrompt ? tokens : 1, opened.info.vocabulary);
  return answer(opened, [&] {
    auto begin = Clock::now();
    generate(opened, sequences, prompt, isPrompt ? 1 : tokens);
    return secondsSince(begin);
  });
}
