//===- CpuTargetsTest.cpp - Tests of the targets of runtime/devices/Cpu.h -===//

#include "runtime/devices/Cpu.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace lathe::runtime;

namespace {

constexpr uint32_t kFeatures = 1u << 22 | 1u << 24 | 1u << 25;
constexpr uint64_t kState = 1ull << 17 | 1ull << 18;

bool grant() { return true; }
bool refuse() { return false; }

TEST(CpuTargetsTest, UsesAmxWithLeaveOnly) {
  EXPECT_TRUE(canUseAmx({kFeatures, kState, grant}));
  EXPECT_TRUE(canUseAmx({~0u, ~0ull, grant}));
  EXPECT_FALSE(canUseAmx({kFeatures, kState, refuse}));
}

TEST(CpuTargetsTest, AsksForNoLeaveWhereAPartOfAmxIsMissing) {
  bool (*const fail)() = [] {
    ADD_FAILURE() << "asked";
    return true;
  };
  for (unsigned bit : {22, 24, 25})
    EXPECT_FALSE(canUseAmx({kFeatures & ~(1u << bit), kState, fail})) << bit;
  for (unsigned bit : {17, 18})
    EXPECT_FALSE(canUseAmx({kFeatures, kState & ~(1ull << bit), fail})) << bit;
}

TEST(CpuTargetsTest, ListsATargetOnce) {
  std::span<const std::string_view> targets = supportedCpuTargets();
  EXPECT_FALSE(targets.empty());
  for (std::string_view target : targets)
    EXPECT_EQ(std::count(targets.begin(), targets.end(), target), 1);
}

} // namespace
