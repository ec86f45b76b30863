//===- LaunchCostTest.cpp - Tests of runtime/LaunchCost.h -----------------===//

#include "runtime/LaunchCost.h"

#include "runtime/schema/artifact_generated.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

using namespace lathe;
using namespace lathe::runtime;

namespace {

/// A pair cost of \p kind and \p window in memory of its own.
class Cost {
public:
  Cost(artifact::PairKind kind, int64_t window) {
    artifact::PairCostT table;
    table.kind = kind;
    table.window = window;
    builder.Finish(artifact::PairCost::Pack(builder, &table));
  }
  const artifact::PairCost &operator*() const {
    return *flatbuffers::GetRoot<artifact::PairCost>(
        builder.GetBufferPointer());
  }

private:
  flatbuffers::FlatBufferBuilder builder;
};

/// Token by token, key by key: what a kernel looks at.
PairCount countSlowly(const artifact::PairCost &cost,
                      const std::vector<int32_t> &sequences,
                      const std::vector<int32_t> &positions) {
  PairCount total;
  std::set<std::pair<int32_t, int64_t>> keys;
  for (size_t t = 0; t < sequences.size(); ++t) {
    int64_t first =
        std::find(sequences.begin(), sequences.end(), sequences[t]) -
        sequences.begin();
    int64_t count =
        std::count(sequences.begin(), sequences.end(), sequences[t]);
    bool isCached = cost.kind() == artifact::PairKind_Cached;
    int64_t own = isCached ? positions[t] : static_cast<int64_t>(t) - first;
    int64_t end =
        cost.kind() == artifact::PairKind_Bidirectional ? count : own + 1;
    for (int64_t place = 0; place < end; ++place) {
      if (cost.window() > 0 && place <= own - cost.window())
        continue;
      ++total.pairs;
      keys.insert({sequences[t], place});
    }
  }
  total.keys = keys.size();
  return total;
}

TEST(LaunchCostTest, CountsThePairsThatAttentionLooksAt) {
  const std::vector<int32_t> sequences = {0, 0, 0, 0, 0, 1, 2, 2, 2};
  const std::vector<int32_t> positions = {0, 1, 2, 3, 4, 9, 5, 6, 7};
  for (artifact::PairKind kind :
       {artifact::PairKind_Bidirectional, artifact::PairKind_Causal,
        artifact::PairKind_Cached})
    for (int64_t window : {0, 1, 2, 3, 4, 5, 6, 7, 100}) {
      Cost cost(kind, window);
      PairCount expected = countSlowly(*cost, sequences, positions);
      PairCount counted = countPairs(*cost, sequences, positions);
      EXPECT_EQ(counted.pairs, expected.pairs) << kind << ", " << window;
      EXPECT_EQ(counted.keys, expected.keys) << kind << ", " << window;
    }
}

TEST(LaunchCostTest, CountsOneSequenceThatGoesOn) {
  Cost cost(artifact::PairKind_Cached, 0);
  // The tokens at places 10, 11 and 12 see 11, 12 and 13 keys.
  EXPECT_EQ(countRun(*cost, 10, 3).pairs, 36u);
  EXPECT_EQ(countRun(*cost, 10, 3).keys, 13u);
  EXPECT_EQ(countRun(*cost, 10, 0).pairs, 0u);
  Cost causal(artifact::PairKind_Causal, 0);
  EXPECT_EQ(countRun(*causal, 10, 3).pairs, 6u);
}

TEST(LaunchCostTest, TakesAnyValuesOfPositions) {
  Cost cost(artifact::PairKind_Cached, 0);
  const std::vector<int32_t> sequences = {INT32_MIN, 7, 7, INT32_MAX};
  const std::vector<int32_t> positions = {-5, INT32_MAX, INT32_MIN, INT32_MAX};
  PairCount counted = countPairs(*cost, sequences, positions);
  EXPECT_EQ(counted.pairs, 2u + 2 * (uint64_t(1) << 31));
  // More sequences than positions: the shorter list counts.
  EXPECT_EQ(countPairs(*cost, sequences, {}).pairs, 0u);
}

TEST(LaunchCostTest, StaysAtTheLargestNumberWhereASumDoesNotFit) {
  Cost cost(artifact::PairKind_Bidirectional, 0);
  EXPECT_EQ(countRun(*cost, 0, uint64_t(1) << 42).pairs, UINT64_MAX);
  Cost cached(artifact::PairKind_Cached, 3);
  EXPECT_EQ(countRun(*cached, UINT64_MAX - 1, 1).pairs, 3u);
}

} // namespace
