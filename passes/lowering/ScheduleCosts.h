//===- ScheduleCosts.h - What a schedule costs, as an estimate --*- C++ -*-===//
//
// A model of a linear layer's kernel on a core of its level, to choose between
// schedules before anything is compiled; and a rougher one of attention, to say
// which are worth a race. It counts what schedules change: how
// many instructions an accumulated product needs beside itself, chains too few
// for the latency of an fma, weights that are decoded again for each block of
// rows, bytes that come from a farther cache, rows and tiles that do not divide
// evenly. It knows nothing of the machine that compiles.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_SCHEDULECOSTS_H
#define LATHE_PASSES_LOWERING_SCHEDULECOSTS_H

#include "dialects/lathe/Lathe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe {

/// What a schedule of a kernel rooted in a linear layer is chosen for.
struct ContractionWork {
  int64_t columns = 0;      ///< N of the weight, both halves of a gate.
  int64_t depth = 0;        ///< Terms of a sum.
  int64_t panelColumns = 0; ///< Columns of a packed panel.
  int64_t panelBytes = 0;   ///< Of a packed panel.
  int64_t rowBytes = 0;     ///< Of a row of the input.
  int64_t headColumns = 0;  ///< Of a head, where tiles are whole heads; else 0.
  int64_t weightBits = 0;   ///< Of a weight as it is stored, without scales.
  bool isForFewRows = false;
  bool isGated = false;
  bool isDecoded = false; ///< Quantised weights become f32 before they add.
  bool hasGroups = false; ///< Integer sums become floats group by group.
};

/// The work of \p kernel, rooted in \p linear. A weight that is not packed is
/// taken for one of panels of 32 columns.
ContractionWork contractionWorkOf(mlir::func::FuncOp kernel, LinearOp linear);

/// Vector registers that the register tile of \p schedule takes: accumulators
/// (beside them those of integers, where there are groups), the weights of a
/// step and one activation.
int64_t registersOf(const ContractionWork &work, ScheduleAttr schedule);

/// Estimated cycles of a launch on \p rows rows by \p workers cores.
double estimateCycles(const ContractionWork &work, ScheduleAttr schedule,
                      int64_t rows, int64_t workers);

/// Estimated time with \p schedule over that with \p base: the mean over the
/// numbers of rows that the kernel is for (1, 4 and 16, or 128 and 512), on few
/// and on many workers.
double estimateRatio(const ContractionWork &work, ScheduleAttr schedule,
                     ScheduleAttr base);

/// Estimated time of a product of attention with \p schedule, in no unit: what
/// the register tile loads for it, chains too few for the latency of an fma,
/// and its share of making the panels, which all rows of a tile read.
double estimateAttention(ScheduleAttr schedule);

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_SCHEDULECOSTS_H
