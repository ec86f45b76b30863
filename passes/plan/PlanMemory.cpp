//===- PlanMemory.cpp - Place the buffers of each entry in one arena ------===//
//
// Commands run in order, so a temporary lives from the first command that names
// it to the last; outputs have memory of their own. Placing intervals is
// dynamic storage allocation; a greedy placement in a good order is within a
// few percent of the sum of what lives at one time, which no plan can beat
// (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
// Inference", 2020: greedy by size).
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "dialects/rt/Rt.h"
#include "passes/analysis/BufferSizes.h"
#include "passes/analysis/SizeSums.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_PLANMEMORY
#include "passes/Passes.h.inc"

namespace {

/// Alignment of a buffer in the arena, in bytes: that of the kernel ABI.
constexpr int64_t kAlignment = 64;

/// Symbols that vary by call stand at these, then at their maximum.
constexpr int64_t kBounds[] = {16, 128};

/// Most times that one order of placement is improved.
constexpr unsigned kImprovements = 64;

/// Commands [begin, end] between which a buffer holds a value.
struct Lifetime {
  int64_t begin = -1;
  int64_t end = -1;
  bool overlaps(const Lifetime &other) const {
    return begin <= other.end && other.begin <= end;
  }
};

/// What the arena holds of one entry.
struct Resident {
  unsigned index; ///< Of the buffer, in the entry.
  AffineMap bytes;
  Lifetime lifetime;
};

struct Placement {
  SmallVector<int64_t> offsets; ///< By resident.
  int64_t arenaBytes = 0;
};

//===----------------------------------------------------------------------===//
// Lifetimes
//===----------------------------------------------------------------------===//

/// Calls \p visit with each buffer that command \p op names.
void forEachBuffer(Operation &op, llvm::function_ref<void(Attribute)> visit) {
  if (auto launch = dyn_cast<rt::LaunchOp>(op)) {
    for (Attribute buffer : launch.getBuffers())
      visit(buffer);
  } else if (auto copy = dyn_cast<rt::CopyOp>(op)) {
    visit(copy.getSourceAttr());
    visit(copy.getTargetAttr());
  } else if (auto fill = dyn_cast<rt::FillOp>(op)) {
    visit(fill.getTargetAttr());
  }
}

/// Returns the buffers that the arena must hold; \p commands becomes the number
/// of commands.
SmallVector<Resident> findResidents(rt::EntryOp entry, int64_t &commands) {
  DenseMap<Attribute, Lifetime> lifetimes;
  commands = 0;
  for (Operation &op : entry.getBody().front()) {
    bool isCommand = isa<rt::LaunchOp, rt::CopyOp, rt::FillOp>(op);
    forEachBuffer(op, [&](Attribute buffer) {
      Lifetime &lifetime = lifetimes[buffer];
      if (lifetime.begin < 0)
        lifetime.begin = commands;
      lifetime.end = commands;
    });
    commands += isCommand;
  }

  SmallVector<Resident> residents;
  for (auto [index, buffer] :
       llvm::enumerate(entry.getBody().getOps<rt::BufferOp>())) {
    if (buffer.getKind() != rt::BufferKind::Temporary)
      continue;
    Lifetime lifetime =
        lifetimes.lookup(FlatSymbolRefAttr::get(buffer.getSymNameAttr()));
    // A buffer that no command names still has a place.
    if (lifetime.begin < 0)
      lifetime = {0, 0};
    residents.push_back(
        {static_cast<unsigned>(index), buffer.getBytes(), lifetime});
  }
  return residents;
}

//===----------------------------------------------------------------------===//
// Placement
//===----------------------------------------------------------------------===//

/// The lowest offset of the smallest gap that holds \p bytes among the taken
/// ranges, sorted by begin; past the last of them if no gap does.
int64_t findGap(ArrayRef<std::pair<int64_t, int64_t>> taken, int64_t bytes) {
  int64_t best = -1, bestSize = INT64_MAX, end = 0;
  for (auto [begin, size] : taken) {
    int64_t gap = begin - end;
    if (gap >= bytes && gap < bestSize) {
      best = end;
      bestSize = gap;
    }
    end = std::max(end, begin + size);
  }
  return best >= 0 ? best : end;
}

/// Places the residents one after the other in \p order.
Placement placeInOrder(ArrayRef<Resident> residents, ArrayRef<int64_t> sizes,
                       ArrayRef<unsigned> order) {
  Placement placement;
  placement.offsets.assign(residents.size(), 0);
  for (auto [rank, current] : llvm::enumerate(order)) {
    SmallVector<std::pair<int64_t, int64_t>> taken;
    for (unsigned other : order.take_front(rank))
      if (residents[other].lifetime.overlaps(residents[current].lifetime))
        taken.emplace_back(placement.offsets[other], sizes[other]);
    llvm::sort(taken);
    int64_t offset = findGap(taken, sizes[current]);
    placement.offsets[current] = offset;
    placement.arenaBytes =
        std::max(placement.arenaBytes, offset + sizes[current]);
  }
  return placement;
}

/// The largest sum of \p sizes of residents that live at one command.
int64_t largestLiveSum(ArrayRef<Resident> residents, ArrayRef<int64_t> sizes,
                       int64_t commands) {
  // Differences at begins and ends, summed up along the commands.
  SmallVector<int64_t> change(commands + 2, 0);
  for (auto [resident, size] : llvm::zip(residents, sizes)) {
    change[resident.lifetime.begin] += size;
    change[resident.lifetime.end + 1] -= size;
  }
  int64_t live = 0, largest = 0;
  for (int64_t step : change)
    largest = std::max(largest, live += step);
  return largest;
}

/// Moves the first resident that reaches the end of the arena to the front of
/// \p order, where it gets a lower place. False if it is there already.
bool promoteHighest(const Placement &placement, ArrayRef<int64_t> sizes,
                    SmallVectorImpl<unsigned> &order) {
  auto *highest = llvm::find_if(order, [&](unsigned resident) {
    return placement.offsets[resident] + sizes[resident] ==
           placement.arenaBytes;
  });
  if (highest == order.begin() || highest == order.end())
    return false;
  std::rotate(order.begin(), highest, highest + 1);
  return true;
}

/// The best of greedy placements in several orders, each improved by placing
/// what sticks out earlier; \p bound is what no placement can beat. Stable: the
/// same buffers always lie in the same places.
Placement place(ArrayRef<Resident> residents, ArrayRef<int64_t> sizes,
                int64_t bound) {
  auto bySize = [&](unsigned first, unsigned second) {
    return sizes[first] > sizes[second];
  };
  auto byBegin = [&](unsigned first, unsigned second) {
    return residents[first].lifetime.begin < residents[second].lifetime.begin;
  };
  auto byLength = [&](unsigned first, unsigned second) {
    const Lifetime &a = residents[first].lifetime;
    const Lifetime &b = residents[second].lifetime;
    return a.end - a.begin > b.end - b.begin;
  };
  Placement best;
  auto attempt = [&](auto isBefore) {
    auto order = llvm::to_vector(llvm::seq<unsigned>(residents.size()));
    llvm::sort(order, [&](unsigned first, unsigned second) {
      if (isBefore(first, second) || isBefore(second, first))
        return isBefore(first, second);
      return first < second;
    });
    for (unsigned step = 0; step < kImprovements; ++step) {
      Placement placement = placeInOrder(residents, sizes, order);
      bool isChanged = promoteHighest(placement, sizes, order);
      if (best.offsets.empty() || placement.arenaBytes < best.arenaBytes)
        best = std::move(placement);
      if (best.arenaBytes <= bound || !isChanged)
        return;
    }
  };
  attempt(bySize);
  attempt(byBegin);
  attempt(byLength);
  return best;
}

//===----------------------------------------------------------------------===//
// The peak as a formula
//===----------------------------------------------------------------------===//

/// The sums of what lives at each command, without those that another one
/// exceeds for all sizes. Null if a size is no product.
AffineMapAttr peakFormula(ArrayRef<Resident> residents, int64_t commands,
                          unsigned symbols, MLIRContext *context) {
  SmallVector<SizeSum> peaks;
  for (int64_t command = 0; command < std::max<int64_t>(commands, 1);
       ++command) {
    SizeSum live;
    for (const Resident &resident : residents)
      if (resident.lifetime.overlaps({command, command}))
        live += SizeProduct::of(resident.bytes.getResult(0));
    if (!live.known())
      return {};
    if (llvm::any_of(peaks,
                     [&](const SizeSum &peak) { return live.isAtMost(peak); }))
      continue;
    llvm::erase_if(peaks,
                   [&](const SizeSum &peak) { return peak.isAtMost(live); });
    peaks.push_back(std::move(live));
  }
  SmallVector<AffineExpr> results;
  for (const SizeSum &peak : peaks)
    results.push_back(peak.toExpr(context));
  return AffineMapAttr::get(AffineMap::get(0, symbols, results, context));
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// The values of the symbols that each plan serves, from small to large.
SmallVector<SmallVector<int64_t>> findBounds(ModuleOp module) {
  SmallVector<SmallVector<int64_t>> all;
  auto boundAt = [&](int64_t bound) {
    SmallVector<int64_t> bounds;
    for (auto symbol : module.getOps<rt::SymbolOp>()) {
      int64_t maximum = symbol.getMaximum();
      bounds.push_back(symbol.getFixedAtLoad() ? maximum
                                               : std::min(bound, maximum));
    }
    if (all.empty() || all.back() != bounds)
      all.push_back(bounds);
  };
  for (int64_t bound : kBounds)
    boundAt(bound);
  boundAt(INT64_MAX);
  return all;
}

LogicalResult addPlan(OpBuilder &builder, rt::EntryOp entry,
                      ArrayRef<Resident> residents, int64_t commands,
                      ArrayRef<int64_t> bounds) {
  SmallVector<int64_t> exact, aligned;
  for (const Resident &resident : residents) {
    FailureOr<int64_t> bytes = evaluateSize(resident.bytes, bounds);
    // A quarter of the range for each buffer keeps the sums in it too.
    if (failed(bytes) || *bytes > INT64_MAX / 4 / int64_t(residents.size()))
      return entry.emitError("expects buffers that fit 63 bits together, got ")
             << AffineMapAttr::get(resident.bytes) << " at the symbols' bounds";
    exact.push_back(*bytes);
    aligned.push_back(llvm::alignTo(*bytes, kAlignment));
  }
  Placement placement =
      place(residents, aligned, largestLiveSum(residents, aligned, commands));
  SmallVector<int64_t> offsets(
      llvm::range_size(entry.getBody().getOps<rt::BufferOp>()), 0);
  for (auto [resident, offset] : llvm::zip(residents, placement.offsets))
    offsets[resident.index] = offset;
  rt::PlanOp::create(builder, entry.getLoc(), bounds, placement.arenaBytes,
                     largestLiveSum(residents, exact, commands), offsets);
  return success();
}

struct PlanMemory : impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    SmallVector<SmallVector<int64_t>> bounds = findBounds(getOperation());
    for (auto entry : getOperation().getOps<rt::EntryOp>()) {
      for (auto old :
           llvm::make_early_inc_range(entry.getBody().getOps<rt::PlanOp>()))
        old.erase();
      int64_t commands = 0;
      SmallVector<Resident> residents = findResidents(entry, commands);
      OpBuilder builder = OpBuilder::atBlockEnd(&entry.getBody().front());
      for (ArrayRef<int64_t> bound : bounds)
        if (failed(addPlan(builder, entry, residents, commands, bound)))
          return signalPassFailure();
      if (AffineMapAttr peak = peakFormula(
              residents, commands, bounds.front().size(), &getContext()))
        entry.setPeakAttr(peak);
    }
  }
};

} // namespace
} // namespace lathe
