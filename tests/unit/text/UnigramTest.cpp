//===- UnigramTest.cpp - Tests of the most probable tokens ----------------===//
#include "runtime/text/Model.h"
#include "runtime/text/Tables.h"
#include "tests/unit/text/TokenizerTestData.h"

#include <random>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

namespace {

constexpr size_t kSmallWindow = 64;

std::vector<int32_t> encodeWord(Model &model, std::string_view word) {
  std::vector<int32_t> ids;
  EXPECT_TRUE(model.encodeWord(word, ids).isOk());
  return ids;
}

std::string randomWord(std::mt19937 &random, size_t size) {
  static constexpr std::string_view kParts[] = {
      "a", "the", "ing", "\u2581", "er", "\u4E00", "\U0001F600", "\u00E9", "s"};
  std::string word;
  while (word.size() < size) {
    std::string_view part = kParts[random() % std::size(kParts)];
    for (size_t i = 0, n = random() % 8 ? 1 : random() % 100; i < n; ++i)
      word += part;
  }
  return word;
}

// A window that holds the whole word is the plain algorithm.
TEST(Unigram, GivesTheSameIdsForAnyWindow) {
  Result<std::shared_ptr<const Tables>> tables =
      Tables::load(tokenizerTables("t5-style"));
  ASSERT_TRUE(tables.isOk());
  std::unique_ptr<Model> small = makeUnigram(**tables, kSmallWindow);
  std::unique_ptr<Model> usual = makeUnigram(**tables);
  std::unique_ptr<Model> whole = makeUnigram(**tables, SIZE_MAX / 4);
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::string word = randomWord(random, 1 + random() % 3000);
    std::vector<int32_t> ids = encodeWord(*whole, word);
    ASSERT_EQ(encodeWord(*small, word), ids) << word;
    ASSERT_EQ(encodeWord(*usual, word), ids) << word;
  }
  std::string word = randomWord(random, 4 * kUnigramWindow);
  EXPECT_EQ(encodeWord(*usual, word), encodeWord(*whole, word));
}

// Unknown text that begins in one window and ends in another is one token.
TEST(Unigram, FusesUnknownTextAcrossWindows) {
  Result<std::shared_ptr<const Tables>> tables =
      Tables::load(tokenizerTables("t5-style"));
  ASSERT_TRUE(tables.isOk());
  std::unique_ptr<Model> model = makeUnigram(**tables, kSmallWindow);
  std::string word;
  for (int i = 0; i < 1000; ++i)
    word += "\uE000";
  EXPECT_EQ(encodeWord(*model, word),
            std::vector<int32_t>{(*tables)->config->unknownId});
}

} // namespace
