//===- JsonTest.cpp - Tests of runtime/formats/Json.h ---------------------===//

#include "runtime/formats/Json.h"

#include "tests/unit/formats/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <string>

using namespace lathe::runtime;

namespace {

/// What parsing \p text says, without the file's name; empty if it is valid.
std::string faultOf(std::string_view text) {
  Result<Json> json = Json::parse(text, "f.json");
  if (json.isOk())
    return "";
  EXPECT_TRUE(json.status().message().starts_with("f.json: "));
  return json.status().message().substr(8);
}

Json parse(std::string_view text) {
  Result<Json> json = Json::parse(text, "f.json");
  EXPECT_TRUE(json.isOk()) << json.status().message();
  return std::move(*json);
}

std::string nested(size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(JsonTest, ReadsEachKind) {
  Json json =
      parse(R"({"n": null, "b": true, "i": -3, "u": 18446744073709551615,
                        "d": 1.5, "s": "text", "a": [1, 2], "o": {}})");
  JsonValue root = json.root();
  EXPECT_TRUE(root.find("n")->isNull());
  EXPECT_EQ(*root.get<bool>("b"), true);
  EXPECT_EQ(*root.get<int64_t>("i"), -3);
  EXPECT_EQ(*root.get<uint64_t>("u"), UINT64_MAX);
  EXPECT_EQ(*root.get<double>("d"), 1.5);
  EXPECT_EQ(*root.get<double>("i"), -3.0);
  EXPECT_EQ(*root.get<std::string_view>("s"), "text");
  EXPECT_EQ(*root.get<std::string>("s"), "text");
  EXPECT_EQ(root.find("a")->size(), 2u);
  EXPECT_EQ(root.find("o")->kind(), JsonKind::Object);
  EXPECT_EQ(root.size(), 8u);
}

TEST(JsonTest, ReadsAScalarAtTheRoot) {
  EXPECT_EQ(*parse(" 7 ").root().asInt(), 7);
  EXPECT_EQ(*parse("\"a\"").root().asString(), "a");
  EXPECT_TRUE(parse("null").root().isNull());
}

TEST(JsonTest, WalksInTheOrderOfTheText) {
  Json json = parse(R"({"z": [3, [4], {"k": 5}], "a": "x"})");
  std::string keys;
  for (JsonValue member : json.root().members())
    keys += member.key();
  EXPECT_EQ(keys, "za");
  std::string kinds;
  for (JsonValue element : json.root().find("z")->elements())
    kinds += std::string(describe(element.kind())) + ";";
  EXPECT_EQ(kinds, "an integer;an array;an object;");
}

TEST(JsonTest, WalksNothingInScalars) {
  Json json = parse("[1]");
  for (JsonValue element : json.root().elements()) {
    EXPECT_FALSE(element.elements().begin() != element.elements().end());
    EXPECT_FALSE(element.members().begin() != element.members().end());
    EXPECT_FALSE(element.find("x"));
  }
}

TEST(JsonTest, DecodesEscapesInStringsAndKeys) {
  Json json = parse(R"({"\u0061\"": "\u00e9\n\ud83d\ude00\u0000!"})");
  EXPECT_EQ(*json.root().get<std::string>("a\""),
            std::string("\u00e9\n\U0001F600\0!", 9));
}

TEST(JsonTest, KeepsValuesValidWhenMoved) {
  Json json = parse(R"(["plain", "esc\taped"])");
  JsonValue root = json.root();
  Json moved = std::move(json);
  std::string all;
  for (JsonValue element : root.elements())
    all += *element.asString();
  EXPECT_EQ(all, "plainesc\taped");
}

TEST(JsonTest, NamesTheFieldOfAnError) {
  Json json =
      parse(R"({"rope_scaling": {"factor": "x"}, "l": [1, {"k": -1}]})");
  JsonValue root = json.root();
  EXPECT_EQ(root.find("rope_scaling")->get<double>("factor").status().message(),
            "f.json: rope_scaling.factor: expected a number, got a string");
  EXPECT_EQ(root.find("rope_scaling")->get<double>("type").status().message(),
            "f.json: rope_scaling.type: is missing");
  JsonValue element = *(++root.find("l")->elements().begin());
  EXPECT_EQ(element.path(), "l[1]");
  EXPECT_EQ(element.get<uint64_t>("k").status().message(),
            "f.json: l[1].k: expected an integer of 0 or more, got -1");
  EXPECT_EQ(root.expectArray().message(),
            "f.json: expected an array, got an object");
}

TEST(JsonTest, TakesTheFallbackOnlyForWhatIsAbsentOrNull) {
  Json json = parse(R"({"n": null, "s": "x"})");
  EXPECT_EQ(*json.root().get<int64_t>("absent", 7), 7);
  EXPECT_EQ(*json.root().get<int64_t>("n", 7), 7);
  EXPECT_FALSE(json.root().get<int64_t>("s", 7).isOk());
  EXPECT_FALSE(json.root().get<int64_t>("n").isOk());
}

TEST(JsonTest, RefusesAnIntegerThatDoesNotFit) {
  Json json = parse("[9223372036854775807, 9223372036854775808, -1, 1.5]");
  auto element = json.root().elements().begin();
  EXPECT_EQ(*(*element).asInt(), INT64_MAX);
  ++element;
  EXPECT_FALSE((*element).asInt().isOk());
  EXPECT_EQ(*(*element).asUint(), uint64_t(1) << 63);
  ++element;
  EXPECT_FALSE((*element).asUint().isOk());
  ++element;
  EXPECT_FALSE((*element).asInt().isOk());
}

TEST(JsonTest, ReadsIntegersPast64BitsAsDoubles) {
  // tokenizer_config.json of many models has this as its longest length.
  Json json = parse("1000000000000000019884624838656");
  EXPECT_EQ(*json.root().asDouble(), 1e30);
  EXPECT_FALSE(json.root().asInt().isOk());
}

TEST(JsonTest, LimitsTheDepth) {
  EXPECT_EQ(faultOf(nested(64)), "");
  EXPECT_EQ(faultOf(nested(65)), "line 1: brackets nest deeper than 64");
  EXPECT_NE(faultOf(std::string(1'000'000, '[')), "");
  EXPECT_NE(faultOf(std::string(1'000'000, '{')), "");
}

TEST(JsonTest, LimitsTheMemory) {
  // 2 bytes a value against 24 in memory and 64 MiB free.
  std::string text = "[";
  for (int i = 0; i < 3'000'000; ++i)
    text += "0,";
  text += "0]";
  Result<Json> json = Json::parse(text, "f.json");
  ASSERT_FALSE(json.isOk());
  EXPECT_EQ(json.status().code(), StatusCode::Unsupported);

  // A vocabulary larger than those of today is fine.
  std::string vocabulary = "{\"a\":0";
  for (int i = 0; i < 1'000'000; ++i)
    vocabulary += ",\"token" + std::to_string(i) + "\":" + std::to_string(i);
  EXPECT_EQ(faultOf(vocabulary + "}"), "");
}

TEST(JsonTest, RefusesAKeyTwice) {
  EXPECT_EQ(faultOf(R"({"a": 1, "b": 2, "a": 3})"),
            "line 1: an object has the key 'a' twice");
  EXPECT_NE(faultOf(R"({"a": 1, "\u0061": 3})"), "");
  EXPECT_EQ(faultOf(R"({"a": {"a": 1}, "b": {"a": 1}})"), "");
}

TEST(JsonTest, NamesTheLineOfAFault) {
  EXPECT_EQ(faultOf("{\n\"a\": 1,\n\"b\": tru\n}"),
            "line 3: expected true or false");
}

TEST(JsonTest, RefusesWhatIsNoJson) {
  for (std::string_view text : {"",
                                " ",
                                "[",
                                "]",
                                "{",
                                "}",
                                "[1,2",
                                "[1}",
                                "[1,]",
                                "[,1]",
                                "[1 2]",
                                "{\"a\":1,}",
                                "{\"a\" 1}",
                                "{\"a\":}",
                                "{\"a\"}",
                                "{1:2}",
                                "{a:1}",
                                "{\"a\":1 \"b\":2}",
                                "1 2",
                                "1,2",
                                "1],[2",
                                "[1]x",
                                "[1]]",
                                "nul",
                                "[tru]",
                                "[truee]",
                                "[nulll]",
                                "[falsey]",
                                "01",
                                "-",
                                "+1",
                                ".5",
                                "1.",
                                "1e",
                                "1e+",
                                "0x10",
                                "1e400",
                                "-1e400",
                                "NaN",
                                "Infinity",
                                "'a'",
                                "\"a",
                                "\"\\\"",
                                "\"a\\q\"",
                                "\"\\u12\"",
                                "\"\\u12g4\"",
                                "\"a\nb\"",
                                "\"\t\"",
                                "\"\\ud800\"",
                                "\"\\udc00\"",
                                "\"\\ud800\\ud800\"",
                                "\"\xff\"",
                                "\"\xc0\x80\"",
                                "\"\xed\xa0\x80\"",
                                "\xef\xbb\xbf{}",
                                "// c\n1",
                                "/* c */1",
                                "[1]//"})
    EXPECT_NE(faultOf(text), "") << text;
  EXPECT_NE(faultOf(std::string_view("[1]\0", 4)), "");
  EXPECT_NE(faultOf(std::string_view("\0", 1)), "");
}

TEST(JsonTest, ReadsAFileAndNamesIt) {
  TemporaryFolder folder;
  Result<Json> good = Json::read(folder.write("good.json", "{\"a\": 1}"));
  ASSERT_TRUE(good.isOk());
  EXPECT_EQ(*good->root().get<int64_t>("a"), 1);

  std::string path = folder.write("bad.json", "{");
  Result<Json> bad = Json::read(path);
  ASSERT_FALSE(bad.isOk());
  EXPECT_EQ(bad.status().code(), StatusCode::InvalidFile);
  EXPECT_EQ(bad.status().message(),
            path + ": line 1: the text ends before a '}'");
  EXPECT_EQ(Json::read(folder / "missing").status().code(),
            StatusCode::NotFound);
  EXPECT_FALSE(Json::read(folder.write("empty.json", "")).isOk());
}

TEST(JsonTest, CutsWhatMessagesQuote) {
  std::string name;
  for (int i = 0; i < 5000; ++i)
    name += "ü";
  Result<Json> json = Json::parse("{\"" + name + "\": \"\"}", "f");
  ASSERT_TRUE(json.isOk());
  JsonValue member = *json->root().find(name);
  for (const Status &status :
       {member.error("is not " + name), member.asInt().takeStatus(),
        member.get<int64_t>("a").takeStatus()}) {
    EXPECT_LE(status.message().size(), 2000u);
    EXPECT_TRUE(status.message().starts_with("f: üü"));
  }
  EXPECT_TRUE(member.error("is not " + name).message().ends_with("ü…"));
  EXPECT_EQ(member.error(std::string(800, 'x')).message().find("x…"),
            std::string::npos);
}

} // namespace
