//===- AssignSchedules.cpp - The table of schedules -----------------------===//
//
// Register tiles: rows x columns accumulators, the vectors of a step's weights
// and one broadcast activation must fit the registers of the level (32 of 16
// lanes, 16 of 8, 32 of 4) without a spill.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/lathe/Lathe.h"
#include "passes/lowering/KernelAbi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

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
};

constexpr LevelRow kLevels[] = {
    {"x86-64-v3", 6, 16, 8, false},           // 12 + 2 + 1 of 16
    {"x86-64-v4", 8, 32, 16, false},          // 16 + 2 + 1 of 32
    {"x86-64-v4-vnni-bf16", 8, 32, 16, true}, // the same
    {"aarch64", 6, 16, 4, false},             // 24 + 4 + 1 of 32
};

/// Bytes of activations that one tile of a launch reads again for each panel:
/// a quarter of the smallest second-level cache in use (1 MiB), so that a panel
/// and what others bring stay beside them.
constexpr int64_t kActivationBytes = 256 * 1024;

/// Rows of a tile at most, so that there are tiles for all workers.
constexpr int64_t kMostRows = 128;

/// Panels of a tile: two, so that a single row has chains enough to hide the
/// latency of an fma.
constexpr int64_t kPanels = 2;

/// The schedule of a kernel rooted in \p linear.
ScheduleAttr contractionSchedule(LinearOp linear, const LevelRow &row) {
  RankedTensorType input = linear.getInput().getType();
  int64_t terms = input.getDimSize(1);
  auto packing =
      dyn_cast_or_null<PackedAttr>(linear.getWeight().getType().getEncoding());
  // Decoded weights pass by a chunk of terms at a time.
  if (packing && packing.getQuant())
    terms = std::min<int64_t>(terms, 256);
  int64_t rowBytes = terms * input.getElementTypeBitWidth() / 8;
  int64_t tiles = kActivationBytes / std::max<int64_t>(rowBytes, 1) / row.rows;
  int64_t block =
      row.rows * std::clamp<int64_t>(tiles, 1, kMostRows / row.rows);
  bool isBf16 = input.getElementType().isBF16() &&
                linear.getWeight().getType().getElementType().isBF16();
  return ScheduleAttr::get(
      linear.getContext(), row.rows, row.columns, block, kPanels, row.vector,
      isBf16 && row.hasBf16Dot ? DotKind::Bf16 : DotKind::Fma);
}

/// The schedule of any other kernel: rows are handed out a few at a time.
ScheduleAttr rowSchedule(MLIRContext *context, const LevelRow &row) {
  return ScheduleAttr::get(context, row.rows, row.columns, /*row_block=*/16,
                           /*panels=*/1, row.vector, DotKind::Fma);
}

/// The schedule of attention: each tile transposes the keys that it needs,
/// which must be shared by enough rows.
ScheduleAttr attentionSchedule(MLIRContext *context, const LevelRow &row) {
  return ScheduleAttr::get(context, row.rows, row.columns, /*row_block=*/64,
                           /*panels=*/1, row.vector, DotKind::Fma);
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
          schedule = attentionSchedule(&getContext(), *row);
      });
      kernel.walk([&](LinearOp linear) {
        schedule = contractionSchedule(linear, *row);
      });
      kernel->setAttr(kScheduleAttr, schedule);
    });
  }
};

} // namespace
} // namespace lathe
