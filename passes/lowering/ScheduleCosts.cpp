//===- ScheduleCosts.cpp - What a schedule costs, as an estimate ----------===//
//
// The numbers of a core are those of a server of the last years. They need to
// be right to a few tenths: a choice is only made where candidates differ by
// more than the model's own error (AssignSchedules.cpp).
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/ScheduleCosts.h"

#include "dialects/lathe/PackedQuant.h"
#include "dialects/lathe/QuantRows.h"
#include "passes/lowering/Contraction.h"
#include "passes/lowering/RowShapes.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;

namespace lathe {

/// Vector instructions, and loads, that a core starts in a cycle.
static constexpr double kOpsPerCycle = 2, kLoadsPerCycle = 2;
/// Cycles until an fma can take the result of another.
static constexpr double kLatency = 4;
/// Bytes a cycle from the second-level cache, and for each core from memory.
static constexpr double kCacheRate = 32, kMemoryRate = 8;
static constexpr double kFirstCache = 32 * 1024;
/// Cycles to start a tile of the launch, and a register tile.
static constexpr double kTileStart = 200, kRegisterTileStart = 30;
/// Instructions that decode one vector of one term, in registers and once into
/// scratch. The latter takes as long as two rows do.
static constexpr double kDecodeOps = 4, kDecodeOnceOps = 2;
/// Terms that are decoded at a time.
static constexpr int64_t kDecodedTerms = 256;

ContractionWork contractionWorkOf(func::FuncOp kernel, LinearOp linear) {
  RankedTensorType weight = linear.getWeight().getType();
  RankedTensorType input = linear.getInput().getType();
  auto packing = dyn_cast_or_null<PackedAttr>(weight.getEncoding());
  QuantAttr quant = packing ? packing.getQuant() : QuantAttr();
  QuantAttr inputQuant = rowQuantOf(input);
  ContractionWork work;
  work.columns = weight.getDimSize(0);
  work.depth = weight.getDimSize(1);
  work.panelColumns = packing ? packing.getColumns() : 32;
  work.weightBits = quant ? quant.bits() : weight.getElementTypeBitWidth();
  work.panelBytes = quant ? PackedQuant(packing).panelBytes(work.depth)
                          : work.depth * work.panelColumns *
                                weight.getElementTypeBitWidth() / 8;
  work.rowBytes = inputQuant ? QuantRows(inputQuant, work.depth).rowBytes()
                             : work.depth * input.getElementTypeBitWidth() / 8;
  work.headColumns = headSizeOf(kernel);
  work.isForFewRows = isForFewRows(kernel, linear);
  // One before the sums is a row op like others.
  for (auto gate : kernel.getOps<GatedActivationOp>())
    work.isGated |= opsBehind(gate.getResult()).contains(linear);
  work.isDecoded = quant && !inputQuant;
  work.hasGroups = inputQuant && inputQuant.getGroup() == 32;
  return work;
}

/// True if \p dot multiplies 16-bit parts, or has the weights of eight terms of
/// a vector in two registers at once.
static bool splitsWeights(DotKind dot) {
  return dot == DotKind::Madd || dot == DotKind::Sdot;
}

static bool addsBytes(DotKind dot) {
  return splitsWeights(dot) || dot == DotKind::Vnni;
}

int64_t registersOf(const ContractionWork &work, ScheduleAttr schedule) {
  int64_t vectors = schedule.getColumns() / schedule.getVector();
  int64_t accumulators = schedule.getRows() * vectors;
  if (work.hasGroups)
    accumulators *= 2;
  if (splitsWeights(schedule.getDot()))
    return accumulators + 2 * vectors + 2;
  return accumulators + vectors + 1;
}

namespace {

/// The estimate of one launch.
class Estimate {
public:
  Estimate(const ContractionWork &work, ScheduleAttr schedule)
      : work(work), schedule(schedule) {}

  double cycles(int64_t rows, int64_t workers) const;

private:
  int64_t tileColumns() const {
    return schedule.getPanels() * work.panelColumns;
  }
  /// Vectors of a tile of the launch.
  int64_t tileVectors() const {
    return tileColumns() / schedule.getVector() * (work.isGated ? 2 : 1);
  }
  int64_t vectors(int64_t rows) const;
  double termsPerStep() const;
  double stepBytes() const;
  bool isWeightFar() const;
  double stepCycles(int64_t rows, int64_t vectors) const;
  double rowsCycles(int64_t rows) const;
  double tileCycles(int64_t rows) const;

  const ContractionWork &work;
  ScheduleAttr schedule;
};

} // namespace

/// Vectors of a register tile of \p rows rows, as RegisterTile has them.
int64_t Estimate::vectors(int64_t rows) const {
  int64_t budget =
      schedule.getRows() * schedule.getColumns() / schedule.getVector();
  int64_t own = tileColumns() / schedule.getVector(), count = 1;
  while (rows * 2 * count <= budget && own % (2 * count) == 0)
    count *= 2;
  return count;
}

/// Terms of a sum that one instruction adds.
double Estimate::termsPerStep() const {
  switch (schedule.getDot()) {
  case DotKind::Fma:
    return 1;
  case DotKind::Bf16:
    return 2;
  case DotKind::Madd:
    return 2;
  case DotKind::Vnni:
  case DotKind::Sdot:
    return 4;
  case DotKind::AmxBf16:
    return 32;
  case DotKind::AmxBytes:
    return 64;
  }
  llvm_unreachable("not a dot");
}

/// Bytes of the weights of a step in one vector, as they are read.
double Estimate::stepBytes() const {
  double bits = work.isDecoded && !work.isForFewRows
                    ? 32
                    : static_cast<double>(work.weightBits);
  return static_cast<double>(schedule.getVector()) * termsPerStep() * bits / 8;
}

/// Whether the weights that go down many rows are more than stay in the first
/// cache. Those of few rows come from memory, see tileCycles.
bool Estimate::isWeightFar() const {
  if (work.isForFewRows)
    return false;
  double steps = static_cast<double>(work.depth) / termsPerStep();
  double bytes =
      stepBytes() * steps * static_cast<double>(vectors(schedule.getRows()));
  if (work.isDecoded)
    bytes = static_cast<double>(kDecodedTerms * tileVectors() *
                                schedule.getVector() * 4);
  return bytes > kFirstCache;
}

/// Cycles of a step of a register tile: each accumulator gets one product.
double Estimate::stepCycles(int64_t rows, int64_t vectors) const {
  double products = static_cast<double>(rows * vectors), ops = products;
  double loads = static_cast<double>(rows + vectors);
  // The integer sum of 32 terms is converted, scaled and added; each row has a
  // scale and a sum of its own.
  if (work.hasGroups)
    ops += (products + static_cast<double>(rows)) * 4 * termsPerStep() / 32;
  if (work.isDecoded && work.isForFewRows)
    ops += kDecodeOps * static_cast<double>(vectors);
  // Four bits of eight terms stand in one word and are masked apart; numbers of
  // 16 bits are widened.
  bool isUnpacked = addsBytes(schedule.getDot())
                        ? work.weightBits < 8
                        : schedule.getDot() == DotKind::Fma &&
                              work.weightBits == 16 && !work.isDecoded;
  if (isUnpacked)
    ops += static_cast<double>(vectors);
  double weightBytes = static_cast<double>(vectors) * stepBytes();
  double farLoads = isWeightFar() ? weightBytes / kCacheRate : 0;
  return std::max(
      {ops / kOpsPerCycle, loads / kLoadsPerCycle, kLatency, farLoads});
}

/// Cycles of all register tiles of \p rows rows of a tile of the launch.
double Estimate::rowsCycles(int64_t rows) const {
  double steps = static_cast<double>(work.depth) / termsPerStep();
  double cycles = 0;
  auto add = [&](int64_t height, int64_t times) {
    int64_t count = vectors(height);
    cycles +=
        static_cast<double>(times * llvm::divideCeil(tileVectors(), count)) *
        (stepCycles(height, count) * steps + kRegisterTileStart);
  };
  int64_t most = schedule.getRows();
  add(most, rows / most);
  // What is left is computed by the next higher tile that there is.
  if (int64_t left = rows % most)
    add(std::min<int64_t>(llvm::PowerOf2Ceil(left), most), 1);
  return cycles;
}

/// Cycles of a tile of the launch that has \p rows rows.
double Estimate::tileCycles(int64_t rows) const {
  double cycles = rowsCycles(rows);
  double weightBytes =
      static_cast<double>(schedule.getPanels() * work.panelBytes) *
      (work.isGated ? 2 : 1);
  if (work.isForFewRows)
    return kTileStart + std::max(cycles, weightBytes / kMemoryRate);

  if (work.isDecoded)
    cycles += kDecodeOnceOps * static_cast<double>(work.depth * tileVectors()) /
              kOpsPerCycle;
  double inputBytes = static_cast<double>(rows * work.rowBytes);
  return kTileStart + std::max(cycles, (inputBytes + weightBytes) / kCacheRate);
}

double Estimate::cycles(int64_t rows, int64_t workers) const {
  int64_t groups =
      llvm::divideCeil(work.columns / (work.isGated ? 2 : 1), tileColumns());
  int64_t block = schedule.getRowBlock();
  double whole = static_cast<double>(rows / block) *
                 (rows >= block ? tileCycles(block) : 0);
  double rest = rows % block ? tileCycles(rows % block) : 0;
  int64_t tiles = llvm::divideCeil(rows, block) * groups;
  // Tiles of the worker that has most of them, over those of an even share.
  double uneven = static_cast<double>(llvm::divideCeil(tiles, workers)) /
                  (static_cast<double>(tiles) / static_cast<double>(workers));
  return (whole + rest) * static_cast<double>(groups) * uneven /
         static_cast<double>(workers);
}

double estimateCycles(const ContractionWork &work, ScheduleAttr schedule,
                      int64_t rows, int64_t workers) {
  return Estimate(work, schedule).cycles(rows, workers);
}

double estimateRatio(const ContractionWork &work, ScheduleAttr schedule,
                     ScheduleAttr base) {
  static constexpr int64_t kWorkers[] = {2, 8};
  static constexpr int64_t kFew[] = {1, 4, 16}, kMany[] = {128, 512};
  ArrayRef<int64_t> sizes =
      work.isForFewRows ? ArrayRef<int64_t>(kFew) : ArrayRef<int64_t>(kMany);
  double sum = 0, count = 0;
  for (int64_t workers : kWorkers)
    for (int64_t rows : sizes) {
      sum += estimateCycles(work, schedule, rows, workers) /
             estimateCycles(work, base, rows, workers);
      count += 1;
    }
  return sum / count;
}

double estimateAttention(ScheduleAttr schedule) {
  // Making a panel takes as long as so many rows do that read it.
  constexpr double kPanelRows = 8;
  auto rows = static_cast<double>(schedule.getRows());
  double vectors = static_cast<double>(schedule.getColumns()) /
                   static_cast<double>(schedule.getVector());
  double products = rows * vectors;
  double step = (products + rows + vectors) / products;
  double latency = kLatency * kOpsPerCycle / products;
  return std::max(step, latency) *
         (1 + kPanelRows / static_cast<double>(schedule.getRowBlock()));
}

} // namespace lathe
