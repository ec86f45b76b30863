//===- AssignSchedules.h - Which schedules a kernel may have ----*- C++ -*-===//
//
// For a tuner and for schedules that users write; the pass is in Passes.h.
// Nothing here changes the order of a sum: the instruction that adds products
// comes from the table of levels alone (docs/design.md, 8.3).
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_ASSIGNSCHEDULES_H
#define LATHE_PASSES_LOWERING_ASSIGNSCHEDULES_H

#include "dialects/lathe/Lathe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>
#include <string>

namespace lathe {

/// What is wrong with a schedule: in which of its numbers, by its name in a
/// file of schedules, and what was expected and found.
struct ScheduleProblem {
  llvm::StringRef field;
  std::string message;
};

/// The schedule that the pass gives \p kernel, which is not lowered, for
/// \p level; null where no level has that name.
ScheduleAttr chooseSchedule(mlir::func::FuncOp kernel, llvm::StringRef level);

/// Why \p kernel cannot have \p schedule at \p level, one of the table: it does
/// not fit the registers, the vectors of the level, the heads of the kernel,
/// the panels of attention or the scratch. None where it can. `row_block` is a
/// multiple of `rows`, `columns` of `vector`, and all are above 0.
std::optional<ScheduleProblem> checkSchedule(mlir::func::FuncOp kernel,
                                             ScheduleAttr schedule,
                                             llvm::StringRef level);

/// Schedules beside \p current that \p kernel, with a linear layer or
/// attention, may have at \p level, one of the table, and that differ in the
/// tile of the launch alone, or in the register tile and what follows from it;
/// by the model's estimate, the cheapest first.
llvm::SmallVector<ScheduleAttr> otherLaunchTiles(mlir::func::FuncOp kernel,
                                                 ScheduleAttr current,
                                                 llvm::StringRef level);
llvm::SmallVector<ScheduleAttr> otherRegisterTiles(mlir::func::FuncOp kernel,
                                                   ScheduleAttr current,
                                                   llvm::StringRef level);

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_ASSIGNSCHEDULES_H
