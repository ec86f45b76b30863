//===- KernelCompiler.h - Kernel functions to one image of machine code ---===//
#ifndef LATHE_COMPILER_TARGETS_CPU_KERNELCOMPILER_H
#define LATHE_COMPILER_TARGETS_CPU_KERNELCOMPILER_H

#include "compiler/Timing.h"
#include "compiler/targets/cpu/Target.h"
#include "runtime/Status.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace lathe {

struct KernelCompileOptions {
  /// 0 builds the slow twin, 1 to 3 the fast kernels.
  int optLevel = 3;
  /// Threads; 0 for as many as the machine has cores.
  unsigned jobs = 0;
  /// False compiles everything anew and leaves the cache alone.
  bool useCache = true;
  /// Where objects are cached; empty for defaultKernelCacheDir().
  std::string cacheDir;
  /// If set, each kernel's stages are written to
  /// `dumpDir/LEVEL/KERNEL.{mlir,lowered.mlir,ll,s}`. Nothing is read from the
  /// cache then.
  std::string dumpDir;
  /// Gets a step for the level; null: nothing is measured.
  TimingTable *timing = nullptr;
};

/// What the planner needs to know of a kernel that has been compiled.
struct CompiledKernel {
  /// Symbol in the image, and of the kernel function in the module.
  std::string name;
  /// Tiles of a launch, over the kernel's `lathe.symbols`: `()[s0, …] -> (n)`.
  mlir::AffineMap tiles;
  /// Bytes of scratch a worker.
  int64_t scratchBytes = 0;
};

struct KernelImage {
  /// An ELF shared object without imports, that exports each kernel under its
  /// name. The same kernels give the same bytes.
  std::string elf;
  /// In the order of the module.
  std::vector<CompiledKernel> kernels;
  /// How many of them came from the cache.
  size_t cacheHits = 0;
};

/// $LATHE_CACHE_DIR/kernels, else $XDG_CACHE_HOME/lathe/kernels, else
/// ~/.cache/lathe/kernels; empty where none of these is set.
std::string defaultKernelCacheDir();

/// Compiles every function of \p module that has `lathe.kernel`, each by
/// itself and in parallel, and links them. The module is only read, from this
/// thread.
///
/// Errors: Unsupported for a kernel that no lowering knows, with the
/// diagnostics as text; Unsupported for machine code that would need an import,
/// named; IoError where temporary files cannot be written. A cache that cannot
/// be read or written is no error.
runtime::Result<KernelImage>
compileKernels(mlir::ModuleOp module, const TargetLevel &level,
               const KernelCompileOptions &options = {});

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CPU_KERNELCOMPILER_H
