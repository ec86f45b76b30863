//===- DepthScanTest.cpp - Tests of runtime/formats/DepthScan.h -----------===//

#include "runtime/formats/DepthScan.h"

#include <gtest/gtest.h>

#include <string>

using namespace lathe::runtime;

namespace {

std::string repeat(std::string_view text, size_t count) {
  std::string all;
  for (size_t i = 0; i < count; ++i)
    all += text;
  return all;
}

/// What the scan says, without the file's name; empty if it is fine.
std::string faultOf(std::string_view text, DepthLimits limits = {}) {
  Status status = scanMlirDepth(text, "m.mlir", limits);
  if (status.isOk())
    return "";
  EXPECT_TRUE(status.message().starts_with("m.mlir: "));
  return status.message().substr(8);
}

/// A chain of \p count aliases, each of which names the one before.
std::string aliasChain(size_t count) {
  std::string text = "!t0 = i32\n";
  for (size_t i = 1; i < count; ++i)
    text += "!t" + std::to_string(i) + " = tuple<!t" + std::to_string(i - 1) +
            ">\n";
  return text;
}

TEST(DepthScanTest, AcceptsAModule) {
  EXPECT_EQ(faultOf(R"(
// A comment with ((((( and " in it.
#map = affine_map<(d0, d1) -> (d0 * 2 + d1, -d1)>
#set = affine_set<(d0) : (d0 >= 0, -d0 + 9 >= 0)>
#loc = loc("a.py":1:2)
module attributes {lathe.model = {family = "llama", ids = [1, -2]}} {
  func.func @f(%x: tensor<?x4xf32, #lathe.dims<"tokens">>) -> tensor<4xf32> {
    %c = arith.cmpi sge, %a, %b : i32
    return %y : tensor<4xf32> loc(#loc)
  }
}
)"),
            "");
}

TEST(DepthScanTest, LimitsBracketsOfEachKind) {
  for (auto [open, close] :
       {std::pair("(", ")"), {"[", "]"}, {"{", "}"}, {"tuple<", ">"}}) {
    EXPECT_EQ(faultOf(repeat(open, 256) + repeat(close, 256)), "") << open;
    EXPECT_EQ(faultOf("\n" + repeat(open, 257) + repeat(close, 257)),
              "line 2: brackets nest deeper than 256")
        << open;
    EXPECT_NE(faultOf(repeat(open, 1'000'000)), "") << open;
  }
}

TEST(DepthScanTest, CountsDepthAndNotNumber) {
  EXPECT_EQ(faultOf(repeat("({[<>]})\n", 10'000)), "");
}

TEST(DepthScanTest, ClosesOnlyTheSameKind) {
  // Else stray brackets would hide the depth.
  for (std::string_view pair : {"(>", "(]", "(}", "[)", "{)", "<-> ", "{>"})
    EXPECT_NE(faultOf(repeat(pair, 300)), "") << pair;
  EXPECT_EQ(faultOf(repeat("(a < b)", 300)), "");
}

TEST(DepthScanTest, SkipsStringsAndComments) {
  EXPECT_EQ(faultOf("\"" + repeat("(", 1000) + "\""), "");
  EXPECT_EQ(faultOf("//" + repeat("(", 1000)), "");
  EXPECT_EQ(faultOf("\"\\\"" + repeat("(", 1000) + "\""), "");
  // What follows them counts.
  EXPECT_NE(faultOf("\"\\\\\"" + repeat("(", 1000)), "");
  EXPECT_NE(faultOf("// \" \n" + repeat("(", 1000)), "");
  EXPECT_NE(faultOf("\"//\"" + repeat("(", 1000)), "");
}

TEST(DepthScanTest, RefusesAStringThatDoesNotEndOnItsLine) {
  EXPECT_EQ(faultOf("\n\"abc\n\""),
            "line 2: a string does not end on its line");
  EXPECT_NE(faultOf("\"abc"), "");
  EXPECT_NE(faultOf("\"abc\\"), "");
  EXPECT_NE(faultOf("\"abc\\\n\""), "");
}

TEST(DepthScanTest, LimitsExpressions) {
  // MLIR's parser recurses on each of these operators.
  EXPECT_EQ(faultOf("(" + repeat("-", 2048) + ")"), "");
  EXPECT_EQ(faultOf("(" + repeat("-", 2049) + ")"),
            "line 1: an expression has more than 2048 characters");
  EXPECT_NE(faultOf("affine_map<(d0) -> (d0" + repeat(" + d0", 1000) + ")>"),
            "");
  EXPECT_NE(faultOf("(d0" + repeat(" + (d0)", 3000) + ")"), "");
  EXPECT_NE(faultOf("(" + repeat("#a + ", 1000) + ")"), "");
  // Lists, strings and regions may be long.
  EXPECT_EQ(faultOf("[" + repeat("-1, ", 10'000) + "]"), "");
  EXPECT_EQ(faultOf("(\"" + std::string(10'000, 'x') + "\")"), "");
  EXPECT_EQ(faultOf("{" + repeat("%a = f.op %b\n", 10'000) + "}"), "");
}

TEST(DepthScanTest, LimitsChainsOfAliases) {
  EXPECT_EQ(faultOf(aliasChain(100)), "");
  EXPECT_NE(faultOf(aliasChain(300)), "");
  // A chain without brackets, and one whose use adds to the depth.
  std::string plain = "#a0 = 1\n";
  for (int i = 1; i < 300; ++i)
    plain += "#a" + std::to_string(i) + " = #a" + std::to_string(i - 1) + "\n";
  EXPECT_NE(faultOf(plain), "");
  EXPECT_NE(faultOf(aliasChain(100) + repeat("(", 100) + "!t99"), "");
  EXPECT_EQ(faultOf(aliasChain(100) + repeat("(", 10) + "!t99"), "");
  // Many uses are no chain.
  EXPECT_EQ(faultOf("!t = i32\nmodule {" + repeat("({!t, !t})", 1000) + "}"),
            "");
}

/// Aliases of which each names the one before it twice, spelt \p between.
static std::string doublingAliases(int count, const std::string &between) {
  std::string text = "#a0 = [1]\n";
  for (int i = 1; i < count; ++i) {
    std::string before = "#a" + std::to_string(i - 1);
    text += "#a" + std::to_string(i) + " =" + between + "[" + before + ", " +
            before + "]\n";
  }
  return text + "module {}\n";
}

TEST(DepthScanTest, LimitsWhatAliasesOfAliasesStandFor) {
  for (const char *between : {" ", "\n", "\n\n  "}) {
    EXPECT_EQ(faultOf(doublingAliases(17, between)), "") << between;
    EXPECT_NE(faultOf(doublingAliases(30, between)), "") << between;
  }
  // One definition over two lines is still one.
  std::string text = "#a0 = dense<0> :\n tensor<1xi1, [1]>\n";
  for (int i = 1; i < 30; ++i) {
    std::string before = "#a" + std::to_string(i - 1);
    text += "#a" + std::to_string(i) + " = dense<0> :\n tensor<1xi1, [" +
            before + "," + before + "]>\n";
  }
  EXPECT_NE(faultOf(text), "");
  // A module that uses its last alias as often as modules do locations.
  std::string body = "#loc = loc(unknown)\n#loc1 = loc(fused[#loc, #loc])\n";
  EXPECT_EQ(faultOf(body + "module {\n" + repeat("  op loc(#loc1)\n", 100000) +
                    "}\n"),
            "");
}

TEST(DepthScanTest, LimitsTheNumberOfAliases) {
  DepthLimits limits;
  limits.aliases = 3;
  EXPECT_EQ(faultOf("#a = 1\n#b = 2\n#c = 3\n", limits), "");
  EXPECT_NE(faultOf("#a = 1\n#b = 2\n#c = 3\n#d = 4\n", limits), "");
}

TEST(DepthScanTest, LimitsTheSize) {
  DepthLimits limits;
  limits.size = 10;
  EXPECT_TRUE(scanMlirDepth("0123456789", "f", limits).isOk());
  EXPECT_EQ(scanMlirDepth("0123456789a", "f", limits).code(),
            StatusCode::Unsupported);
}

TEST(DepthScanTest, RefusesNulBytes) {
  EXPECT_EQ(faultOf(std::string_view("a\n\0", 3)), "line 2: has a NUL byte");
}

} // namespace
