//===- ScheduleKeys.h - What names a kernel to its users --------*- C++ -*-===//
#ifndef LATHE_PASSES_LOWERING_SCHEDULEKEYS_H
#define LATHE_PASSES_LOWERING_SCHEDULEKEYS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>
#include <string>

namespace lathe {

/// What \p kernel, outlined and not lowered, computes, in words that say what
/// its best schedule depends on:
///
///     linear 2048x768, weight si4:32:f16, input si8:32:f32, few rows, gated
///     attention 12 heads of 64, 4 key heads, f32, cached si8:64:f32
///
/// A quantised type is its quantum, its group and the type of its scales. The
/// same on every machine and at every level, and stable while the dialect is.
/// None where there is no linear layer on a packed weight and no attention:
/// other kernels have no schedule worth a choice.
std::optional<std::string> scheduleKeyOf(mlir::func::FuncOp kernel);

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_SCHEDULEKEYS_H
