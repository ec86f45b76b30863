//===- JsonWriterTest.cpp - Tests of runtime/formats/JsonWriter.h ---------===//

#include "runtime/formats/JsonWriter.h"

#include "runtime/formats/Json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace lathe::runtime;

namespace {

std::string escape(std::string_view text) {
  std::string out;
  appendJsonString(out, text);
  return out;
}

TEST(JsonWriterTest, BuildsNestedValues) {
  JsonWriter json;
  json.beginObject().field("a", 1).field("b", true).key("c").beginArray();
  json.value("x").value(1.5).null().beginObject().endObject().endArray();
  json.key("d").beginArray().endArray().endObject();
  EXPECT_EQ(json.take(), R"({"a":1,"b":true,"c":["x",1.5,null,{}],"d":[]})");
}

TEST(JsonWriterTest, IsAsNewAfterTake) {
  JsonWriter json;
  json.value(1);
  EXPECT_EQ(json.take(), "1");
  json.beginArray().value(2).endArray();
  EXPECT_EQ(json.take(), "[2]");
}

TEST(JsonWriterTest, WritesWholeRangesOfNumbers) {
  JsonWriter json;
  json.beginArray().value(INT64_MIN).value(UINT64_MAX).value(0.1);
  json.value(0.1f).value(-0.0).value(std::numeric_limits<double>::max());
  json.value(std::nan("")).value(INFINITY).endArray();
  EXPECT_EQ(json.take(), "[-9223372036854775808,18446744073709551615,0.1,0.1,"
                         "-0.0,1.7976931348623157e+308,null,null]");
}

TEST(JsonWriterTest, EscapesWhatMustBe) {
  EXPECT_EQ(escape("a\"b\\c\n\r\t\x01\x1f\x7f/"),
            R"("a\"b\\c\n\r\t\u0001\u001f\u007f/")");
  EXPECT_EQ(escape(std::string_view("\0", 1)), R"("\u0000")");
  EXPECT_EQ(escape("\u00e9\u20ac\U0001F600"), "\"\u00e9\u20ac\U0001F600\"");
}

TEST(JsonWriterTest, ReplacesBytesThatAreNoUtf8) {
  const std::string replacement = "\xEF\xBF\xBD";
  EXPECT_EQ(escape("a\xff"), "\"a" + replacement + "\"");
  // Cut short, overlong, a surrogate, past the last code point.
  EXPECT_EQ(escape("\xe2\x82"), "\"" + replacement + replacement + "\"");
  for (std::string_view text : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80"})
    EXPECT_TRUE(Json::parse(escape(text), "f").isOk());
}

TEST(JsonWriterTest, IsReadBackByTheParser) {
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; second += 5) {
      std::string text = {static_cast<char>(first), static_cast<char>(second)};
      Result<Json> json = Json::parse(escape(text), "f");
      ASSERT_TRUE(json.isOk()) << first << " " << second;
      if (first < 0x80 && second < 0x80) {
        ASSERT_EQ(*json->root().asString(), text);
      }
    }
}

} // namespace
