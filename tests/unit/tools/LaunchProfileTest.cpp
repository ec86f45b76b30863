//===- LaunchProfileTest.cpp - Tests of tools/LaunchProfile.h -------------===//

#include "runtime/tools/LaunchProfile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

using namespace lathe;
using namespace lathe::tools;

namespace {

/// 100 GFLOP/s in f32, 400 in bytes, no instruction for bf16; and 10 GB/s.
const MachineLimits kLimits = {"x86-64-v3", 2, {100e9, 0, 400e9}, 10e9};

lathe_launch_t launchOf(size_t command, const char *name, const char *kernel,
                        uint64_t nanoseconds) {
  lathe_launch_t launch = LATHE_INIT(lathe_launch_t);
  launch.finished = 1;
  launch.command = command;
  launch.name = name;
  launch.kernel = kernel;
  launch.nanoseconds = nanoseconds;
  launch.tiles = 7;
  return launch;
}

/// Two layers of one kernel, and a launch of which nothing is known.
LaunchProfile profileOfThree() {
  LaunchProfile profile;
  lathe_launch_t first = launchOf(0, "a", "linear_0123456789abcdef", 10'000);
  first.has_cost = 1;
  first.bytes_read = 40'000;
  first.bytes_written = 10'000;
  first.flops = 100'000;
  lathe_launch_t second = launchOf(1, "b", "linear_0123456789abcdef", 30'000);
  second.has_cost = 1;
  second.bytes_read = 1'000;
  second.flops = 600'000;
  // An observer is called before, too.
  lathe_launch_t begins = first;
  begins.finished = 0;
  for (const lathe_launch_t &launch : {begins, first, second})
    profile.add(launch);
  profile.add(launchOf(2, "c", "custom", 60'000));
  return profile;
}

TEST(LaunchProfileTest, ListsLaunchesThenKernelsTheLongestFirst) {
  EXPECT_EQ(
      profileOfThree().describe(kLimits),
      "       us      %  count        MB   GB/s  GFLOP/s  roof%  value "
      "(kernel)\n"
      "     60.0   60.0      1         -      -        -      -  c (custom)\n"
      "     30.0   30.0      1     0.001    0.0     20.0   20.0  b (linear)\n"
      "     10.0   10.0      1     0.050    5.0     10.0   50.0  a (linear)\n"
      "\n"
      "       us      %  count        MB   GB/s  GFLOP/s  roof%  kernel\n"
      "     60.0   60.0      1         -      -        -      -  custom\n"
      "     40.0   40.0      2     0.051    1.3     17.5   27.5  "
      "linear_0123456789abcdef\n"
      "    100.0  100.0      3         -      -        -      -  all launches\n"
      "\n"
      "roof: 100.0 GFLOP/s in f32, 10.0 GB/s from memory (2 threads, "
      "x86-64-v3)\n");
}

/// The description of a launch of 100,000 operations of \p arithmetic in 1 us.
std::string describeOne(lathe_arithmetic_t arithmetic,
                        const MachineLimits &limits) {
  LaunchProfile profile;
  lathe_launch_t launch = launchOf(0, "a", "k", 1'000);
  launch.has_cost = 1;
  launch.flops = 100'000;
  launch.arithmetic = arithmetic;
  profile.add(launch);
  return profile.describe(limits);
}

TEST(LaunchProfileTest, TheShareIsThatOfTheArithmetic) {
  std::string text = describeOne(LATHE_ARITHMETIC_BYTES, kLimits);
  EXPECT_NE(text.find("100.0   25.0  a (k)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("roof: 400.0 GFLOP/s in bytes, 10.0 GB/s from memory"),
            std::string::npos)
      << text;
}

TEST(LaunchProfileTest, WithoutAnInstructionTheLimitOfF32Holds) {
  std::string text = describeOne(LATHE_ARITHMETIC_BF16, kLimits);
  EXPECT_NE(text.find("100.0  100.0  a (k)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("roof: 100.0 GFLOP/s in f32, 10.0 GB/s from memory"),
            std::string::npos)
      << text;
}

TEST(LaunchProfileTest, NamesTheLimitsThatAreUsed) {
  LaunchProfile profile;
  for (lathe_arithmetic_t arithmetic :
       {LATHE_ARITHMETIC_BYTES, LATHE_ARITHMETIC_BF16, LATHE_ARITHMETIC_F32}) {
    lathe_launch_t launch = launchOf(arithmetic, "a", "k", 1'000);
    launch.has_cost = 1;
    launch.arithmetic = arithmetic;
    profile.add(launch);
  }
  MachineLimits limits = {
      "x86-64-v4-vnni-bf16", 1, {100e9, 200e9, 400e9}, 10e9};
  std::string text = profile.describe(limits);
  EXPECT_NE(text.find("roof: 100.0 GFLOP/s in f32, 200.0 in bf16, 400.0 in "
                      "bytes, 10.0 GB/s from memory (1 thread, "
                      "x86-64-v4-vnni-bf16)\n"),
            std::string::npos)
      << text;
}

TEST(LaunchProfileTest, WritesTheLimitsThatTheLevelHas) {
  LaunchProfile profile;
  lathe_launch_t launch = launchOf(0, "a", "k", 1'000);
  launch.has_cost = 1;
  launch.arithmetic = LATHE_ARITHMETIC_BF16;
  profile.add(launch);
  runtime::JsonWriter json;
  profile.write(kLimits, json);
  std::string text = json.take();
  EXPECT_NE(text.find("\"flops_per_second\":1e+11,\"bytes_per_second\":1e+10,"
                      "\"flops_per_second_bytes\":4e+11}"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\"tiles\":7,\"arithmetic\":\"bf16\",\"count\":1"),
            std::string::npos)
      << text;
}

TEST(LaunchProfileTest, SumsTheCallsOfALaunch) {
  LaunchProfile profile;
  for (uint64_t time : {1000, 2000, 3000})
    profile.add(launchOf(4, "a", "k", time));
  runtime::JsonWriter json;
  profile.write(kLimits, json);
  EXPECT_EQ(json.take(),
            "{\"machine\":{\"target\":\"x86-64-v3\",\"threads\":2,"
            "\"flops_per_second\":1e+11,\"bytes_per_second\":1e+10,"
            "\"flops_per_second_bytes\":4e+11},"
            "\"launches\":[{\"name\":\"a\",\"kernel\":\"k\","
            "\"command\":4,\"tiles\":7,\"count\":3,\"seconds\":6e-06}],"
            "\"kernels\":[{\"kernel\":\"k\",\"count\":3,"
            "\"seconds\":6e-06}],\"total\":{\"count\":3,"
            "\"seconds\":6e-06}}");
}

TEST(LaunchProfileTest, SaysTheShareOfTheRoofline) {
  runtime::JsonWriter json;
  profileOfThree().write(kLimits, json);
  std::string text = json.take();
  EXPECT_NE(
      text.find("\"name\":\"a\",\"kernel\":\"linear_0123456789abcdef\","
                "\"command\":0,\"tiles\":7,\"arithmetic\":\"f32\",\"count\":1,"
                "\"seconds\":1e-05,"
                "\"flops\":1e+05,\"bytes_read\":40000,"
                "\"bytes_written\":10000,\"roofline_share\":0.5}"),
      std::string::npos)
      << text;
}

TEST(LaunchProfileTest, StaysWithin120ColumnsForLongNames) {
  LaunchProfile profile;
  lathe_launch_t launch =
      launchOf(0, "layers.31.gated_activation",
               "linear_gated_activation_0123456789abcdef", 999'999'999'999);
  launch.has_cost = 1;
  launch.bytes_read = 99'999'999'999;
  launch.flops = 99'999'999'999'999;
  profile.add(launch);
  std::istringstream lines(profile.describe(kLimits));
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(line.size(), 120u) << line;
}

TEST(RooflineTest, TheSlowerLimitCounts) {
  auto leastSeconds = [](double operations, double moved) {
    return kLimits.leastSeconds(LATHE_ARITHMETIC_F32, operations, moved);
  };
  EXPECT_DOUBLE_EQ(leastSeconds(100e9, 0), 1);
  EXPECT_DOUBLE_EQ(leastSeconds(100e9, 20e9), 2);
  EXPECT_DOUBLE_EQ(MachineLimits().leastSeconds(LATHE_ARITHMETIC_BYTES, 1, 1),
                   0);
}

TEST(RooflineTest, EachArithmeticHasALimit) {
  EXPECT_DOUBLE_EQ(kLimits.leastSeconds(LATHE_ARITHMETIC_BYTES, 800e9, 0), 2);
  EXPECT_DOUBLE_EQ(kLimits.leastSeconds(LATHE_ARITHMETIC_BF16, 800e9, 0), 8);
}

TEST(RooflineTest, EveryLevelOfThisMachineHasLoops) {
  for (size_t i = 0; lathe_machine_target(i); ++i) {
    std::string level = lathe_machine_target(i);
    bool hasPairs = level == "x86-64-v4-vnni-bf16" || level == "x86-64-v4-amx";
    MachineLimits limits = measureLimits(level, 1);
    EXPECT_GT(limits.flops[LATHE_ARITHMETIC_F32], 0) << level;
    EXPECT_GT(limits.flops[LATHE_ARITHMETIC_BYTES], 0) << level;
    EXPECT_EQ(limits.flops[LATHE_ARITHMETIC_BF16] > 0, hasPairs) << level;
  }
}

} // namespace
