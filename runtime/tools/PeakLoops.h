//===- PeakLoops.h - The most multiply-adds of a level ----------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TOOLS_PEAKLOOPS_H
#define LATHE_RUNTIME_TOOLS_PEAKLOOPS_H

#include "runtime/include/lathe.h"

#include <cstdint>
#include <string_view>

namespace lathe::tools {

/// A loop of multiply-adds whose operands are in registers, about a third of a
/// millisecond long, so that some of its runs fall between what else runs on a
/// busy machine.
struct PeakLoop {
  /// Multiplies vectors whose 32-bit lanes hold \p word.
  void (*run)(uint32_t word) = nullptr;
  /// Operations of a run, 2 a multiply-add.
  double operations = 0;
};

/// The loop of the fastest instructions that kernels of the level \p target
/// multiply with. Its `run` is null where the level has none for \p arithmetic:
/// kernels then widen to f32.
PeakLoop peakLoopOf(std::string_view target, lathe_arithmetic_t arithmetic);

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_PEAKLOOPS_H
