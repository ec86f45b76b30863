//===- AssignSchedules.cpp - The table of schedules -----------------------===//
//
// The table has the best schedule of each level for shapes in general, by
// measurement. For the shape of a kernel the model of ScheduleCosts.h looks for
// a better one among its neighbours, and must be sure of it.
//
// Register tiles: rows x columns accumulators, the vectors of a step's weights
// and one broadcast activation must fit the registers of the level (32 of 16
// lanes, 16 of 8, 32 of 4) without a spill.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/AssignSchedules.h"

#include "dialects/lathe/QuantRows.h"
#include "passes/Passes.h"
#include "passes/analysis/KernelRoots.h"
#include "passes/lowering/Contraction.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/ScheduleCosts.h"

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
  /// Rows where weights of 16 bits are widened, which takes two vectors of each
  /// of the columns.
  int64_t narrowRows;
  bool hasBf16Dot;
  /// How it multiplies bytes, and on how many rows: where both sides have
  /// groups, each sum has an accumulator of integers beside that of floats.
  DotKind bytesDot;
  int64_t bytesRows, groupedRows;
  bool hasAmx = false;
};

constexpr LevelRow kLevels[] = {
    // 12 + 2 + 1 of 16 registers; of 16 bits 8 + 4 + 2; bytes: 8 + 4 + 2, 4 + 4
    // + 4 + 2
    {"x86-64-v3", 6, 16, 8, 4, false, DotKind::Madd, 4, 2},
    // 16 + 2 + 1 of 32; bytes: 12 + 4 + 2, 8 + 8 + 4 + 2
    {"x86-64-v4", 8, 32, 16, 8, false, DotKind::Madd, 6, 4},
    // the same; bytes: 16 + 2, 12 + 12 + 2
    {"x86-64-v4-vnni-bf16", 8, 32, 16, 8, true, DotKind::Vnni, 8, 6},
    // the same, but for what goes to tile registers: see amxSchedule
    {"x86-64-v4-amx", 8, 32, 16, 8, true, DotKind::Vnni, 8, 6, /*hasAmx=*/true},
    // 24 + 4 + 1 of 32; of 16 bits 16 + 8 + 2; bytes: 16 + 4 + 1, 8 + 8 + 8 + 1
    {"aarch64", 6, 16, 4, 4, false, DotKind::Sdot, 4, 2},
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

/// Rows and columns of the four of eight tile registers that hold sums: two by
/// two, or of few rows all in a row.
std::pair<int64_t, int64_t> amxTile(bool isForFewRows) {
  return isForFewRows ? std::pair(16, 64) : std::pair(32, 32);
}

/// The schedule of \p kernel where AMX multiplies. None where it does
/// not: for sums of bytes of few rows, whose weights are read only once, it
/// would win nothing; those of bf16 have its order whatever the rows.
ScheduleAttr amxSchedule(func::FuncOp kernel, LinearOp linear) {
  std::optional<DotKind> dot = amxDotOf(linear);
  bool isFew = isForFewRows(kernel, linear);
  if (!dot || (isFew && *dot == DotKind::AmxBytes))
    return {};
  auto [rows, columns] = amxTile(isFew);
  return ScheduleAttr::get(linear.getContext(), rows, columns,
                           /*row_block=*/isFew ? kFewRows : kRowBlock,
                           panelsOf(kernel, linear), /*vector=*/16, *dot);
}

/// The schedule of \p kernel, rooted in \p linear.
ScheduleAttr contractionSchedule(func::FuncOp kernel, LinearOp linear,
                                 const LevelRow &row) {
  if (row.hasAmx)
    if (ScheduleAttr schedule = amxSchedule(kernel, linear))
      return schedule;
  RankedTensorType input = linear.getInput().getType();
  RankedTensorType weight = linear.getWeight().getType();
  auto packing = dyn_cast_or_null<PackedAttr>(weight.getEncoding());
  int64_t rows = row.rows, block = kRowBlock;
  bool isBf16 =
      input.getElementType().isBF16() && weight.getElementType().isBF16();
  DotKind dot = isBf16 && row.hasBf16Dot ? DotKind::Bf16 : DotKind::Fma;
  if (weight.getElementTypeBitWidth() == 16 && dot == DotKind::Fma)
    rows = row.narrowRows;
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
                           /*row_block=*/llvm::alignTo(256, row.rows),
                           /*panels=*/1, row.vector,
                           addsPairs ? DotKind::Bf16 : DotKind::Fma);
}

/// The row of \p level; null for a level that has none.
const LevelRow *findLevel(StringRef level) {
  const LevelRow *row = llvm::find_if(
      kLevels, [&](const LevelRow &row) { return row.level == level; });
  return row == std::end(kLevels) ? nullptr : row;
}

ScheduleAttr scheduleOf(func::FuncOp kernel, const LevelRow &row) {
  if (LinearOp linear = linearOf(kernel))
    return contractionSchedule(kernel, linear, row);
  if (Operation *attention = attentionOf(kernel))
    return attentionSchedule(attention, row);
  return rowSchedule(kernel.getContext(), row);
}

//===----------------------------------------------------------------------===//
// Limits
//===----------------------------------------------------------------------===//

/// Vector registers of a level: AVX2 has half of what the others have.
int64_t registersOf(const LevelRow &row) { return row.vector == 8 ? 16 : 32; }

/// Most rows of a register tile: each height below has code of its own.
constexpr int64_t kMostRows = 16;

/// Columns of a register tile of attention, which reads panels of 32 keys by
/// vectors of 16 numbers at every level.
constexpr int64_t kAttentionColumns[] = {16, 32};

/// Most bytes of scratch for the sums and the computed input of a block.
constexpr int64_t kMostScratch = 16 * 1024 * 1024;

std::string expected(const Twine &what, int64_t got) {
  return ("expected " + what + ", got " + Twine(got)).str();
}

ScheduleProblem registerProblem(const LevelRow &row, int64_t taken) {
  return {"rows", expected("a register tile of at most " +
                               Twine(registersOf(row)) + " registers",
                           taken)};
}

/// That a tile's \p what takes \p bytes of scratch, if they are too many.
std::optional<ScheduleProblem> scratchProblem(StringRef what, int64_t bytes) {
  if (bytes <= kMostScratch)
    return std::nullopt;
  return ScheduleProblem{
      "row_block",
      expected("a tile of at most " + Twine(kMostScratch) + " bytes of " + what,
               bytes)};
}

std::optional<ScheduleProblem> checkContraction(const ContractionWork &work,
                                                ScheduleAttr schedule,
                                                const LevelRow &row) {
  // Half a vector is one too where products are of floats; the layouts and
  // instructions of others are for whole ones.
  int64_t vector = schedule.getVector();
  bool takesHalf = schedule.getDot() == DotKind::Fma && row.vector == 16;
  if (vector != row.vector && (!takesHalf || vector * 2 != row.vector))
    return ScheduleProblem{
        "vector",
        expected(Twine(row.vector) + (takesHalf ? " or half of it" : ""),
                 vector)};
  if (isAmx(schedule.getDot())) {
    auto [rows, columns] = amxTile(work.isForFewRows);
    if (schedule.getRows() != rows)
      return ScheduleProblem{
          "rows", expected(Twine(rows) + ", four tile registers of sums",
                           schedule.getRows())};
    if (schedule.getColumns() != columns)
      return ScheduleProblem{
          "columns", expected(Twine(columns) + ", four tile registers of sums",
                              schedule.getColumns())};
  } else if (int64_t taken = registersOf(work, schedule);
             taken > registersOf(row)) {
    return registerProblem(row, taken);
  }
  int64_t columns = schedule.getPanels() * work.panelColumns;
  if (work.headColumns > 0 && columns % work.headColumns != 0)
    return ScheduleProblem{"panels",
                           expected("panels of " + Twine(work.panelColumns) +
                                        " columns that are whole heads of " +
                                        Twine(work.headColumns),
                                    schedule.getPanels())};
  int64_t bytes = schedule.getRowBlock() *
                  (columns * 4 * (work.isGated ? 2 : 1) + work.rowBytes);
  return scratchProblem("sums and input", bytes);
}

std::optional<ScheduleProblem> checkAttention(Operation *attention,
                                              ScheduleAttr schedule,
                                              const LevelRow &row) {
  if (schedule.getVector() != row.vector)
    return ScheduleProblem{"vector",
                           expected(Twine(row.vector), schedule.getVector())};
  if (!llvm::is_contained(kAttentionColumns, schedule.getColumns()))
    return ScheduleProblem{"columns",
                           expected("16 or 32", schedule.getColumns())};
  if (int64_t taken = registersOf(ContractionWork(), schedule);
      taken > registersOf(row))
    return registerProblem(row, taken);
  if (schedule.getPanels() != 1)
    return ScheduleProblem{"panels", expected("1", schedule.getPanels())};
  // A query and sums, of whole vectors of 16.
  auto query = cast<RankedTensorType>(attention->getOperand(0).getType());
  int64_t bytes =
      schedule.getRowBlock() * llvm::alignTo(query.getDimSize(2), 16) * 8;
  return scratchProblem("queries and sums", bytes);
}

//===----------------------------------------------------------------------===//
// Candidates
//===----------------------------------------------------------------------===//

constexpr int64_t kPanels[] = {1, 2, 3, 4, 6, 8};
constexpr int64_t kOnePanel[] = {1};
/// Blocks of rows of attention, and rows of its register tiles.
constexpr int64_t kAttentionBlocks[] = {64, 128, 256, 512};
constexpr int64_t kAttentionRows[] = {2, 4, 6, 8, 12, 16};

/// Blocks of rows of a linear layer.
ArrayRef<int64_t> blocksOf(bool isForFewRows) {
  static constexpr int64_t kFew[] = {kFewRows}, kMany[] = {32, 64, 128, 256};
  return isForFewRows ? ArrayRef<int64_t>(kFew) : ArrayRef<int64_t>(kMany);
}

/// Every schedule of a linear layer worth a look.
SmallVector<ScheduleAttr> contractionCandidates(const ContractionWork &work,
                                                ScheduleAttr base,
                                                const LevelRow &row) {
  SmallVector<ScheduleAttr> candidates = {base};
  auto add = [&](int64_t rows, int64_t columns, int64_t block, int64_t panels) {
    ScheduleAttr schedule = ScheduleAttr::get(
        base.getContext(), rows, columns, llvm::alignTo(block, rows), panels,
        base.getVector(), base.getDot());
    bool isWide = columns > panels * work.panelColumns;
    if (schedule != base && !isWide && !checkContraction(work, schedule, row))
      candidates.push_back(schedule);
  };
  for (int64_t vectors : {1, 2, 4, 8})
    for (int64_t rows = 1; rows <= kMostRows; ++rows)
      for (int64_t panels : kPanels)
        for (int64_t block : blocksOf(work.isForFewRows))
          add(rows, vectors * base.getVector(), block, panels);
  return candidates;
}

/// How much better a candidate must be by the model's estimate: as much as that
/// may be off, for tiles of the launch and for register tiles, of which it
/// knows less.
constexpr double kSureOfLaunchTile = 0.9, kSureOfRegisterTile = 0.75;

bool hasSameRegisterTile(ScheduleAttr a, ScheduleAttr b) {
  return a.getRows() == b.getRows() && a.getColumns() == b.getColumns();
}

/// The same tile of the launch, up to whole register tiles of \p a.
bool hasSameLaunchTile(ScheduleAttr a, ScheduleAttr b) {
  return a.getPanels() == b.getPanels() &&
         a.getRowBlock() ==
             static_cast<int64_t>(llvm::alignTo(b.getRowBlock(), a.getRows()));
}

/// The best of \p candidates by the model, if it takes less than \p least of
/// the time of \p base.
ScheduleAttr cheapest(const ContractionWork &work, ScheduleAttr base,
                      ArrayRef<ScheduleAttr> candidates, double least) {
  ScheduleAttr best = base;
  for (ScheduleAttr schedule : candidates) {
    double ratio = estimateRatio(work, schedule, base);
    if (ratio >= least)
      continue;
    least = ratio;
    best = schedule;
  }
  return best;
}

/// The schedule of \p kernel: the table's, unless the model is sure of another
/// tile of the launch, and then of another register tile.
ScheduleAttr chooseSchedule(func::FuncOp kernel, const LevelRow &row) {
  ScheduleAttr table = scheduleOf(kernel, row);
  LinearOp linear = linearOf(kernel);
  if (!linear)
    return table;
  ContractionWork work = contractionWorkOf(kernel, linear);
  SmallVector<ScheduleAttr> all = contractionCandidates(work, table, row);
  auto among = [&](bool (*isLike)(ScheduleAttr, ScheduleAttr),
                   ScheduleAttr like) {
    SmallVector<ScheduleAttr> some;
    for (ScheduleAttr schedule : all)
      if (isLike(schedule, like))
        some.push_back(schedule);
    return some;
  };
  ScheduleAttr launch = cheapest(work, table, among(hasSameRegisterTile, table),
                                 kSureOfLaunchTile);
  return cheapest(work, launch, among(hasSameLaunchTile, launch),
                  kSureOfRegisterTile);
}

struct AssignSchedules : impl::AssignSchedulesBase<AssignSchedules> {
  using AssignSchedulesBase::AssignSchedulesBase;

  void runOnOperation() override {
    const LevelRow *row = findLevel(level);
    if (!row) {
      getOperation().emitError("expects a level of the schedule table, got '")
          << level << "'";
      return signalPassFailure();
    }
    getOperation().walk([&](func::FuncOp kernel) {
      if (isUnloweredKernel(kernel) && !kernel->hasAttr(kScheduleAttr))
        kernel->setAttr(kScheduleAttr, chooseSchedule(kernel, *row));
    });
  }
};

} // namespace

ScheduleAttr chooseSchedule(func::FuncOp kernel, StringRef level) {
  const LevelRow *row = findLevel(level);
  return row ? chooseSchedule(kernel, *row) : ScheduleAttr();
}

std::optional<ScheduleProblem>
checkSchedule(func::FuncOp kernel, ScheduleAttr schedule, StringRef level) {
  const LevelRow *row = findLevel(level);
  assert(row && "a level of the table");
  if (schedule.getRows() > kMostRows)
    return ScheduleProblem{
        "rows", expected("at most " + Twine(kMostRows), schedule.getRows())};
  if (LinearOp linear = linearOf(kernel))
    return checkContraction(contractionWorkOf(kernel, linear), schedule, *row);
  if (Operation *attention = attentionOf(kernel))
    return checkAttention(attention, schedule, *row);
  if (schedule.getVector() != row->vector)
    return ScheduleProblem{"vector",
                           expected(Twine(row->vector), schedule.getVector())};
  return std::nullopt;
}

/// \p schedules without those that \p kernel cannot have, by the model's
/// estimate.
static SmallVector<ScheduleAttr> rate(func::FuncOp kernel, ScheduleAttr current,
                                      StringRef level,
                                      ArrayRef<ScheduleAttr> schedules) {
  LinearOp linear = linearOf(kernel);
  ContractionWork work =
      linear ? contractionWorkOf(kernel, linear) : ContractionWork();
  SmallVector<std::pair<double, size_t>> rated;
  for (auto [place, schedule] : llvm::enumerate(schedules))
    if (schedule != current && !checkSchedule(kernel, schedule, level))
      rated.emplace_back(linear ? estimateRatio(work, schedule, current)
                                : estimateAttention(schedule),
                         place);
  // Of equals the first one stays first.
  llvm::sort(rated);
  return llvm::map_to_vector(
      rated, [&](const auto &entry) { return schedules[entry.second]; });
}

SmallVector<ScheduleAttr>
otherLaunchTiles(func::FuncOp kernel, ScheduleAttr current, StringRef level) {
  LinearOp linear = linearOf(kernel);
  bool isForFew = linear && isForFewRows(kernel, linear);
  SmallVector<ScheduleAttr> schedules;
  for (int64_t panels : linear ? ArrayRef(kPanels) : ArrayRef(kOnePanel))
    for (int64_t block :
         linear ? blocksOf(isForFew) : ArrayRef(kAttentionBlocks))
      schedules.push_back(ScheduleAttr::get(
          current.getContext(), current.getRows(), current.getColumns(),
          llvm::alignTo(block, current.getRows()), panels, current.getVector(),
          current.getDot()));
  return rate(kernel, current, level, schedules);
}

SmallVector<ScheduleAttr>
otherRegisterTiles(func::FuncOp kernel, ScheduleAttr current, StringRef level) {
  SmallVector<ScheduleAttr> schedules;
  auto add = [&](int64_t rows, int64_t columns, int64_t vector) {
    schedules.push_back(
        ScheduleAttr::get(current.getContext(), rows, columns,
                          llvm::alignTo(current.getRowBlock(), rows),
                          current.getPanels(), vector, current.getDot()));
  };
  if (!linearOf(kernel)) {
    for (int64_t columns : kAttentionColumns)
      for (int64_t rows : kAttentionRows)
        add(rows, columns, current.getVector());
    return rate(kernel, current, level, schedules);
  }
  for (int64_t vector : {current.getVector(), current.getVector() / 2})
    for (int64_t vectors : {1, 2, 4, 8})
      for (int64_t rows = 1; rows <= kMostRows; ++rows)
        add(rows, vectors * vector, vector);
  return rate(kernel, current, level, schedules);
}

} // namespace lathe
