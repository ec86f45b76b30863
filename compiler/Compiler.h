//===- Compiler.h - From a module to an artifact ----------------*- C++ -*-===//
#ifndef LATHE_COMPILER_COMPILER_H
#define LATHE_COMPILER_COMPILER_H

#include "runtime/Status.h"
#include "runtime/formats/SafeOpener.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mlir {
class DialectRegistry;
class ModuleOp;
} // namespace mlir

namespace lathe {

class TimingTable;

/// Where a compilation may end. Each phase is what `--compile-to` names.
enum class Phase {
  Import,  ///< The module as the frontend built it, verified.
  Graph,   ///< After the passes on whole blocks.
  Kernels, ///< Entries are launches of outlined kernels.
  Plan,    ///< rt on top, buffers in an arena, kernels in a nested module.
  Rt,      ///< The artifact as text: kernels are machine code.
  Artifact ///< The file.
};

/// The phase called \p name ("import", "graph", "kernels", "plan", "rt",
/// "artifact").
std::optional<Phase> parsePhase(std::string_view name);

/// In which types a program computes and stores.
struct Precision {
  /// What matrices are stored in: "f32", "bf16", "f16", or quantised, "q8" (8
  /// bits and a scale a row), "q4" (4 bits and a scale for each 32); empty: as
  /// the module has them.
  std::string weights;
  /// Whether all are: also tables that are looked up, such as embeddings, and
  /// layers on pooled rows, whose errors count most.
  bool convertsAll = true;
  /// "bf16": inputs of linear layers are rounded to bf16 where the weights are
  /// bf16. "q8": to bytes where the weights are quantised. "f32": nothing is
  /// rounded.
  std::string activations = "f32";
  /// Whether what bidirectional attention multiplies is rounded to bf16.
  bool narrowsAttention = false;
};

struct CompileOptions {
  /// Levels to compile for, as compiler/targets/cpu/Target.h names them, and
  /// "host" for this machine's; in the
  /// file in this order. Empty: this machine's.
  std::vector<std::string> targets;
  /// 0: the slow twin, mandatory passes only. 1 to 3: all passes.
  int optLevel = 3;
  Precision precision;
  /// New largest value of the symbols `tokens`, `rows` and `sequences`; at
  /// least 1. The module's own if absent.
  std::optional<int64_t> maxTokens;
  /// Threads that compile kernels and transform weights; 0: as many as the
  /// machine has.
  unsigned jobs = 0;
  /// File of schedules (runtime/formats/ScheduleFile.h) that go before those of
  /// the compiler; empty: none.
  std::string schedulesPath;
  /// Seconds in which schedules of this machine's level may be looked for by
  /// running kernels; what is found, and was found before, is kept beside the
  /// kernel cache and taken. 0: take what is there. Absent: neither.
  std::optional<int64_t> tuneSeconds;
  /// Folder of the kernel cache; empty: the default one, see KernelCompiler.h.
  std::string cacheDir;
  /// Folder that gets one `.mlir` file a phase, and what the targets dump;
  /// empty: none. Created if missing.
  std::string dumpDir;
  /// Last phase to run.
  Phase compileTo = Phase::Artifact;
  /// Folder that the `from` of parameters is relative to.
  std::string moduleDirectory = ".";
  /// The module's own file, for messages about its parameters; empty: none.
  std::string modulePath;
  /// Symlinks in moduleDirectory that are followed to the parameters' files.
  runtime::Symlinks moduleSymlinks = runtime::Symlinks::Beneath;
  /// Tokenizer tables of runtime/text for the artifact; empty: none.
  std::vector<std::byte> tokenizerTables;
  /// For the artifact's provenance: what was compiled, and with which options.
  std::string source;
  std::string optionsText;
  /// Gets a row for each step; null: nothing is measured.
  TimingTable *timing = nullptr;
};

/// Registers every dialect that a module may hold on its way.
void registerCompilerDialects(mlir::DialectRegistry &registry);

/// Registers the pipelines `--lathe-inference` (import to kernels) and
/// `--lathe-plan` (kernels to plan) for lathe-opt.
void registerCompilerPipelines();

/// Compiles \p module, in place, through `options.compileTo`. With
/// Phase::Artifact the file is written to \p outputPath, whole or not at all;
/// before that, the module's text ("-": standard output).
///
/// Diagnostics go to the handler of the module's context; the Status repeats
/// the first error. InvalidFile where a weights file or the module contradicts
/// itself, Unsupported where the program cannot be compiled, NotFound or
/// IoError for files, ResourceExhausted for disk and memory. Blocks; uses
/// `options.jobs` threads of its own. One compilation a context at a time.
runtime::Status compileModule(mlir::ModuleOp module,
                              const CompileOptions &options,
                              const std::string &outputPath);

} // namespace lathe

#endif // LATHE_COMPILER_COMPILER_H
