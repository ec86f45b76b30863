//===- LoadedModel.h - Opens what a sub-command was given -----------------===//
#ifndef LATHE_RUNTIME_TOOLS_LOADEDMODEL_H
#define LATHE_RUNTIME_TOOLS_LOADEDMODEL_H

#include "runtime/include/lathe.h"
#include "runtime/tools/Console.h"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::tools {

struct FreeModel {
  void operator()(lathe_model_t *model) const { lathe_model_free(model); }
};
struct FreeContext {
  void operator()(lathe_context_t *context) const {
    lathe_context_free(context);
  }
};
struct FreeGenerator {
  void operator()(lathe_generator_t *generator) const {
    lathe_generator_free(generator);
  }
};
using ModelPtr = std::unique_ptr<lathe_model_t, FreeModel>;
using ContextPtr = std::unique_ptr<lathe_context_t, FreeContext>;
/// To be declared after the context that it uses.
using GeneratorPtr = std::unique_ptr<lathe_generator_t, FreeGenerator>;

/// The flags that every command which runs a model has.
struct RunOptions {
  std::string model;
  unsigned threads = 0;
  std::string device = "cpu";
  bool noVerify = false;
  bool inspectOnly = false; ///< As lathe_model_options_t.inspect_only.
};

/// Declares MODEL, --threads, --device and --no-verify.
void addRunOptions(CLI::App &command, RunOptions &options);

/// Prints the message of the last call of the C interface that failed and
/// returns the exit code that stands for \p status.
Exit fail(lathe_status_t status);

/// Opens \p options.model into \p model. A checkpoint directory, .gguf, .onnx
/// or .mlir in place of an artifact is compiled into the cache first.
Exit openModel(const RunOptions &options, ModelPtr &model);

/// As above; \p info gets what the model says of itself, which lives as long as
/// it.
Exit openModel(const RunOptions &options, ModelPtr &model,
               lathe_model_info_t &info);

/// Makes a context of \p model with the threads of \p options. \p slots and
/// \p context 0: the defaults of lathe_context_options_t.
Exit createContext(const RunOptions &options, const lathe_model_t *model,
                   int64_t slots, int64_t contextLength, ContextPtr &context);

/// Appends the token ids of \p text to \p ids, with \p flags of
/// lathe_tokenizer_encode. The model must have a tokenizer.
Exit encode(const lathe_model_t *model, std::string_view text, uint32_t flags,
            std::vector<int32_t> &ids);

/// Index of the entry of that name, if there is one.
std::optional<size_t> findEntry(const lathe_model_t *model, const char *name);

/// Index of the symbol of that name, if there is one.
std::optional<size_t> findSymbol(const lathe_model_t *model, const char *name);

/// Largest value of the symbol of that name; 0 if there is none.
int64_t symbolMaximum(const lathe_model_t *model, const char *name);

/// Peak resident memory of this process, in bytes.
uint64_t peakMemory();

/// Makes Ctrl-C and SIGTERM end the program with Interrupted and one line. To
/// be called first.
void handleSignals();

/// While it lives, the first signal cancels calls of \p context instead, so
/// that the command can close what it has begun; a second one ends the program.
class CancelOnSignal {
public:
  explicit CancelOnSignal(lathe_context_t *context);
  ~CancelOnSignal();
  CancelOnSignal(const CancelOnSignal &) = delete;
  CancelOnSignal &operator=(const CancelOnSignal &) = delete;

  static bool wasSignalled();
};

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_LOADEDMODEL_H
