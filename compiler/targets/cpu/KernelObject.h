//===- KernelObject.h - One kernel as text to a relocatable object --------===//
#ifndef LATHE_COMPILER_TARGETS_CPU_KERNELOBJECT_H
#define LATHE_COMPILER_TARGETS_CPU_KERNELOBJECT_H

#include "compiler/targets/cpu/Target.h"
#include "runtime/Status.h"

#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>

namespace llvm {
class Module;
}

namespace lathe {

/// Name of the function in the text and in the object of a kernel, whatever
/// its name in the image: so that equal kernels are equal objects.
inline constexpr llvm::StringLiteral kKernelObjectSymbol = "lathe_kernel";

/// A compiled kernel, as the cache stores it.
struct KernelObject {
  /// A relocatable ELF object that defines kKernelObjectSymbol.
  std::string elf;
  /// The printed affine map of the tiles.
  std::string tiles;
  int64_t scratchBytes = 0;
};

/// How long a kernel's stages took, in seconds.
struct KernelSeconds {
  double lowering = 0;   ///< From lathe to the llvm dialect, by our passes.
  double optimising = 0; ///< LLVM's passes.
  double emitting = 0;   ///< Instruction selection to the object.

  double sum() const { return lowering + optimising + emitting; }
};

/// Turns kernels into objects. One for each thread: it owns an MLIR context.
class KernelObjectCompiler {
public:
  KernelObjectCompiler(const TargetLevel &level, int optLevel);
  ~KernelObjectCompiler();

  /// Compiles \p text, a module that holds one kernel function called
  /// kKernelObjectSymbol. \p dumpPrefix, unless empty, is the path to which
  /// `.lowered.mlir`, `.ll` and `.s` are added for dumps.
  /// Errors: Unsupported, with MLIR's diagnostics.
  runtime::Result<KernelObject> compile(llvm::StringRef text,
                                        llvm::StringRef dumpPrefix);

  /// Those of the last compile().
  const KernelSeconds &seconds() const;

  /// The memory functions that LLVM may call from any kernel (memcpy, memmove,
  /// memset, memcmp), hidden, as an object.
  runtime::Result<std::string> compileSupport();

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CPU_KERNELOBJECT_H
