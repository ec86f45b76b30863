//===- KernelTuner.h - Looks for the best schedules by running --*- C++ -*-===//
//
// For each kind of kernel (passes/lowering/ScheduleKeys.h), the heaviest first:
// the tile of the launch is varied, then the register tile; each time the
// schedules that the model likes best are compiled and timed in turn, and those
// that fall behind are dropped. What the model chose stays unless another is
// clearly faster, and that once more in a race of two.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_KERNELTUNER_H
#define LATHE_COMPILER_TUNE_KERNELTUNER_H

#include "compiler/targets/cpu/KernelCompiler.h"
#include "runtime/formats/ScheduleFile.h"

#include "mlir/IR/BuiltinOps.h"

namespace lathe {

struct TuneReport {
  /// Of each kernel that was timed to the end.
  runtime::ScheduleFile::Level schedules;
  size_t improved = 0; ///< Of those: other than the model's choice.
  /// Kinds that the time was too short for, or that cannot be run alone.
  size_t left = 0;
};

/// Times schedules of the kernels of \p module, planned, that are not in
/// \p known, for about \p seconds: a kind that was begun is finished, and one
/// is where \p seconds is above 0. \p level is this machine's; launches use as
/// many threads as the runtime would.
///
/// Fails as compileKernels does, and with ResourceExhausted.
runtime::Result<TuneReport>
tuneKernels(mlir::ModuleOp module, const TargetLevel &level,
            const runtime::ScheduleFile::Level &known, double seconds,
            const KernelCompileOptions &options);

} // namespace lathe

#endif // LATHE_COMPILER_TUNE_KERNELTUNER_H
