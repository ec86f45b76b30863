//===- KernelTuner.cpp - Looks for the best schedules by running ----------===//

#include "compiler/tune/KernelTuner.h"

#include "compiler/tune/KernelRunner.h"
#include "compiler/tune/Schedules.h"
#include "dialects/lathe/Lathe.h"
#include "dialects/rt/Rt.h"
#include "passes/lowering/AssignSchedules.h"
#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/ScheduleKeys.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <algorithm>
#include <chrono>
#include <optional>

using namespace mlir;
using lathe::runtime::Result;
using lathe::runtime::ScheduleFile;
using lathe::runtime::Status;
using lathe::runtime::StatusCode;

namespace lathe {
namespace {

using Clock = std::chrono::steady_clock;

/// Schedules that a race compares beside the one that is to be beaten.
constexpr size_t kContenders = 8;
/// Rounds of a race, and how far behind is too far: after the first, and after
/// each that follows.
constexpr size_t kRounds = 9;
constexpr double kFarBehind = 1.25, kBehind = 1.08;
/// Rounds without which a race has no winner.
constexpr size_t kLeastRounds = 3;
/// What a winner must be below, of the time of what it beats: more than chance
/// does.
constexpr double kClearlyFaster = 0.97;

/// Seconds until \p end.
double secondsTo(Clock::time_point end) {
  return std::chrono::duration<double>(end - Clock::now()).count();
}

Clock::time_point after(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(
                            std::chrono::duration<double>(seconds));
}

double median(std::vector<double> values) {
  auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

//===----------------------------------------------------------------------===//
// One race
//===----------------------------------------------------------------------===//

/// Times variants of a kernel in turn, the first being the one to beat.
class Race {
public:
  Race(KernelRunner &runner, size_t variants)
      : runner(runner), times(variants), isIn(variants, true) {}

  /// The winner. From \p enough on the least number of rounds is enough.
  Result<size_t> run(Clock::time_point enough);

private:
  Status runRound();
  double timeOf(size_t variant) const;
  void dropLosers(double behind);

  KernelRunner &runner;
  /// Of each variant, number of rows and round, in seconds.
  std::vector<std::vector<std::vector<double>>> times;
  std::vector<bool> isIn;
};

Status Race::runRound() {
  for (size_t variant = 0; variant < times.size(); ++variant) {
    if (!isIn[variant])
      continue;
    times[variant].resize(runner.rowCounts().size());
    for (size_t count = 0; count < times[variant].size(); ++count) {
      Result<double> seconds = runner.time(variant, count);
      if (!seconds.isOk())
        return seconds.takeStatus();
      times[variant][count].push_back(*seconds);
    }
  }
  return Status::ok();
}

/// The time of \p variant over that of the first one: the mean over the numbers
/// of rows.
double Race::timeOf(size_t variant) const {
  double sum = 0;
  for (auto [own, first] : llvm::zip_equal(times[variant], times.front()))
    sum += median(own) / median(first);
  return sum / static_cast<double>(times.front().size());
}

void Race::dropLosers(double behind) {
  double best = 1;
  for (size_t variant = 0; variant < times.size(); ++variant)
    if (isIn[variant])
      best = std::min(best, timeOf(variant));
  for (size_t variant = 1; variant < times.size(); ++variant)
    if (isIn[variant] && timeOf(variant) > best * behind)
      isIn[variant] = false;
}

Result<size_t> Race::run(Clock::time_point enough) {
  for (size_t rounds = 0; rounds < kRounds; ++rounds) {
    if (rounds >= kLeastRounds && secondsTo(enough) <= 0)
      break;
    LATHE_RETURN_IF_ERROR(runRound());
    dropLosers(rounds == 0 ? kFarBehind : kBehind);
    if (llvm::count(isIn, true) == 1)
      return size_t(0);
  }
  size_t winner = 0;
  for (size_t variant = 1; variant < times.size(); ++variant)
    if (isIn[variant] && timeOf(variant) < timeOf(winner))
      winner = variant;
  return timeOf(winner) < kClearlyFaster ? winner : size_t(0);
}

//===----------------------------------------------------------------------===//
// All kernels
//===----------------------------------------------------------------------===//

/// One kind of kernel.
struct Kind {
  std::string key;
  func::FuncOp kernel; ///< The first one of the kind.
  double weight;       ///< Multiply-adds of a row, in all launches.
};

/// Multiply-adds of a row of \p kernel; of attention as if it saw 512 keys.
double productsOf(func::FuncOp kernel) {
  double products = 0;
  kernel.walk([&](Operation *op) {
    if (auto linear = dyn_cast<LinearOp>(op))
      products +=
          static_cast<double>(linear.getWeight().getType().getNumElements());
    else if (isa<AttentionOp, CachedAttentionOp>(op)) {
      auto query = cast<RankedTensorType>(op->getOperand(0).getType());
      products +=
          2.0 * 512 *
          static_cast<double>(query.getDimSize(1) * query.getDimSize(2));
    }
  });
  return products;
}

class Tuner {
public:
  Tuner(ModuleOp module, const TargetLevel &level,
        const KernelCompileOptions &options, double seconds)
      : module(module), level(level), options(options), seconds(seconds) {}

  Result<TuneReport> run(const ScheduleFile::Level &known);

private:
  std::vector<Kind> kindsBut(const ScheduleFile::Level &known);
  Result<bool> tune(const Kind &kind, double seconds, TuneReport &report);
  Result<ScheduleAttr> race(func::FuncOp kernel, ScheduleAttr current,
                            ArrayRef<ScheduleAttr> others, double seconds);

  ModuleOp module;
  const TargetLevel &level;
  const KernelCompileOptions &options;
  double seconds; ///< Of the whole search.
  std::unique_ptr<runtime::ThreadPool> pool;
  std::optional<WeightPool> weights;
  llvm::StringMap<int64_t> maxima; ///< Of the program's symbols.
};

/// The kinds of kernels that are not in \p known, the heaviest first.
std::vector<Kind> Tuner::kindsBut(const ScheduleFile::Level &known) {
  llvm::StringMap<int64_t> launches;
  module.walk([&](rt::LaunchOp launch) {
    for (auto variant : launch.getVariants().getAsRange<rt::VariantAttr>())
      ++launches[variant.getKernel().getValue()];
  });
  std::vector<Kind> kinds;
  auto kernels = module.lookupSymbol<ModuleOp>(rt::kKernelsModule);
  for (auto kernel : kernels.getOps<func::FuncOp>()) {
    std::optional<std::string> key = scheduleKeyOf(kernel);
    if (!key || known.contains(*key))
      continue;
    auto kind = llvm::find_if(
        kinds, [&](const Kind &other) { return other.key == *key; });
    if (kind == kinds.end())
      kind = kinds.insert(kind, {*key, kernel, 0});
    kind->weight += static_cast<double>(launches.lookup(kernel.getName())) *
                    productsOf(kernel);
  }
  llvm::sort(kinds, [](const Kind &a, const Kind &b) {
    return std::tie(b.weight, a.key) < std::tie(a.weight, b.key);
  });
  return kinds;
}

/// The best of \p current and the first of \p others, by a race of about
/// \p seconds; null where nobody knows how to run the kernel.
Result<ScheduleAttr> Tuner::race(func::FuncOp kernel, ScheduleAttr current,
                                 ArrayRef<ScheduleAttr> others,
                                 double seconds) {
  SmallVector<ScheduleAttr> schedules = {current};
  llvm::append_range(schedules, others.take_front(kContenders));
  OwningOpRef<ModuleOp> variants = ModuleOp::create(kernel.getLoc());
  for (auto [index, schedule] : llvm::enumerate(schedules)) {
    auto variant = cast<func::FuncOp>(kernel->clone());
    variant.setName("variant_" + std::to_string(index));
    variant->setAttr(kScheduleAttr, schedule);
    variants->push_back(variant);
  }
  Result<KernelImage> image = compileKernels(*variants, level, options);
  if (!image.isOk())
    return image.takeStatus();
  Result<KernelRunner> runner =
      KernelRunner::create(kernel, *image, maxima, *pool, *weights);
  if (!runner.isOk() && runner.status().code() == StatusCode::Unsupported)
    return ScheduleAttr();
  if (!runner.isOk())
    return runner.takeStatus();
  Result<size_t> winner = Race(*runner, schedules.size()).run(after(seconds));
  if (!winner.isOk())
    return winner.takeStatus();
  return schedules[*winner];
}

/// Tunes \p kind in races of about \p seconds together; false where that
/// came to nothing.
Result<bool> Tuner::tune(const Kind &kind, double seconds, TuneReport &report) {
  func::FuncOp kernel = kind.kernel;
  ScheduleAttr chosen = chooseSchedule(kernel, level.name), best = chosen;
  auto beat = [&](ScheduleAttr current,
                  ArrayRef<ScheduleAttr> others) -> Result<bool> {
    Result<ScheduleAttr> winner = race(kernel, current, others, seconds / 3);
    if (!winner.isOk())
      return winner.takeStatus();
    best = *winner;
    return bool(best);
  };
  for (auto others : {otherLaunchTiles, otherRegisterTiles}) {
    Result<bool> isDone = beat(best, others(kernel, best, level.name));
    if (!isDone.isOk() || !*isDone)
      return isDone;
  }
  // The best of many is often the luckiest: it must win once more, alone.
  if (best != chosen) {
    Result<bool> isDone = beat(chosen, best);
    if (!isDone.isOk() || !*isDone)
      return isDone;
  }
  report.schedules[kind.key] = tilingOf(best);
  report.improved += best != chosen;
  return true;
}

Result<TuneReport> Tuner::run(const ScheduleFile::Level &known) {
  Clock::time_point end = after(seconds);
  TuneReport report;
  std::vector<Kind> kinds = kindsBut(known);
  report.left = kinds.size();
  if (kinds.empty() || seconds <= 0)
    return report;
  Result<std::unique_ptr<runtime::ThreadPool>> workers =
      runtime::ThreadPool::create(/*workers=*/0);
  if (!workers.isOk())
    return workers.takeStatus();
  pool = std::move(*workers);
  Result<WeightPool> bytes = WeightPool::create();
  if (!bytes.isOk())
    return bytes.takeStatus();
  weights = std::move(*bytes);
  for (auto symbol : module.getOps<rt::SymbolOp>())
    maxima[symbol.getSymName()] = static_cast<int64_t>(symbol.getMaximum());

  double weight = 0;
  for (const Kind &kind : kinds)
    weight += kind.weight;
  // Of compiling and racing one kind: none is begun that would not end in time,
  // but for the first, of which nobody knows.
  std::optional<double> longest;
  for (const Kind &kind : kinds) {
    double left = secondsTo(end);
    if (longest && left < *longest)
      break;
    // A share of what is left, but enough for light kernels too.
    constexpr double kLeastSeconds = 0.5;
    double share = left * kind.weight / weight;
    weight -= kind.weight;
    Result<bool> isDone = tune(kind, std::max(share, kLeastSeconds), report);
    if (!isDone.isOk())
      return isDone.takeStatus();
    report.left -= *isDone;
    longest = std::max(longest.value_or(0), left - secondsTo(end));
  }
  return report;
}

} // namespace

Result<TuneReport> tuneKernels(ModuleOp module, const TargetLevel &level,
                               const ScheduleFile::Level &known, double seconds,
                               const KernelCompileOptions &options) {
  return Tuner(module, level, options, seconds).run(known);
}

} // namespace lathe
