//===- ElementTypeTest.cpp - Tests of runtime/formats/ElementType.h -------===//

#include "runtime/formats/ElementType.h"

#include "runtime/schema/artifact_generated.h"

#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::runtime;

namespace {

TEST(ElementTypeTest, HasTheValuesOfTheSchema) {
  auto values = artifact::EnumValuesElementType();
  for (size_t i = 0; i < std::size(artifact::EnumValuesElementType()); ++i)
    EXPECT_EQ(elementName(static_cast<ElementType>(values[i])),
              artifact::EnumNameElementType(values[i]));
}

TEST(ElementTypeTest, FindsEachNameAgain) {
  size_t count = 0;
  for (int value = 0; value < 256; ++value) {
    ElementType type = static_cast<ElementType>(value);
    if (elementName(type).empty()) {
      EXPECT_EQ(elementBytes(type), 0u);
      continue;
    }
    ++count;
    EXPECT_GT(elementBytes(type), 0u);
    EXPECT_EQ(elementFromName(elementName(type)), type);
  }
  EXPECT_EQ(count, 12u);
}

TEST(ElementTypeTest, KnowsNoOtherName) {
  EXPECT_EQ(elementFromName(""), std::nullopt);
  EXPECT_EQ(elementFromName("f32"), std::nullopt);
  EXPECT_EQ(elementFromName("U32"), std::nullopt);
}

} // namespace
