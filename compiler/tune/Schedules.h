//===- Schedules.h - Schedules from files and onto kernels ------*- C++ -*-===//
#ifndef LATHE_COMPILER_TUNE_SCHEDULES_H
#define LATHE_COMPILER_TUNE_SCHEDULES_H

#include "dialects/lathe/Lathe.h"
#include "runtime/Status.h"
#include "runtime/formats/ScheduleFile.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace lathe {

/// The numbers of \p schedule, as a file has them.
runtime::KernelTiling tilingOf(ScheduleAttr schedule);

/// Gives the kernels of \p kernels that \p schedules names their schedules for
/// \p level, in place of those that they have. \p path is of the file, for
/// messages. Returns how many kernels got one.
///
/// Fails with InvalidFile where a kernel cannot have its schedule, naming file
/// and field; kernels may then have some of them.
runtime::Result<size_t>
applySchedules(mlir::ModuleOp kernels, llvm::StringRef level,
               const runtime::ScheduleFile::Level &schedules,
               const std::string &path);

/// Removes from \p schedules those that one of \p kernels cannot have for
/// \p level.
void dropUnfit(mlir::ModuleOp kernels, llvm::StringRef level,
               runtime::ScheduleFile::Level &schedules);

/// Removes all schedules from \p kernels.
void clearSchedules(mlir::ModuleOp kernels);

/// The schedules that \p kernels have or will be given for \p level, of all
/// kernels that a file can name.
runtime::ScheduleFile::Level schedulesOf(mlir::ModuleOp kernels,
                                         llvm::StringRef level);

} // namespace lathe

#endif // LATHE_COMPILER_TUNE_SCHEDULES_H
