//===- ProgramChecker.h - Checks what a program says ------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_PROGRAMCHECKER_H
#define LATHE_RUNTIME_PROGRAMCHECKER_H

#include "runtime/Artifact.h"

#include <string>
#include <string_view>
#include <vector>

namespace lathe::artifact {
struct Buffer;
struct Copy;
struct Entry;
struct Expression;
struct Fill;
struct Kernel;
struct KernelCost;
struct Launch;
struct PairCost;
struct Plan;
struct TensorType;
} // namespace lathe::artifact

namespace lathe::runtime {

/// Largest value of a symbol, dimension or number of tiles.
inline constexpr int64_t kMaxExtent = int64_t(1) << 40;

/// Most FLOPs of one launch.
inline constexpr int64_t kMaxFlops = int64_t(1) << 60;

/// Checks a program whose FlatBuffers structure was verified: every index,
/// expression, offset and size. Fills in what the artifact derives from it.
class ProgramChecker {
public:
  explicit ProgramChecker(Artifact &artifact)
      : artifact(artifact), program(*artifact.root) {}

  /// Fails with InvalidFile and Unsupported; messages name the field.
  Status check();

private:
  /// Commands [begin, end] that name a buffer; none if end < begin.
  struct Lifetime {
    size_t begin = 1;
    size_t end = 0;
  };

  Status checkModel();
  Status checkTemplates();
  Status checkCache();
  Status checkSymbols();
  Status checkTargets();
  Status checkKernels();
  Status checkWeights();
  Status checkStates();
  Status checkEntry(size_t index);
  Status checkBuffers(size_t index);
  Status checkBindings(const artifact::Entry &entry);
  Status checkVocabulary(const artifact::Entry &entry);
  Status checkPlans(const artifact::Entry &entry);
  Status checkPlanOrder(const artifact::Entry &entry);
  Status checkPlan(const artifact::Entry &entry, const artifact::Plan &plan,
                   std::span<const Lifetime> lifetimes);
  /// Checks that a temporary lies in the arena; its size at most, in bytes.
  Result<uint64_t> checkPlace(const artifact::Plan &plan,
                              const artifact::Buffer &buffer, uint64_t offset,
                              std::span<const Interval> ranges);
  Status checkCommands(const artifact::Entry &entry);
  Status checkLaunch(const artifact::Entry &entry,
                     const artifact::Launch &launch);
  Status checkCopy(const artifact::Entry &entry, const artifact::Copy &copy);
  Status checkFill(const artifact::Entry &entry, const artifact::Fill &fill);
  /// Checks that the kernels' costs are those of a launch on \p launch's
  /// operands.
  Status checkLaunchCosts(const artifact::Entry &entry,
                          const artifact::Launch &launch);

  Status checkKernel(const artifact::Kernel &kernel);
  Status checkCost(const artifact::KernelCost &cost);
  Status checkPairs(const artifact::PairCost &pairs, uint32_t operands);
  Status checkBuffer(const artifact::Buffer &buffer);
  Status checkType(const artifact::TensorType &type);
  /// Bounds \p expression and checks them against [0, \p limit].
  Result<Interval> checkSize(const artifact::Expression &expression,
                             std::string_view what, uint64_t limit,
                             std::span<const Interval> symbols);
  /// Checks that names can be printed and that no two are equal.
  template <typename Tables>
  Status checkNames(const Tables &tables) {
    LATHE_RETURN_IF_ERROR(spend(tables.size()));
    std::vector<std::string_view> names;
    names.reserve(tables.size());
    for (const auto *table : tables)
      names.push_back(table->name()->string_view());
    return checkNameList(std::move(names));
  }
  Status checkNameList(std::vector<std::string_view> names);
  /// Counts \p items against what a program may hold in all.
  Status spend(size_t items);
  /// A failure at the place that `where` says.
  Status invalid(const std::string &message) const;

  Artifact &artifact;
  const artifact::Program &program;
  std::string where; ///< As "entry 'step': buffer 'x'".
  size_t spent = 0;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PROGRAMCHECKER_H
