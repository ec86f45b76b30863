//===- AssignSchedules.cpp - The table of schedules -----------------------===//
//
// Register tiles: rows x columns accumulators, the vectors of a step's weights
// and one broadcast activation must fit the registers of the level (32 of 16
// lanes, 16 of 8, 32 of 4) without a spill.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/QuantRows.h"
#include "passes/lowering/Contraction.h"
#include "passes/lowering/KernelAbi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <numeric>

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_ASSIGNSCHEDULES
#include "passes/Passes.h.inc"

namespace {

/// What a level asks of every kernel.
struct LevelRow {
  StringLiteral level;
  int64_t rows, columns, vector;
  bool hasBf16Dot;
  /// How it multiplies bytes, and on how many rows: where both sides have
  /// groups, each sum has an accumulator of integers beside that of floats.
  DotKind bytesDot;
  int64_t bytesRows, groupedRows;
};

constexpr LevelRow kLevels[] = {
    // 12 + 2 + 1 of 16 registers; bytes: 8 + 4 + 2, 4 + 4 + 4 + 2
    {"x86-64-v3", 6, 16, 8, false, DotKind::Madd, 4, 2},
    // 16 + 2 + 1 of 32; bytes: 12 + 4 + 2, 8 + 8 + 4 + 2
    {"x86-64-v4", 8, 32, 16, false, DotKind::Madd, 6, 4},
    // the same; bytes: 16 + 2, 12 + 12 + 2
    {"x86-64-v4-vnni-bf16", 8, 32, 16, true, DotKind::Vnni, 8, 6},
    // 24 + 4 + 1 of 32; bytes: 16 + 4 + 1, 8 + 8 + 8 + 1
    {"aarch64", 6, 16, 4, false, DotKind::Sdot, 4, 2},
};

/// Rows of a tile of the launch: enough to read their panel from the nearest
/// caches, few enough that there are tiles for all workers. Decoding the panel
/// takes as long as two rows do, so there are more to share it.
constexpr int64_t kRowBlock = 64, kDecodedRowBlock = 128;

/// Panels of a tile of the launch. With few rows two, so that a single row has
/// chains enough to hide the latency of an fma, unless there are so few that
/// one worker would be left with much more than the others; whole heads where
/// \p kernel makes them.
int64_t panelsOf(func::FuncOp kernel, LinearOp linear) {
  constexpr int64_t kFewPanels = 48;
  RankedTensorType weight = linear.getWeight().getType();
  auto packing = dyn_cast_or_null<PackedAttr>(weight.getEncoding());
  int64_t columns = packing ? packing.getColumns() : 32;
  bool isWide = isForFewRows(kernel, linear) &&
                llvm::divideCeil(weight.getDimSize(0), columns) >= kFewPanels;
  int64_t head = std::max<int64_t>(headSizeOf(kernel), 1);
  return std::lcm(head, isWide ? 2 * columns : columns) / columns;
}

/// The schedule of \p kernel, rooted in \p linear.
ScheduleAttr contractionSchedule(func::FuncOp kernel, LinearOp linear,
                                 const LevelRow &row) {
  RankedTensorType input = linear.getInput().getType();
  RankedTensorType weight = linear.getWeight().getType();
  auto packing = dyn_cast_or_null<PackedAttr>(weight.getEncoding());
  int64_t rows = row.rows, block = kRowBlock;
  bool isBf16 =
      input.getElementType().isBF16() && weight.getElementType().isBF16();
  DotKind dot = isBf16 && row.hasBf16Dot ? DotKind::Bf16 : DotKind::Fma;
  if (QuantAttr quant = rowQuantOf(input)) {
    rows = quant.getGroup() == 32 ? row.groupedRows : row.bytesRows;
    dot = row.bytesDot;
  } else if (packing && packing.getQuant()) {
    block = kDecodedRowBlock;
  }
  // All of few rows, so that what is computed first is computed once.
  if (isForFewRows(kernel, linear))
    block = kFewRows;
  return ScheduleAttr::get(linear.getContext(), rows, row.columns,
                           llvm::alignTo(block, rows), panelsOf(kernel, linear),
                           row.vector, dot);
}

/// The schedule of any other kernel: rows are handed out a few at a time.
ScheduleAttr rowSchedule(MLIRContext *context, const LevelRow &row) {
  return ScheduleAttr::get(context, row.rows, row.columns, /*row_block=*/16,
                           /*panels=*/1, row.vector, DotKind::Fma);
}

/// Whether \p attention may multiply pairs: all that it multiplies is bf16, and
/// whole pairs make a head.
bool multipliesBf16(Operation *attention) {
  auto query = cast<RankedTensorType>(attention->getOperand(0).getType());
  return query.getDimSize(2) % 2 == 0 &&
         llvm::all_of(attention->getOperands().take_front(3), [](Value value) {
           return getElementTypeOrSelf(value.getType()).isBF16();
         });
}

/// The schedule of \p attention: each tile transposes the keys that it needs,
/// which must be shared by enough rows.
ScheduleAttr attentionSchedule(Operation *attention, const LevelRow &row) {
  bool addsPairs = row.hasBf16Dot && multipliesBf16(attention);
  return ScheduleAttr::get(attention->getContext(), row.rows, row.columns,
                           /*row_block=*/128, /*panels=*/1, row.vector,
                           addsPairs ? DotKind::Bf16 : DotKind::Fma);
}

struct AssignSchedules : impl::AssignSchedulesBase<AssignSchedules> {
  using AssignSchedulesBase::AssignSchedulesBase;

  void runOnOperation() override {
    const LevelRow *row = llvm::find_if(
        kLevels, [&](const LevelRow &row) { return row.level == level; });
    if (row == std::end(kLevels)) {
      getOperation().emitError("expects a level of the schedule table, got '")
          << level << "'";
      return signalPassFailure();
    }
    getOperation().walk([&](func::FuncOp kernel) {
      if (!isUnloweredKernel(kernel) || kernel->hasAttr(kScheduleAttr))
        return;
      ScheduleAttr schedule = rowSchedule(&getContext(), *row);
      kernel.walk([&](Operation *op) {
        if (isa<AttentionOp, CachedAttentionOp>(op))
          schedule = attentionSchedule(op, *row);
      });
      kernel.walk([&](LinearOp linear) {
        schedule = contractionSchedule(kernel, linear, *row);
      });
      kernel->setAttr(kScheduleAttr, schedule);
    });
  }
};

} // namespace
} // namespace lathe
