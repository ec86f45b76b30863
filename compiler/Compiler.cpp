//===- Compiler.cpp - From a module to an artifact ------------------------===//

#include "compiler/Compiler.h"

#include "compiler/Pipeline.h"
#include "compiler/Timing.h"
#include "compiler/emit/ArtifactEmitter.h"
#include "compiler/targets/cpu/KernelCompiler.h"
#include "compiler/tune/KernelTuner.h"
#include "compiler/tune/Schedules.h"
#include "compiler/tune/TuneCache.h"
#include "dialects/lathe/Lathe.h"
#include "dialects/rt/Rt.h"
#include "runtime/formats/AtomicFile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <thread>

using namespace mlir;
using namespace lathe;
using runtime::Result;
using runtime::ScheduleFile;
using runtime::Status;
using runtime::StatusCode;

/// Who made an artifact, for its provenance.
static constexpr llvm::StringLiteral kProducer = "lathe 0.1.0";

static StringRef phaseName(Phase phase) {
  switch (phase) {
  case Phase::Import:
    return "import";
  case Phase::Graph:
    return "graph";
  case Phase::Kernels:
    return "kernels";
  case Phase::Plan:
    return "plan";
  case Phase::Rt:
    return "rt";
  case Phase::Artifact:
    return "artifact";
  }
  llvm_unreachable("not a phase");
}

std::optional<Phase> lathe::parsePhase(std::string_view name) {
  for (Phase phase : {Phase::Import, Phase::Graph, Phase::Kernels, Phase::Plan,
                      Phase::Rt, Phase::Artifact})
    if (phaseName(phase) == StringRef(name))
      return phase;
  return std::nullopt;
}

void lathe::registerCompilerDialects(DialectRegistry &registry) {
  registry.insert<arith::ArithDialect, func::FuncDialect, math::MathDialect,
                  tensor::TensorDialect, LatheDialect, rt::RtDialect>();
}

namespace {

/// Keeps the first error of a context while it lives, and passes all on.
class FirstError {
public:
  explicit FirstError(MLIRContext *context)
      : handler(context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error &&
              text.empty())
            text = toText(diagnostic);
          return failure();
        }) {}

  std::string text;

private:
  static std::string toText(Diagnostic &diagnostic) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    if (auto file = dyn_cast<FileLineColLoc>(diagnostic.getLocation()))
      stream << file.getFilename().getValue() << ":" << file.getLine() << ":"
             << file.getColumn() << ": ";
    stream << diagnostic;
    return text;
  }

  ScopedDiagnosticHandler handler;
};

/// One compilation.
class Compilation {
public:
  Compilation(ModuleOp module, const CompileOptions &options,
              const std::string &outputPath)
      : module(module), options(options), outputPath(outputPath),
        firstError(module.getContext()) {}

  Status run();

private:
  Status runPasses(StringRef step,
                   llvm::function_ref<void(OpPassManager &)> build);
  Status limitTokens();
  Status findTargets();
  Status readSchedules();
  Status assignSchedules(ModuleOp kernels, const TargetLevel &level,
                         const KernelCompileOptions &kernelOptions);
  Result<ScheduleFile::Level> tune(const TargetLevel &level,
                                   const TuneCache &cache,
                                   KernelCompileOptions kernelOptions);
  Status compileTargets();
  Status addCode(const TargetLevel &level, const KernelImage &image);
  Status finishRt();
  Status endPhase(Phase phase, bool &isLast);
  Status writeText(const std::string &path);

  ModuleOp module;
  const CompileOptions &options;
  const std::string &outputPath;
  FirstError firstError;
  SmallVector<const TargetLevel *> targets;
  ScheduleFile schedules; ///< The user's.
  std::vector<TargetImage> images;
};

/// Runs the passes of \p step, as `--timing` calls it.
Status Compilation::runPasses(StringRef step,
                              llvm::function_ref<void(OpPassManager &)> build) {
  StopWatch watch;
  PassManager pm(module->getName());
  build(pm);
  if (failed(pm.run(module)))
    return Status::error(StatusCode::Unsupported, firstError.text);
  if (options.timing)
    options.timing->addStep(step.str(), watch.seconds());
  return Status::ok();
}

Status Compilation::limitTokens() {
  if (!options.maxTokens)
    return Status::ok();
  if (*options.maxTokens < 1)
    return Status::error(StatusCode::InvalidArgument,
                         "--max-tokens: expected at least 1, got " +
                             std::to_string(*options.maxTokens));
  for (auto symbol : module.getOps<lathe::SymbolOp>())
    if (!symbol.getFixedAtLoad() &&
        *options.maxTokens >= static_cast<int64_t>(symbol.getMinimum()))
      symbol.setMaximum(*options.maxTokens);
  return Status::ok();
}

Status Compilation::findTargets() {
  for (const std::string &name : options.targets) {
    const TargetLevel *level =
        name == "host" ? hostLevel() : findTargetLevel(name);
    if (!level)
      return Status::error(StatusCode::InvalidArgument,
                           "--target: no target is called '" + name + "'");
    if (!llvm::is_contained(targets, level))
      targets.push_back(level);
  }
  if (!targets.empty())
    return Status::ok();
  if (!hostLevel())
    return Status::error(StatusCode::Unsupported,
                         "--target: this machine is below every level that "
                         "can be compiled for (name one)");
  targets.push_back(hostLevel());
  return Status::ok();
}

/// Reads the user's schedules, and refuses what cannot be had of schedules.
Status Compilation::readSchedules() {
  bool isTuned = options.tuneSeconds.has_value();
  StringRef flag = isTuned ? "--tune" : "--schedules";
  if (options.optLevel == 0 && (isTuned || !options.schedulesPath.empty()))
    return Status::error(StatusCode::InvalidArgument,
                         flag.str() + ": -O0 has no schedules");
  if (isTuned && !llvm::is_contained(targets, hostLevel()))
    return Status::error(
        StatusCode::InvalidArgument,
        "--tune: this machine's level is not among the targets (add host)");
  if (options.schedulesPath.empty())
    return Status::ok();
  Result<ScheduleFile> file = ScheduleFile::read(options.schedulesPath);
  if (!file.isOk())
    return file.takeStatus();
  for (const auto &[name, level] : file->levels)
    if (!findTargetLevel(name))
      return Status::error(StatusCode::InvalidFile,
                           options.schedulesPath + ": levels." + name +
                               ": no target is called so");
  schedules = std::move(*file);
  return Status::ok();
}

/// What is known of this machine, and what can be found out about it.
Result<ScheduleFile::Level>
Compilation::tune(const TargetLevel &level, const TuneCache &cache,
                  KernelCompileOptions kernelOptions) {
  Result<ScheduleFile::Level> loaded = cache.load();
  if (!loaded.isOk())
    emitWarning(module.getLoc())
        << loaded.status().message() << "; measures without it";
  ScheduleFile::Level known =
      loaded.isOk() ? std::move(*loaded) : ScheduleFile::Level();
  // What another version of the compiler found need not fit this one's kernels.
  dropUnfit(module.lookupSymbol<ModuleOp>(rt::kKernelsModule), level.name,
            known);
  kernelOptions.dumpDir.clear();
  // Variants of kernels are no rows of the table; the search is one.
  kernelOptions.timing = nullptr;
  StopWatch watch;
  Result<TuneReport> report =
      tuneKernels(module, level, known,
                  static_cast<double>(*options.tuneSeconds), kernelOptions);
  if (!report.isOk())
    return report.takeStatus();
  if (options.timing)
    options.timing->addStep("tune", watch.seconds());
  LATHE_RETURN_IF_ERROR(cache.add(report->schedules));
  emitRemark(module.getLoc(), "tuned ")
      << report->schedules.size() << " kinds of kernels, " << report->improved
      << " of them to other schedules, " << report->left
      << " left; the results are in " << cache.path();
  known.merge(report->schedules);
  return known;
}

/// Gives \p kernels the schedules for \p level that were measured, and those of
/// the user before them.
Status Compilation::assignSchedules(ModuleOp kernels, const TargetLevel &level,
                                    const KernelCompileOptions &kernelOptions) {
  if (options.tuneSeconds && &level == hostLevel()) {
    TuneCache cache(options.cacheDir.empty() ? defaultKernelCacheDir()
                                             : options.cacheDir,
                    level.name);
    Result<ScheduleFile::Level> tuned = tune(level, cache, kernelOptions);
    if (!tuned.isOk())
      return tuned.takeStatus();
    Result<size_t> count =
        applySchedules(kernels, level.name, *tuned, cache.path());
    if (!count.isOk())
      return count.takeStatus();
  }
  if (auto own = schedules.levels.find(level.name.str());
      own != schedules.levels.end()) {
    Result<size_t> count =
        applySchedules(kernels, level.name, own->second, options.schedulesPath);
    if (!count.isOk())
      return count.takeStatus();
    if (*count == 0)
      emitWarning(module.getLoc())
          << options.schedulesPath << ": levels." << level.name
          << ": names no kernel of this model";
  }
  if (options.dumpDir.empty() || options.optLevel == 0)
    return Status::ok();
  ScheduleFile all;
  all.levels[level.name.str()] = schedulesOf(kernels, level.name);
  std::string folder = options.dumpDir + "/" + level.name.str();
  if (std::error_code error = llvm::sys::fs::create_directories(folder))
    return Status::error(StatusCode::IoError, folder + ": " + error.message());
  return runtime::writeFile(folder + "/schedules.json", all.toText());
}

/// Writes the module as text, whole or not at all; "-" is standard output.
Status Compilation::writeText(const std::string &path) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  stream << "\n";
  if (path != "-")
    return runtime::writeFile(path, text);
  llvm::outs() << text;
  llvm::outs().flush();
  return Status::ok();
}

Status Compilation::endPhase(Phase phase, bool &isLast) {
  isLast = phase == options.compileTo;
  if (!options.dumpDir.empty()) {
    std::string name = std::to_string(static_cast<int>(phase) + 1) + "-" +
                       phaseName(phase).str() + ".mlir";
    LATHE_RETURN_IF_ERROR(writeText(options.dumpDir + "/" + name));
  }
  return isLast ? writeText(outputPath) : Status::ok();
}

Status Compilation::compileTargets() {
  auto kernels = module.lookupSymbol<ModuleOp>(rt::kKernelsModule);
  KernelCompileOptions kernelOptions;
  kernelOptions.optLevel = options.optLevel;
  kernelOptions.jobs = options.jobs;
  kernelOptions.cacheDir = options.cacheDir;
  kernelOptions.dumpDir = options.dumpDir;
  kernelOptions.timing = options.timing;
  for (const TargetLevel *level : targets) {
    LATHE_RETURN_IF_ERROR(assignSchedules(kernels, *level, kernelOptions));
    Result<KernelImage> image = compileKernels(kernels, *level, kernelOptions);
    if (!image.isOk())
      return image.takeStatus();
    clearSchedules(kernels);
    LATHE_RETURN_IF_ERROR(addCode(*level, *image));
    images.push_back({level->name.str(), std::move(image->elf)});
  }
  kernels.erase();
  return Status::ok();
}

/// Adds what the planner could not know of the kernels to the rt dialect.
Status Compilation::addCode(const TargetLevel &level,
                            const KernelImage &image) {
  SmallVector<StringAttr> symbols;
  Operation *lastSymbol = nullptr;
  for (auto symbol : module.getOps<rt::SymbolOp>()) {
    symbols.push_back(symbol.getSymNameAttr());
    lastSymbol = symbol;
  }
  OpBuilder builder(module.getContext());
  if (lastSymbol)
    builder.setInsertionPointAfter(lastSymbol);
  else
    builder.setInsertionPointToStart(module.getBody());
  rt::TargetOp::create(builder, module.getLoc(), level.name);

  SymbolTable table(module);
  for (const CompiledKernel &compiled : image.kernels) {
    auto kernel = table.lookup<rt::KernelOp>(compiled.name);
    // From the kernel's own symbols to those of the program.
    SmallVector<AffineExpr> exprs;
    for (auto scalar : kernel.getScalars().getAsRange<FlatSymbolRefAttr>())
      exprs.push_back(builder.getAffineSymbolExpr(
          llvm::find(symbols, scalar.getAttr()) - symbols.begin()));
    AffineExpr tiles = compiled.tiles.getResult(0).replaceSymbols(exprs);
    builder.setInsertionPointToEnd(&kernel.getBody().front());
    rt::CodeOp::create(builder, kernel.getLoc(), level.name,
                       AffineMap::get(0, symbols.size(), tiles),
                       compiled.scratchBytes);
  }
  return Status::ok();
}

Status Compilation::finishRt() {
  for (auto provenance : module.getOps<rt::ProvenanceOp>()) {
    provenance.setProducer(kProducer);
    provenance.setSource(options.source);
    provenance.setOptions(options.optionsText);
  }
  return runPasses("rt", buildRtPasses);
}

Status Compilation::run() {
  LATHE_RETURN_IF_ERROR(findTargets());
  LATHE_RETURN_IF_ERROR(readSchedules());
  LATHE_RETURN_IF_ERROR(limitTokens());
  if (!options.dumpDir.empty())
    if (std::error_code error =
            llvm::sys::fs::create_directories(options.dumpDir))
      return Status::error(StatusCode::IoError,
                           options.dumpDir + ": " + error.message());

  bool isLast = false;
  LATHE_RETURN_IF_ERROR(runPasses("check", buildImportPasses));
  LATHE_RETURN_IF_ERROR(endPhase(Phase::Import, isLast));
  if (isLast)
    return Status::ok();

  LATHE_RETURN_IF_ERROR(runPasses("graph", [&](OpPassManager &pm) {
    buildGraphPasses(pm, options.optLevel, options.precision);
  }));
  LATHE_RETURN_IF_ERROR(endPhase(Phase::Graph, isLast));
  if (isLast)
    return Status::ok();

  LATHE_RETURN_IF_ERROR(runPasses("kernels", [&](OpPassManager &pm) {
    buildKernelPasses(pm, options.optLevel);
  }));
  LATHE_RETURN_IF_ERROR(endPhase(Phase::Kernels, isLast));
  if (isLast)
    return Status::ok();

  LATHE_RETURN_IF_ERROR(runPasses("plan", buildPlanPasses));
  LATHE_RETURN_IF_ERROR(endPhase(Phase::Plan, isLast));
  if (isLast)
    return Status::ok();

  LATHE_RETURN_IF_ERROR(compileTargets());
  LATHE_RETURN_IF_ERROR(finishRt());
  LATHE_RETURN_IF_ERROR(endPhase(Phase::Rt, isLast));
  if (isLast)
    return Status::ok();

  ArtifactParts parts{images, options.tokenizerTables};
  parts.threads = options.jobs
                      ? options.jobs
                      : std::max(1u, std::thread::hardware_concurrency());
  parts.timing = options.timing;
  auto weightsModule = module.lookupSymbol<ModuleOp>(rt::kWeightsModule);
  WeightEvaluator weights(weightsModule, options.moduleDirectory,
                          options.modulePath, options.moduleSymlinks);
  return emitArtifact(module, parts, weights, outputPath);
}

} // namespace

Status lathe::compileModule(ModuleOp module, const CompileOptions &options,
                            const std::string &outputPath) {
  return Compilation(module, options, outputPath).run();
}
