//===- ExpressionTest.cpp - Tests of runtime/Expression.h -----------------===//

#include "runtime/Expression.h"

#include "runtime/schema/artifact_generated.h"

#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::runtime;

namespace {

/// An expression of \p code; lives as long as the object.
struct Built {
  explicit Built(std::vector<int64_t> code) {
    builder.Finish(artifact::CreateExpressionDirect(builder, &code));
  }
  const artifact::Expression &operator*() {
    return *flatbuffers::GetRoot<artifact::Expression>(
        builder.GetBufferPointer());
  }
  flatbuffers::FlatBufferBuilder builder;
};

constexpr Interval kRanges[] = {{1, 10}, {0, 5}};

/// Checks the bounds of \p code, and that each value lies in them.
void expectBounds(std::vector<int64_t> code, int64_t minimum, int64_t maximum) {
  Built built(std::move(code));
  Result<Interval> bounds = boundExpression(*built, kRanges);
  ASSERT_TRUE(bounds.isOk()) << bounds.status().message();
  EXPECT_EQ(bounds->minimum, minimum);
  EXPECT_EQ(bounds->maximum, maximum);
  for (int64_t a = 1; a <= 10; ++a)
    for (int64_t b = 0; b <= 5; ++b) {
      int64_t symbols[] = {a, b};
      int64_t value = evaluateExpression(*built, symbols);
      EXPECT_GE(value, minimum);
      EXPECT_LE(value, maximum);
    }
}

void expectRefused(std::vector<int64_t> code) {
  Built built(std::move(code));
  EXPECT_EQ(boundExpression(*built, kRanges).status().code(),
            StatusCode::InvalidFile);
}

int64_t evaluate(std::vector<int64_t> code, int64_t a = 1, int64_t b = 0) {
  Built built(std::move(code));
  int64_t symbols[] = {a, b};
  return evaluateExpression(*built, symbols);
}

TEST(ExpressionTest, BoundsEachOperation) {
  expectBounds({0, 7}, 7, 7);
  expectBounds({1, 0}, 1, 10);
  expectBounds({1, 0, 1, 1, 2, 0}, 1, 15);
  expectBounds({1, 0, 1, 1, 3, 0}, 0, 50);
  expectBounds({1, 0, 0, -3, 3, 0}, -30, -3);
  expectBounds({1, 0, 0, 4, 4, 0}, 1, 3);
  expectBounds({1, 0, 0, 4, 5, 0}, 0, 2);
  expectBounds({0, 100, 1, 0, 5, 0}, 10, 100);
  expectBounds({1, 0, 0, 4, 6, 0}, 0, 3);
  expectBounds({1, 0, 1, 1, 7, 0}, 0, 5);
  expectBounds({1, 0, 1, 1, 8, 0}, 1, 10);
}

TEST(ExpressionTest, DividesUpAndDownAlsoBelowZero) {
  EXPECT_EQ(evaluate({0, 7, 0, 2, 4, 0}), 4);
  EXPECT_EQ(evaluate({0, 7, 0, 2, 5, 0}), 3);
  EXPECT_EQ(evaluate({0, -7, 0, 2, 4, 0}), -3);
  EXPECT_EQ(evaluate({0, -7, 0, 2, 5, 0}), -4);
  EXPECT_EQ(evaluate({0, 8, 0, 2, 4, 0}), 4);
}

TEST(ExpressionTest, RefusesADivisorThatCanBeZero) {
  expectRefused({0, 8, 1, 1, 4, 0});
  expectRefused({0, 8, 1, 1, 5, 0});
  expectRefused({0, 8, 1, 1, 6, 0});
  expectRefused({0, 8, 0, -1, 5, 0});
}

TEST(ExpressionTest, RefusesTheRemainderOfANegativeNumber) {
  expectRefused({0, -8, 0, 3, 6, 0});
  expectRefused({1, 0, 0, -1, 3, 0, 0, 3, 6, 0});
}

TEST(ExpressionTest, RefusesWhatCanOverflow) {
  expectRefused({0, INT64_MAX, 0, 1, 2, 0});
  expectRefused({0, INT64_MAX, 1, 0, 3, 0});
  expectBounds({0, INT64_MAX - 10, 1, 0, 2, 0}, INT64_MAX - 9, INT64_MAX);
}

TEST(ExpressionTest, RefusesMalformedCode) {
  expectRefused({});
  expectRefused({0});
  expectRefused({0, 1, 0});
  expectRefused({2, 0});
  expectRefused({0, 1, 0, 2});
  expectRefused({0, 1, 0, 2, 9, 0});
  expectRefused({0, 1, 0, 2, -1, 0});
  expectRefused({0, 1, 0, 2, 2, 1});
}

TEST(ExpressionTest, RefusesAnUnknownSymbol) {
  expectRefused({1, 2});
  expectRefused({1, -1});
  expectBounds({1, 1}, 0, 5);
}

TEST(ExpressionTest, KeepsBothSidesOfItsLimits) {
  std::vector<int64_t> deep, long_ = {0, 0};
  for (int i = 0; i < 16; ++i)
    deep.insert(deep.end(), {0, 1});
  for (int i = 0; i < 15; ++i)
    deep.insert(deep.end(), {2, 0});
  expectBounds(deep, 16, 16);
  deep.insert(deep.begin(), {0, 1});
  deep.insert(deep.end(), {2, 0});
  expectRefused(deep);

  for (int i = 0; i < 31; ++i)
    long_.insert(long_.end(), {0, 1, 2, 0});
  expectBounds(long_, 31, 31);
  long_.insert(long_.end(), {0, 1, 2, 0});
  expectRefused(long_);
}

TEST(ExpressionTest, KnowsAPlainSymbol) {
  EXPECT_EQ(symbolOfExpression(*Built({1, 1})), 1);
  EXPECT_EQ(symbolOfExpression(*Built({0, 1})), -1);
  EXPECT_EQ(symbolOfExpression(*Built({1, 1, 0, 1, 3, 0})), -1);
}

} // namespace
