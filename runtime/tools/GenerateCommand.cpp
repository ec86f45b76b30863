//===- GenerateCommand.cpp - lathe generate: text as it comes -------------===//

#include "runtime/formats/JsonWriter.h"
#include "runtime/tools/Command.h"
#include "runtime/tools/LaunchWatch.h"
#include "runtime/tools/LoadedModel.h"
#include "runtime/tools/ModelSampling.h"
#include "runtime/tools/Numbers.h"
#include "runtime/tools/TextInput.h"

#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

using namespace lathe;
using namespace lathe::tools;

namespace {

struct GenerateOptions : RunOptions {
  std::string prompt;
  std::string promptFile;
  std::optional<std::string> promptIds;
  int64_t count = 128;
  int64_t context = 0;
  float temperature = 0;
  int top_k = 0;
  float top_p = 0;
  float min_p = 0;
  float repetitionPenalty = 0;
  uint64_t seed = 0;
  std::string sampling;
  std::vector<std::string> stops;
  bool ids = false;
  bool json = false;
  bool ignoreEos = false;
  bool special = false;
  WatchOptions watch;
};

} // namespace

/// Reads "1,2,3" or "1 2 3", ids below \p vocabulary, into \p ids.
static Exit parseIds(const std::string &text, int64_t vocabulary,
                     std::vector<int32_t> &ids) {
  const char *at = text.data(), *end = at + text.size();
  // Whether there is an id since the last comma.
  bool hasId = false;
  auto refuseComma = [&] {
    return fail(Exit::Usage,
                "--prompt-ids: expected an id on each side of a comma, got '" +
                    text.substr(0, 40) + "'");
  };
  while (at != end) {
    if (*at == ',' || *at == ' ') {
      if (*at == ',' && !std::exchange(hasId, false))
        return refuseComma();
      ++at;
      continue;
    }
    int32_t id = 0;
    auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc() || id < 0 || id >= vocabulary)
      return fail(Exit::Usage,
                  "--prompt-ids: expected ids below " +
                      std::to_string(vocabulary) + ", got '" +
                      std::string(at, std::min<size_t>(20, end - at)) + "'");
    ids.push_back(id);
    hasId = true;
    at = next;
  }
  if (ids.empty())
    return fail(Exit::Usage, "--prompt-ids: holds no id (expected at least 1)");
  return hasId ? Exit::Done : refuseComma();
}

/// Takes from the model's generation_config.json what the command line left
/// open.
static Exit applyModelSampling(const lathe_model_info_t &info,
                               const CLI::App &command,
                               GenerateOptions &options) {
  if (!*info.generation_config)
    return Exit::Done;
  std::string file = options.model + ": generation_config";
  runtime::Result<ModelSampling> model =
      readModelSampling(info.generation_config, file);
  if (!model.isOk())
    return fail(model.takeStatus());
  for (const std::string &field : model->unknown)
    warn(file + ": " + field + ": is not known and does nothing");
  auto take = [&](const char *flag, auto &value, const auto &given) {
    if (command.count(flag) == 0)
      value = given;
  };
  take("--temp", options.temperature, model->temperature);
  take("--top-k", options.top_k, model->topK);
  take("--top-p", options.top_p, model->topP);
  take("--min-p", options.min_p, model->minP);
  take("--repetition-penalty", options.repetitionPenalty,
       model->repetitionPenalty);
  take("--stop", options.stops, model->stops);
  return Exit::Done;
}

/// The ids of the prompt: given, or the tokens of the text.
static Exit promptIds(const GenerateOptions &options,
                      const lathe_model_t *model,
                      const lathe_model_info_t &info,
                      std::vector<int32_t> &ids) {
  if (options.promptIds)
    return parseIds(*options.promptIds, info.vocabulary, ids);
  if (!info.has_tokenizer)
    return fail(Exit::Cannot,
                options.model +
                    ": has no tokenizer (give the prompt as --prompt-ids)");
  std::string text = options.prompt;
  if (!options.promptFile.empty())
    if (Exit exit = readText(options.promptFile, text); exit != Exit::Done)
      return exit;
  if (Exit exit = encode(model, text, LATHE_ADD_SPECIAL, ids);
      exit != Exit::Done)
    return exit;
  if (ids.empty() && info.bos_count > 0)
    ids.push_back(static_cast<int32_t>(info.bos_ids[0]));
  if (ids.empty())
    return fail(Exit::Usage,
                "-p: the prompt is empty, and the model has no first token "
                "(give at least one character)");
  return Exit::Done;
}

/// What came of the one sequence.
namespace {
struct Outcome {
  std::vector<int32_t> ids;
  std::string text;
  lathe_finish_t finish = LATHE_RUNNING;
};
} // namespace

static const char *finishName(lathe_finish_t finish) {
  switch (finish) {
  case LATHE_STOP_ID:
    return "end_of_text";
  case LATHE_STOP_STRING:
    return "stop_string";
  case LATHE_LENGTH:
    return "length";
  case LATHE_RUNNING:
    break;
  }
  return "interrupted";
}

/// Runs the generator to its end; prints text or ids as they come.
static Exit writeText(lathe_generator_t *generator,
                      const GenerateOptions &options, Outcome &outcome) {
  while (lathe_generator_active(generator) > 0) {
    const lathe_token_t *tokens = nullptr;
    size_t count = 0;
    lathe_status_t status = lathe_generator_step(generator, &tokens, &count);
    if (status == LATHE_CANCELLED)
      return Exit::Interrupted;
    if (status)
      return fail(status);
    for (size_t i = 0; i < count; ++i) {
      const lathe_token_t &token = tokens[i];
      outcome.finish = token.finish;
      bool isEnd = token.finish == LATHE_STOP_ID;
      if (!isEnd)
        outcome.ids.push_back(token.id);
      std::string_view text(token.text, token.text_bytes);
      if (options.json) {
        outcome.text += text;
        continue;
      }
      std::string piece(text);
      if (options.ids)
        piece = isEnd ? ""
                      : (outcome.ids.size() > 1 ? " " : "") +
                            std::to_string(token.id);
      if (Exit exit = print(piece); exit != Exit::Done)
        return exit;
    }
  }
  return Exit::Done;
}

static std::string rate(uint64_t tokens, uint64_t nanoseconds) {
  char text[64];
  std::snprintf(text, sizeof(text), "%llu tokens in %.3f s (%.1f tokens/s)",
                static_cast<unsigned long long>(tokens), nanoseconds * 1e-9,
                nanoseconds ? tokens / (nanoseconds * 1e-9) : 0.0);
  return text;
}

static void printClosing(const lathe_generator_stats_t &stats) {
  std::fprintf(stderr, "\nprompt: %s\ntext: %s\npeak memory: %.1f MB\n",
               rate(stats.prompt_tokens, stats.prompt_nanoseconds).c_str(),
               rate(stats.decode_tokens, stats.decode_nanoseconds).c_str(),
               peakMemory() / 1e6);
}

static Exit printJson(const GenerateOptions &options, const Outcome &outcome,
                      const lathe_generator_stats_t &stats) {
  runtime::JsonWriter json;
  json.beginObject()
      .field("schema", "lathe.generate.v1")
      .field("text", outcome.text);
  json.field("finish", finishName(outcome.finish)).key("ids").beginArray();
  for (int32_t id : outcome.ids)
    json.value(id);
  json.endArray();
  json.field("prompt_tokens", stats.prompt_tokens)
      .field("new_tokens", stats.new_tokens);
  json.field("prompt_seconds", stats.prompt_nanoseconds * 1e-9);
  json.field("decode_seconds", stats.decode_nanoseconds * 1e-9);
  json.field("decode_tokens", stats.decode_tokens);
  json.field("peak_memory_bytes", peakMemory())
      .field("seed", options.seed)
      .endObject();
  return print(json.take() + "\n");
}

/// Prints the message of a refused request. The C interface names the fields of
/// a request; here they are flags.
static Exit failRequest(const GenerateOptions &options, lathe_status_t status) {
  static constexpr std::pair<const char *, const char *> kFlags[] = {
      {"max_tokens: ", "-n: "}, {"prompt: ", "-p: "}};
  std::string message = lathe_message();
  for (auto [field, flag] : kFlags)
    if (message.starts_with(field))
      message.replace(0, std::strlen(field), flag);
  if (message.starts_with("-n: "))
    message += " (-n 0 writes as many as fit)";
  return fail(exitOf(static_cast<runtime::StatusCode>(status)),
              options.model + ": " + message);
}

/// Makes a generator of the one sequence that \p options ask for.
static Exit createGenerator(const GenerateOptions &options,
                            const std::vector<int32_t> &prompt,
                            lathe_context_t *context, GeneratorPtr &generator) {
  lathe_generator_t *created = nullptr;
  if (lathe_status_t status = lathe_generator_create(context, &created))
    return fail(status);
  generator.reset(created);

  lathe_request_t request = {};
  request.struct_size = sizeof(request);
  request.prompt = prompt.data();
  request.prompt_count = prompt.size();
  request.max_tokens = options.count;
  request.sampling.struct_size = sizeof(request.sampling);
  request.sampling.temperature = options.temperature;
  request.sampling.top_k = options.top_k;
  request.sampling.top_p = options.top_p;
  request.sampling.min_p = options.min_p;
  request.sampling.repetition_penalty = options.repetitionPenalty;
  request.sampling.seed = options.seed;
  std::vector<const char *> stops;
  for (const std::string &stop : options.stops)
    stops.push_back(stop.c_str());
  request.stop_strings = stops.data();
  request.stop_string_count = stops.size();
  request.ignore_eos = options.ignoreEos;
  request.keep_special = options.special;
  int64_t sequence = 0;
  if (lathe_status_t status =
          lathe_generator_add(generator.get(), &request, &sequence))
    return failRequest(options, status);
  return Exit::Done;
}

/// Opens the model that \p options name, which must be one that writes text.
static Exit openDecoder(const GenerateOptions &options, ModelPtr &model,
                        lathe_model_info_t &info) {
  if (Exit exit = openModel(options, model, info); exit != Exit::Done)
    return exit;
  if (!findEntry(model.get(), "step") && !findEntry(model.get(), "step_greedy"))
    return fail(Exit::Cannot,
                options.model + ": family '" + info.family +
                    "' writes no text: it has no entry 'step' (an encoder is "
                    "used with lathe embed or lathe run)");
  if (options.context > info.context)
    return fail(Exit::Cannot,
                options.model + ": -c: " + std::to_string(options.context) +
                    " positions are more than the " +
                    std::to_string(info.context) +
                    " that the model was compiled for (compile with "
                    "--context " +
                    std::to_string(options.context) + ")");
  return Exit::Done;
}

/// Writes the text of \p generator, and what there is to say of it.
static Exit writeOutcome(const GenerateOptions &options,
                         lathe_generator_t *generator) {
  Outcome outcome;
  Exit exit = writeText(generator, options, outcome);
  if (exit != Exit::Done && exit != Exit::Interrupted)
    return exit;
  lathe_generator_stats_t stats = {};
  stats.struct_size = sizeof(stats);
  if (lathe_status_t status = lathe_generator_stats(generator, &stats))
    return fail(status);
  Exit printed =
      options.json ? printJson(options, outcome, stats) : print("\n");
  if (printed != Exit::Done)
    return printed;
  if (!options.json)
    printClosing(stats);
  return exit == Exit::Interrupted ? fail(exit, "interrupted") : exit;
}

static Exit generate(GenerateOptions options, const CLI::App &command) {
  ModelPtr model;
  lathe_model_info_t info;
  if (Exit exit = openDecoder(options, model, info); exit != Exit::Done)
    return exit;
  if (options.sampling == "model")
    if (Exit exit = applyModelSampling(info, command, options);
        exit != Exit::Done)
      return exit;
  if (!options.stops.empty() && !info.has_tokenizer)
    return fail(Exit::Cannot, options.model +
                                  ": has no tokenizer, so no text in which a "
                                  "stop string could be found (--stop or "
                                  "stop_strings)");
  std::vector<int32_t> prompt;
  if (Exit exit = promptIds(options, model.get(), info, prompt);
      exit != Exit::Done)
    return exit;
  ContextPtr context;
  if (Exit exit =
          createContext(options, model.get(), 1, options.context, context);
      exit != Exit::Done)
    return exit;
  GeneratorPtr generator;
  if (Exit exit = createGenerator(options, prompt, context.get(), generator);
      exit != Exit::Done)
    return exit;
  LaunchWatch watch;
  if (Exit exit = watch.begin(options.watch, model.get(), context.get());
      exit != Exit::Done)
    return exit;
  CancelOnSignal cancel(context.get());
  Exit exit = writeOutcome(options, generator.get());
  // What ran before an interrupt is worth a look too.
  if (exit != Exit::Done && exit != Exit::Interrupted)
    return exit;
  Exit ended = watch.end();
  return ended == Exit::Done ? exit : ended;
}

/// Declares what to go on from, and how far.
static void addTextFlags(CLI::App &command, GenerateOptions &options) {
  auto *text =
      command.add_option("-p,--prompt", options.prompt, "Text to go on from");
  auto *file = command.add_option("-f,--file", options.promptFile,
                                  "File to go on from; -: standard input");
  auto *ids = command.add_option("--prompt-ids", options.promptIds,
                                 "Token ids to go on from, as 1,2,3");
  text->excludes(file)->excludes(ids);
  file->excludes(ids);
  command
      .add_option("-n,--tokens", options.count,
                  "Most tokens to write; 0: what the context holds")
      ->check(wholeNumber(0, uint64_t(1) << 40))
      ->capture_default_str();
  command
      .add_option("-c,--context", options.context,
                  "Positions that the cache holds; 0: the model's")
      ->envname("LATHE_GENERATE_CONTEXT")
      ->check(wholeNumber(0, uint64_t(1) << 40))
      ->capture_default_str();
  command
      .add_option("--stop", options.stops,
                  "Ends the text before this string; may be given again")
      ->take_all();
  command.add_flag("--ignore-eos", options.ignoreEos,
                   "Go on past the end-of-text token");
}

/// Declares how the next token is chosen.
static void addSamplingFlags(CLI::App &command, GenerateOptions &options) {
  command.add_option("--temp", options.temperature, "Temperature; 0: greedy")
      ->check(number(0, 1e6))
      ->capture_default_str();
  command
      .add_option("--top-k", options.top_k, "Keep the K most likely; 0: all")
      ->check(wholeNumber(0, 1 << 30))
      ->capture_default_str();
  command
      .add_option("--top-p", options.top_p,
                  "Keep the fewest whose sum reaches P; 0: all")
      ->check(number(0, 1))
      ->capture_default_str();
  command
      .add_option("--min-p", options.min_p,
                  "Drop what is below P times the most likely")
      ->check(number(0, 1))
      ->capture_default_str();
  command
      .add_option("--repetition-penalty", options.repetitionPenalty,
                  "Divides the logits of ids that occurred; 0: none")
      ->check(number(0, 1e6))
      ->capture_default_str();
  command
      .add_option("-s,--seed", options.seed,
                  "Seed of sampling; the same seed gives the same text")
      ->check(wholeNumber(0, UINT64_MAX))
      ->capture_default_str();
  command
      .add_option("--sampling", options.sampling,
                  "model: as the model's generation_config.json says")
      ->check(CLI::IsMember({"model"}));
}

void tools::addGenerateCommand(CLI::App &app, Exit &result) {
  CLI::App *command = app.add_subcommand(
      "generate", "Write text with a decoder, greedily unless told");
  auto options = std::make_shared<GenerateOptions>();
  addRunOptions(*command, *options);
  addTextFlags(*command, *options);
  addSamplingFlags(*command, *options);
  command->add_flag("--ids", options->ids, "Print token ids instead of text");
  command->add_flag("--json", options->json,
                    "Print one JSON object at the end");
  command->add_flag("--special", options->special, "Print special tokens too");
  addTraceFlag(*command, options->watch);
  command->callback(
      [options, command, &result] { result = generate(*options, *command); });
}
