//===- LaunchCost.cpp - What a launch computes and moves ------------------===//

#include "runtime/LaunchCost.h"

#include "runtime/Expression.h"
#include "runtime/ProgramTables.h"

#include <algorithm>

using namespace lathe::runtime;
namespace artifact = lathe::artifact;

static uint64_t add(uint64_t lhs, uint64_t rhs) {
  uint64_t sum = 0;
  return __builtin_add_overflow(lhs, rhs, &sum) ? UINT64_MAX : sum;
}

static uint64_t multiply(uint64_t lhs, uint64_t rhs) {
  uint64_t product = 0;
  return __builtin_mul_overflow(lhs, rhs, &product) ? UINT64_MAX : product;
}

/// \p first + … + \p last, for \p first <= \p last + 1.
static uint64_t sumRange(uint64_t first, uint64_t last) {
  return multiply(add(first, last), last + 1 - first) / 2;
}

/// Pairs of \p count tokens whose first one sees \p first + 1 places, each one
/// place more than the one before it, but \p window at most.
static uint64_t countAscending(uint64_t first, uint64_t count,
                               uint64_t window) {
  uint64_t end = add(first, count);
  if (end <= window)
    return sumRange(first + 1, end);
  if (first >= window)
    return multiply(count, window);
  return add(sumRange(first + 1, window), multiply(end - window, window));
}

PairCount lathe::runtime::countRun(const artifact::PairCost &cost,
                                   uint64_t first, uint64_t count) {
  if (count == 0)
    return {};
  uint64_t window =
      cost.window() > 0 ? static_cast<uint64_t>(cost.window()) : UINT64_MAX;
  if (cost.kind() == artifact::PairKind_Causal)
    return {countAscending(0, count, window), count};
  if (cost.kind() == artifact::PairKind_Cached) {
    uint64_t hidden = first + 1 > window ? first + 1 - window : 0;
    return {countAscending(first, count, window), add(first, count) - hidden};
  }
  // Token t does not see the first t + 1 - window.
  uint64_t blind = count > window ? count - window : 0;
  return {multiply(count, count) - sumRange(1, blind), count};
}

PairCount lathe::runtime::countPairs(const artifact::PairCost &cost,
                                     std::span<const int32_t> sequences,
                                     std::span<const int32_t> positions) {
  bool isCached = cost.kind() == artifact::PairKind_Cached;
  size_t count = isCached ? std::min(sequences.size(), positions.size())
                          : sequences.size();
  PairCount total;
  for (size_t begin = 0, end = 0; begin < count; begin = end) {
    auto follows = [&](size_t t) {
      return sequences[t] == sequences[begin] &&
             (!isCached ||
              int64_t(positions[t]) == int64_t(positions[t - 1]) + 1);
    };
    for (end = begin + 1; end < count && follows(end);)
      ++end;
    int32_t first = isCached ? std::max(positions[begin], 0) : 0;
    PairCount run = countRun(cost, static_cast<uint64_t>(first), end - begin);
    total = {add(total.pairs, run.pairs), add(total.keys, run.keys)};
  }
  return total;
}

/// The numbers of I32 operand \p operand of \p launch; where the launch has no
/// operands, only their count holds.
static std::span<const int32_t> numbersOf(const CountedLaunch &launch,
                                          uint32_t operand) {
  const artifact::Buffer &buffer =
      *at(*launch.entry.buffers(), launch.buffers[operand]);
  size_t count =
      static_cast<size_t>(evaluateExpression(*buffer.bytes(), launch.symbols)) /
      sizeof(int32_t);
  const int32_t *data =
      launch.operands ? static_cast<const int32_t *>(launch.operands[operand])
                      : nullptr;
  return {data, count};
}

static PairCount countPairsOf(const CountedLaunch &launch,
                              const artifact::PairCost &cost) {
  std::span<const int32_t> sequences = numbersOf(launch, cost.sequences());
  if (!launch.operands)
    return countRun(cost, launch.past, sequences.size());
  bool isCached = cost.kind() == artifact::PairKind_Cached;
  return countPairs(cost, sequences,
                    isCached ? numbersOf(launch, cost.positions())
                             : std::span<const int32_t>());
}

LaunchCost lathe::runtime::countLaunch(const CountedLaunch &launch,
                                       std::span<OperandTraffic> traffic) {
  LaunchCost total;
  auto move = [&](uint32_t operand, uint64_t read, uint64_t written) {
    total.bytesRead = add(total.bytesRead, read);
    total.bytesWritten = add(total.bytesWritten, written);
    if (traffic.empty())
      return;
    OperandTraffic &moved = traffic[operand];
    moved = {add(moved.read, read), add(moved.written, written)};
  };
  // ProgramChecker showed that no expression is negative.
  auto valueOf = [&](const artifact::Expression &expression) {
    return static_cast<uint64_t>(
        evaluateExpression(expression, launch.symbols));
  };
  const artifact::KernelCost &cost = launch.cost;
  total.arithmetic = cost.arithmetic();
  total.flops = valueOf(*cost.flops());
  std::fill(traffic.begin(), traffic.end(), OperandTraffic());
  for (uint32_t i = 0; i < cost.reads()->size(); ++i)
    move(i, valueOf(*cost.reads()->Get(i)), valueOf(*cost.writes()->Get(i)));
  if (!cost.pairs())
    return total;
  for (const artifact::PairCost *pairs : *cost.pairs()) {
    PairCount count = countPairsOf(launch, *pairs);
    total.flops =
        add(total.flops,
            multiply(count.pairs, static_cast<uint64_t>(pairs->flops())));
    auto readKeys = [&](uint32_t operand, int64_t bytes) {
      move(operand, multiply(count.keys, static_cast<uint64_t>(bytes)), 0);
    };
    readKeys(pairs->keys(), pairs->key_bytes());
    readKeys(pairs->values(), pairs->value_bytes());
  }
  return total;
}
