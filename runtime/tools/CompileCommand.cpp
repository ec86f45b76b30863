//===- CompileCommand.cpp - lathe compile and lathe import ----------------===//
//
// Checks the command line and hands it to lathe-compiler, the one program that
// is linked with LLVM.
//
//===----------------------------------------------------------------------===//

#include "runtime/tools/ChildProcess.h"
#include "runtime/tools/Command.h"
#include "runtime/tools/Numbers.h"
#include "runtime/tools/PathFlag.h"

#include <memory>

using namespace lathe::tools;

namespace {

struct CompileOptions {
  std::string model;
  std::string output;
  std::vector<std::string> targets;
  std::string dtype = "f32";
  std::string weights;
  std::string activations;
  std::string cacheType = "f32";
  int64_t maxTokens = 0;
  int64_t context = 0;
  int level = 3;
  unsigned jobs = 0;
  std::string schedules;
  /// Empty: not to be tuned. Text, because CLI11 takes the number 0 of a flag
  /// for "no".
  std::string tuneSeconds;
  std::string dumpIr;
  std::string compileTo;
  bool timing = false;
};

} // namespace

/// Declares the flags that say what the imported module looks like.
static void addModelFlags(CLI::App &command, CompileOptions &options) {
  command
      .add_option("MODEL", options.model,
                  "Checkpoint directory, .gguf or .mlir file")
      ->required();
  command.add_option("-o,--output", options.output, "File to write")
      ->required();
  command
      .add_option(
          "--max-tokens", options.maxTokens,
          "Most tokens of one call; 0: 512 for decoders, 4096 for encoders")
      ->check(wholeNumber(0, uint64_t(1) << 24))
      ->capture_default_str();
  command
      .add_option(
          "-c,--context", options.context,
          "Most positions of one sequence; 0: what the model's config says")
      ->check(wholeNumber(0, uint64_t(1) << 24))
      ->capture_default_str();
  command
      .add_option(
          "--dtype", options.dtype,
          "f32, or bf16: linear layers, and attention of encoders, multiply "
          "bf16 by bf16 (weights are stored, inputs rounded), and sum in f32")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->capture_default_str();
  command
      .add_option(
          "--weights", options.weights,
          "What matrices are stored in, embeddings too: a float type, q8 (8 "
          "bits and a scale a row) or q4 (4 bits and a scale for each 32; "
          "tables that are only looked up q8); the model's own unless said")
      ->check(CLI::IsMember({"f32", "bf16", "f16", "q8", "q4"}));
  command
      .add_option("--activations", options.activations,
                  "bf16: round the inputs of linear layers whose weights are "
                  "bf16, and multiply in pairs; q8: round them to bytes where "
                  "the weights are quantised, and multiply integers; f32: as "
                  "they are; bf16 with --dtype bf16, else f32 unless said")
      ->check(CLI::IsMember({"f32", "bf16", "q8"}));
  command
      .add_option("--cache-type", options.cacheType,
                  "What the keys and values of a decoder's cache are stored "
                  "in: f32; bf16, in half of the memory; or q8 (8 bits, and "
                  "a scale for each position of a head), in a quarter")
      ->check(CLI::IsMember({"f32", "bf16", "q8"}))
      ->capture_default_str();
}

static void appendModelFlags(const CompileOptions &options,
                             std::vector<std::string> &arguments) {
  arguments.insert(arguments.end(),
                   {options.model, "-o", options.output, "--dtype",
                    options.dtype, "--cache-type", options.cacheType});
  if (!options.weights.empty())
    arguments.insert(arguments.end(), {"--weights", options.weights});
  if (!options.activations.empty())
    arguments.insert(arguments.end(), {"--activations", options.activations});
  if (options.maxTokens > 0)
    arguments.insert(arguments.end(),
                     {"--max-tokens", std::to_string(options.maxTokens)});
  if (options.context > 0)
    arguments.insert(arguments.end(),
                     {"--context", std::to_string(options.context)});
  if (isVerbose())
    arguments.push_back("--verbose");
}

static Exit compile(const CompileOptions &options) {
  std::vector<std::string> arguments = {"compile"};
  appendModelFlags(options, arguments);
  for (const std::string &target : options.targets)
    arguments.insert(arguments.end(), {"--target", target});
  arguments.push_back("-O" + std::to_string(options.level));
  if (!options.schedules.empty())
    arguments.insert(arguments.end(), {"--schedules", options.schedules});
  if (!options.tuneSeconds.empty())
    arguments.insert(arguments.end(), {"--tune", options.tuneSeconds});
  if (options.jobs > 0)
    arguments.insert(arguments.end(), {"--jobs", std::to_string(options.jobs)});
  if (!options.dumpIr.empty())
    arguments.insert(arguments.end(), {"--dump-ir", options.dumpIr});
  if (!options.compileTo.empty())
    arguments.insert(arguments.end(), {"--compile-to", options.compileTo});
  if (options.timing)
    arguments.push_back("--timing");
  return runCompiler(arguments);
}

void lathe::tools::addCompileCommand(CLI::App &app, Exit &result) {
  CLI::App *command =
      app.add_subcommand("compile", "Compile a model into one file that runs");
  auto options = std::make_shared<CompileOptions>();
  addModelFlags(*command, *options);
  command
      ->add_option("--target", options->targets,
                   "What the file will run on; several with commas")
      ->check(
          CLI::IsMember({"host", "x86-64-v3", "x86-64-v4",
                         "x86-64-v4-vnni-bf16", "x86-64-v4-amx", "aarch64"}))
      ->delimiter(',')
      ->default_str("host");
  command
      ->add_option(
          "-O", options->level,
          "-O0: the slow twin, scalar loops and float64 sums, to check "
          "the others with; -O1 to -O3: all passes")
      ->envname("LATHE_OPT_LEVEL")
      ->check(wholeNumber(0, 3))
      ->capture_default_str();
  command
      ->add_option(
          "-j,--jobs", options->jobs,
          "Threads that compile kernels and pack weights; 0: one a core")
      ->check(wholeNumber(0, 4096))
      ->capture_default_str();
  command
      ->add_option(
          "--schedules", options->schedules,
          "File of schedules (docs/cli.md) that go before the compiler's own")
      ->check(nonEmptyPath());
  command
      ->add_flag("--tune{60}", options->tuneSeconds,
                 "Look for this machine's best schedules by running kernels, "
                 "for so many seconds at most (--tune is --tune=60), and take "
                 "those found before; --tune=0: only take them")
      ->check(wholeNumber(0, 86400));
  command
      ->add_option("--dump-ir", options->dumpIr,
                   "Folder that gets the module after each phase, and the "
                   "schedules of kernels")
      ->check(nonEmptyPath());
  command
      ->add_option("--compile-to", options->compileTo,
                   "Stop after this phase and write the module as text")
      ->check(CLI::IsMember({"import", "graph", "kernels", "plan", "rt"}));
  command->add_flag("--timing", options->timing,
                    "Print on standard error where the time went");
  command->callback([options, &result] { result = compile(*options); });
}

void lathe::tools::addImportCommand(CLI::App &app, Exit &result) {
  CLI::App *command = app.add_subcommand(
      "import", "Write a model as a module of the lathe dialect");
  auto options = std::make_shared<CompileOptions>();
  addModelFlags(*command, *options);
  command->callback([options, &result] {
    std::vector<std::string> arguments = {"import"};
    appendModelFlags(*options, arguments);
    result = runCompiler(arguments);
  });
}
