//===- KernelCompiler.cpp - Kernel functions to one image -----------------===//
//
// Each kernel is printed as a module of its own, under one and the same name.
// That text is what a thread parses in its own context, and what the cache is
// asked for: kernels that differ only in their names are compiled once.
//
//===----------------------------------------------------------------------===//

#include "compiler/targets/cpu/KernelCompiler.h"

#include "compiler/targets/cpu/ImageLinker.h"
#include "compiler/targets/cpu/KernelObject.h"
#include "compiler/targets/cpu/ObjectCache.h"
#include "passes/lowering/KernelAbi.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <cstdlib>
#include <thread>

using namespace mlir;
using lathe::runtime::Result;
using lathe::runtime::Status;
using lathe::runtime::StatusCode;

namespace lathe {

namespace {
/// One text to compile, for one or more kernels.
struct Job {
  std::string text;
  /// The first kernel that has it, for messages and dumps.
  std::string name;
  KernelObject object;
  Status status;
  bool fromCache = false;
  KernelSeconds seconds;
};
} // namespace

std::string defaultKernelCacheDir() {
  auto variable = [](const char *name) {
    const char *value = std::getenv(name);
    return std::string(value ? value : "");
  };
  if (std::string dir = variable("LATHE_CACHE_DIR"); !dir.empty())
    return dir + "/kernels";
  if (std::string dir = variable("XDG_CACHE_HOME"); !dir.empty())
    return dir + "/lathe/kernels";
  if (std::string dir = variable("HOME"); !dir.empty())
    return dir + "/.cache/lathe/kernels";
  return "";
}

/// Prints \p kernel as a module of its own, without its name and locations.
static std::string printKernel(func::FuncOp kernel) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc());
  auto copy = cast<func::FuncOp>(kernel->clone());
  copy.setName(kKernelObjectSymbol);
  copy.setPublic();
  module->push_back(copy);
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().useLocalScope());
  return text;
}

/// The path that dumps of \p kernel begin with; empty for none.
static std::string dumpPrefix(const KernelCompileOptions &options,
                              const TargetLevel &level,
                              llvm::StringRef kernel) {
  if (options.dumpDir.empty())
    return "";
  std::string directory = options.dumpDir + "/" + level.name.str();
  if (llvm::sys::fs::create_directories(directory))
    return "";
  return directory + "/" + kernel.str();
}

static void runJob(Job &job, KernelObjectCompiler &compiler,
                   const ObjectCache &cache, const TargetLevel &level,
                   const KernelCompileOptions &options) {
  std::string prefix = dumpPrefix(options, level, job.name);
  std::string key = ObjectCache::key(job.text, level, options.optLevel);
  if (prefix.empty()) {
    if (std::optional<KernelObject> object = cache.load(key)) {
      job.object = std::move(*object);
      job.fromCache = true;
      return;
    }
  } else {
    std::error_code error;
    llvm::raw_fd_ostream(prefix + ".mlir", error) << job.text;
  }
  Result<KernelObject> object = compiler.compile(job.text, prefix);
  job.seconds = compiler.seconds();
  if (!object.isOk()) {
    job.status =
        Status::error(object.status().code(),
                      "kernel " + job.name + ": " + object.status().message());
    return;
  }
  job.object = std::move(*object);
  cache.store(key, job.object);
}

/// Threads for \p jobs.
static size_t threadCount(const std::vector<Job> &jobs,
                          const KernelCompileOptions &options) {
  size_t count = options.jobs
                     ? options.jobs
                     : std::max(1u, std::thread::hardware_concurrency());
  return std::min(count, jobs.size());
}

/// Runs all jobs, each thread with contexts of its own.
static void runJobs(std::vector<Job> &jobs, const ObjectCache &cache,
                    const TargetLevel &level,
                    const KernelCompileOptions &options) {
  std::atomic<size_t> next = 0;
  auto work = [&] {
    std::unique_ptr<KernelObjectCompiler> compiler;
    for (size_t i; (i = next.fetch_add(1)) < jobs.size();) {
      if (!compiler)
        compiler =
            std::make_unique<KernelObjectCompiler>(level, options.optLevel);
      runJob(jobs[i], *compiler, cache, level, options);
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < threadCount(jobs, options); ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
}

/// The support object, from the cache if it is there.
static Result<std::string> supportObject(const ObjectCache &cache,
                                         const TargetLevel &level) {
  std::string key = ObjectCache::key("support", level, /*optLevel=*/3);
  if (std::optional<KernelObject> object = cache.load(key))
    return std::move(object->elf);
  Result<std::string> elf =
      KernelObjectCompiler(level, /*optLevel=*/3).compileSupport();
  if (elf.isOk())
    cache.store(key, KernelObject{*elf, "", 0});
  return elf;
}

/// The map that \p text prints, in \p context.
static AffineMap parseTiles(llvm::StringRef text, MLIRContext *context) {
  std::string attribute = ("affine_map<" + text + ">").str();
  auto map =
      dyn_cast_or_null<AffineMapAttr>(parseAttribute(attribute, context));
  return map ? map.getAffineMap() : AffineMap();
}

/// Adds the step of \p level: what became of \p kernels kernels, and where the
/// time of those that were compiled went.
static void addTiming(const TargetLevel &level, const std::vector<Job> &jobs,
                      size_t kernels, double seconds,
                      const KernelCompileOptions &options) {
  constexpr size_t kSlowest = 5;
  std::vector<const Job *> compiled;
  KernelSeconds sums;
  for (const Job &job : jobs) {
    if (job.fromCache)
      continue;
    compiled.push_back(&job);
    sums.lowering += job.seconds.lowering;
    sums.optimising += job.seconds.optimising;
    sums.emitting += job.seconds.emitting;
  }
  options.timing->addStep(
      "code of " + level.name.str(), seconds,
      std::to_string(kernels) + " kernels: " + std::to_string(compiled.size()) +
          " compiled, " + std::to_string(jobs.size() - compiled.size()) +
          " from the cache, " + std::to_string(kernels - jobs.size()) +
          " equal to another; threads: " +
          std::to_string(threadCount(jobs, options)));
  if (compiled.empty())
    return;
  options.timing->addPart("lowering", sums.lowering);
  options.timing->addPart("LLVM's passes", sums.optimising);
  options.timing->addPart("instruction selection", sums.emitting);
  llvm::sort(compiled, [](const Job *a, const Job *b) {
    return a->seconds.sum() > b->seconds.sum();
  });
  for (const Job *job : llvm::ArrayRef(compiled).take_front(kSlowest))
    options.timing->addPart("kernel " + job->name, job->seconds.sum());
}

Result<KernelImage> compileKernels(ModuleOp module, const TargetLevel &level,
                                   const KernelCompileOptions &options) {
  StopWatch watch;
  std::vector<Job> jobs;
  llvm::StringMap<size_t> jobOfText;
  std::vector<std::pair<std::string, size_t>> kernels; // name, job
  module.walk([&](func::FuncOp kernel) {
    if (!kernel->hasAttr(kKernelAttr))
      return;
    std::string text = printKernel(kernel);
    auto [entry, isNew] = jobOfText.try_emplace(text, jobs.size());
    if (isNew)
      jobs.push_back(
          {text, kernel.getName().str(), {}, Status::ok(), false, {}});
    kernels.emplace_back(kernel.getName().str(), entry->second);
  });

  std::string directory =
      options.cacheDir.empty() ? defaultKernelCacheDir() : options.cacheDir;
  ObjectCache cache(options.useCache ? directory : "");
  runJobs(jobs, cache, level, options);
  KernelImage image;
  for (Job &job : jobs) {
    LATHE_RETURN_IF_ERROR(std::move(job.status));
    image.cacheHits += job.fromCache;
  }

  Result<std::string> support = supportObject(cache, level);
  if (!support.isOk())
    return support.takeStatus();
  std::vector<LinkInput> inputs;
  for (const auto &[name, job] : kernels)
    inputs.push_back({name, jobs[job].object.elf});
  inputs.push_back({"", *support});
  Result<std::string> elf = linkImage(inputs, level);
  if (!elf.isOk())
    return elf.takeStatus();
  image.elf = std::move(*elf);

  for (const auto &[name, job] : kernels) {
    AffineMap tiles = parseTiles(jobs[job].object.tiles, module.getContext());
    if (!tiles)
      return Status::error(StatusCode::Unsupported,
                           "kernel " + name + ": has no tiles");
    image.kernels.push_back({name, tiles, jobs[job].object.scratchBytes});
  }
  if (options.timing)
    addTiming(level, jobs, kernels.size(), watch.seconds(), options);
  return image;
}

} // namespace lathe
