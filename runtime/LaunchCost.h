//===- LaunchCost.h - What a launch computes and moves ----------*- C++ -*-===//
//
// The compiler counts the work of each kernel (table KernelCost of the schema);
// here it is evaluated for one launch. For people who look where time goes:
// nothing that runs depends on it.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_LAUNCHCOST_H
#define LATHE_RUNTIME_LAUNCHCOST_H

#include <cstdint>
#include <span>

namespace lathe::artifact {
enum Arithmetic : uint8_t;
struct Entry;
struct KernelCost;
struct PairCost;
} // namespace lathe::artifact

namespace lathe::runtime {

/// Bytes that a launch moves of one operand, each counted once.
struct OperandTraffic {
  uint64_t read = 0;
  uint64_t written = 0;
};

/// What a launch does. Sums stay at UINT64_MAX where they do not fit.
struct LaunchCost {
  uint64_t flops = 0;
  uint64_t bytesRead = 0;
  uint64_t bytesWritten = 0;
  /// Of the multiply-adds.
  artifact::Arithmetic arithmetic = {};
};

/// Pairs of a token and a key that it sees, and keys that some token sees.
struct PairCount {
  uint64_t pairs = 0;
  uint64_t keys = 0;
};

/// Counts the pairs of \p count tokens of one sequence, the first of which has
/// \p first positions before it; these count for the kind Cached only.
PairCount countRun(const artifact::PairCost &cost, uint64_t first,
                   uint64_t count);

/// Counts the pairs of a call whose token t is of the sequence \p sequences[t],
/// and for the kind Cached at \p positions[t]. Any values are legal; a sequence
/// whose tokens are not in one piece counts as several.
PairCount countPairs(const artifact::PairCost &cost,
                     std::span<const int32_t> sequences,
                     std::span<const int32_t> positions);

/// A launch of a checked program.
struct CountedLaunch {
  const artifact::Entry &entry;
  const artifact::KernelCost &cost;
  std::span<const uint32_t> buffers; ///< Entry.buffers index of each operand.
  std::span<const int64_t> symbols;
  /// The operands, in memory that the host can read. Null: the call is taken
  /// for one sequence that goes on from `past` positions.
  void *const *operands = nullptr;
  uint64_t past = 0;
};

/// Counts what \p launch does. \p traffic gets what is moved of each operand;
/// it has an element for each, or none. Allocates nothing.
LaunchCost countLaunch(const CountedLaunch &launch,
                       std::span<OperandTraffic> traffic = {});

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_LAUNCHCOST_H
