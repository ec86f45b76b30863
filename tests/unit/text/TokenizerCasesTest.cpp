//===- TokenizerCasesTest.cpp - Ids and texts of the reference ------------===//
#include "tests/unit/text/TokenizerTestData.h"

#include "runtime/formats/Json.h"

using namespace lathe::runtime;

namespace {

class TokenizerCases : public testing::TestWithParam<const char *> {};

std::vector<int32_t> readIds(JsonValue list) {
  std::vector<int32_t> ids;
  for (JsonValue id : list.elements())
    ids.push_back(int32_t(*id.asInt()));
  return ids;
}

/// The member \p key of a case, or \p fallback.
std::string textOr(JsonValue entry, const char *key, std::string fallback) {
  std::optional<JsonValue> value = entry.find(key);
  return value ? std::string(*value->asString()) : fallback;
}

TEST_P(TokenizerCases, GivesTheIdsAndTextsOfTheReference) {
  Tokenizer tokenizer = loadTokenizer(GetParam());
  Result<Json> json = Json::read(tokenizerFolder(GetParam()) + "/cases.json");
  ASSERT_TRUE(json.isOk()) << json.status().message();
  size_t count = 0;
  for (JsonValue entry : json->root().find("cases")->elements()) {
    ++count;
    std::string text(*entry.find("text")->asString());
    std::vector<int32_t> ids = readIds(*entry.find("ids"));
    std::optional<JsonValue> special = entry.find("ids_special");
    std::vector<int32_t> specialIds = special ? readIds(*special) : ids;
    EXPECT_EQ(encode(tokenizer, text), ids) << text;
    EXPECT_EQ(encode(tokenizer, text, {.addSpecial = true}), specialIds)
        << text;
    std::string decoded = textOr(entry, "decoded", text);
    EXPECT_EQ(tokenizer.decode(ids, /*skipSpecial=*/false), decoded);
    EXPECT_EQ(tokenizer.decode(specialIds, /*skipSpecial=*/true),
              textOr(entry, "decoded_skip", decoded));
  }
  EXPECT_EQ(count, 115u);
}

INSTANTIATE_TEST_SUITE_P(All, TokenizerCases,
                         testing::ValuesIn(kTokenizerNames));

} // namespace
