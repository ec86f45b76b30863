//===- BpeTest.cpp - Tests of byte pair encoding --------------------------===//
#include "runtime/text/Model.h"
#include "runtime/text/RankQueue.h"
#include "runtime/text/TokenizerBuilder.h"
#include "tests/unit/text/SmallBpe.h"

#include <gtest/gtest.h>

#include <queue>
#include <random>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

namespace {

constexpr size_t kSmallWindow = 64;

/// A model of \p bpe with windows of \p window symbols.
class Encoder {
public:
  Encoder(const SmallBpe &bpe, size_t window) {
    TokenizerFiles files;
    std::string json = bpe.json();
    files.tokenizerJson = json;
    Result<std::vector<std::byte>> made = buildTokenizerTablesFrom(files, "t");
    EXPECT_TRUE(made.isOk()) << made.status().message();
    bytes = std::move(*made);
    tables = std::move(*Tables::load(bytes));
    model = makeBpe(*tables, window);
  }

  std::vector<int32_t> encode(std::string_view word) {
    std::vector<int32_t> ids;
    EXPECT_TRUE(model->encodeWord(word, ids).isOk());
    return ids;
  }

private:
  std::vector<std::byte> bytes;
  std::shared_ptr<const Tables> tables;
  std::unique_ptr<Model> model;
};

/// Merges of which each may come before those that make its parts.
SmallBpe randomBpe(std::mt19937 &random) {
  SmallBpe bpe(1 + random() % 4);
  size_t wanted = 1 + random() % 40;
  for (size_t i = 0; i < wanted; ++i)
    bpe.addMerge(random(), random(), random() % (bpe.mergeCount() + 1));
  return bpe;
}

/// A word that repeats itself in part, and so is merged far.
std::string randomWord(std::mt19937 &random, const SmallBpe &bpe, size_t size) {
  std::string word;
  while (word.size() < size) {
    std::string part;
    for (size_t i = 0, n = 1 + random() % 5; i < n; ++i)
      part += char('a' + random() % bpe.letterCount());
    for (size_t i = 0, n = 1 + random() % 30; i < n; ++i)
      word += part;
  }
  return word;
}

TEST(Bpe, EncodesLongWordsAsItsSlowTwin) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    SmallBpe bpe = randomBpe(random);
    Encoder encoder(bpe, kSmallWindow);
    for (size_t size : {kSmallWindow - 1, kSmallWindow, kSmallWindow + 1,
                        size_t(200), size_t(1100)}) {
      std::string word = randomWord(random, bpe, size);
      ASSERT_EQ(encoder.encode(word), bpe.encode(word)) << bpe.json() << "\n"
                                                        << word;
    }
  }
}

// Windows of 64 letters overlap by 8 and what the token before them takes. With
// one letter more to the right, 16 and 8 letters become 24.
TEST(Bpe, TakesLargerWindowsWhereTheyShareNoToken) {
  SmallBpe bpe(1);
  bpe.addMerge(0, 0, SIZE_MAX); // aa
  bpe.addMerge(1, 1, SIZE_MAX); // aaaa
  bpe.addMerge(2, 2, SIZE_MAX); // 8
  bpe.addMerge(3, 3, SIZE_MAX); // 16
  bpe.addMerge(4, 3, SIZE_MAX); // 24
  Encoder encoder(bpe, kSmallWindow);
  for (size_t size = 1; size < 400; ++size) {
    std::string word(size, 'a');
    ASSERT_EQ(encoder.encode(word), bpe.encode(word)) << size;
  }
}

TEST(Bpe, GivesTheSameIdsForAnyWindow) {
  std::mt19937 random(6);
  SmallBpe bpe = randomBpe(random);
  Encoder small(bpe, kSmallWindow);
  Encoder usual(bpe, kBpeWindow);
  Encoder whole(bpe, SIZE_MAX);
  std::string word = randomWord(random, bpe, 50000);
  std::vector<int32_t> ids = whole.encode(word);
  EXPECT_EQ(small.encode(word), ids);
  EXPECT_EQ(usual.encode(word), ids);
}

TEST(RankQueue, TakesTheLeastWhateverTheOrderOfPushes) {
  std::mt19937 random(7);
  RankQueue queue;
  queue.reserveRanks(8);
  using Entry = std::pair<uint32_t, uint32_t>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> expected;
  uint32_t rank = 0;
  uint32_t place = 0;
  for (int round = 0; round < 20000; ++round) {
    if (random() % 2 || expected.empty()) {
      Entry entry(random() % 8, random() % 100);
      queue.push(entry.first, entry.second);
      expected.push(entry);
      continue;
    }
    ASSERT_TRUE(queue.pop(rank, place));
    ASSERT_EQ(Entry(rank, place), expected.top());
    expected.pop();
  }
  for (; !expected.empty(); expected.pop()) {
    ASSERT_TRUE(queue.pop(rank, place));
    ASSERT_EQ(Entry(rank, place), expected.top());
  }
  EXPECT_FALSE(queue.pop(rank, place));
}

} // namespace
