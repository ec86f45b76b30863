//===- Schedules.cpp - Schedules from files and onto kernels --------------===//

#include "compiler/tune/Schedules.h"

#include "passes/lowering/AssignSchedules.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/ScheduleKeys.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using lathe::runtime::KernelTiling;
using lathe::runtime::Result;
using lathe::runtime::ScheduleFile;
using lathe::runtime::Status;
using lathe::runtime::StatusCode;

namespace lathe {

KernelTiling tilingOf(ScheduleAttr schedule) {
  return {schedule.getRows(), schedule.getColumns(), schedule.getRowBlock(),
          schedule.getPanels(), schedule.getVector()};
}

/// \p tiling for \p kernel. How products are added is never a file's to say: it
/// is what the level's own schedule has.
static ScheduleAttr scheduleOf(func::FuncOp kernel, const KernelTiling &tiling,
                               StringRef level) {
  return ScheduleAttr::get(kernel.getContext(), tiling.rows, tiling.columns,
                           tiling.rowBlock, tiling.panels, tiling.vector,
                           chooseSchedule(kernel, level).getDot());
}

Result<size_t> applySchedules(ModuleOp kernels, StringRef level,
                              const ScheduleFile::Level &schedules,
                              const std::string &path) {
  size_t count = 0;
  for (auto kernel : kernels.getOps<func::FuncOp>()) {
    std::optional<std::string> key = scheduleKeyOf(kernel);
    auto found = key ? schedules.find(*key) : schedules.end();
    if (found == schedules.end())
      continue;
    ScheduleAttr schedule = scheduleOf(kernel, found->second, level);
    if (std::optional<ScheduleProblem> problem =
            checkSchedule(kernel, schedule, level))
      return Status::error(StatusCode::InvalidFile,
                           path + ": levels." + level.str() + "." + *key + "." +
                               problem->field.str() + ": " + problem->message);
    kernel->setAttr(kScheduleAttr, schedule);
    ++count;
  }
  return count;
}

void dropUnfit(ModuleOp kernels, StringRef level,
               ScheduleFile::Level &schedules) {
  for (auto kernel : kernels.getOps<func::FuncOp>()) {
    std::optional<std::string> key = scheduleKeyOf(kernel);
    auto found = key ? schedules.find(*key) : schedules.end();
    if (found != schedules.end() &&
        checkSchedule(kernel, scheduleOf(kernel, found->second, level), level))
      schedules.erase(found);
  }
}

void clearSchedules(ModuleOp kernels) {
  for (auto kernel : kernels.getOps<func::FuncOp>())
    kernel->removeAttr(kScheduleAttr);
}

ScheduleFile::Level schedulesOf(ModuleOp kernels, StringRef level) {
  ScheduleFile::Level schedules;
  for (auto kernel : kernels.getOps<func::FuncOp>()) {
    std::optional<std::string> key = scheduleKeyOf(kernel);
    if (!key)
      continue;
    auto schedule = kernel->getAttrOfType<ScheduleAttr>(kScheduleAttr);
    schedules[*key] =
        tilingOf(schedule ? schedule : chooseSchedule(kernel, level));
  }
  return schedules;
}

} // namespace lathe
