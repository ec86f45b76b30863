//===- FuzzTokenizerBpe.cpp - Any merges, against the slow twin -----------===//
//
// The input: the number of letters, of merges, for each merge its two tokens
// and its rank, and then the letters of a word.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Model.h"
#include "tests/fuzz/text/FuzzTokenizer.h"
#include "tests/unit/text/SmallBpe.h"

using namespace lathe::runtime;
using namespace lathe::runtime::text;

/// So that the slow twin, which is quadratic, stays quick.
static constexpr size_t kLongestWord = 400;
static constexpr size_t kSmallWindow = 64;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *end = data + size;
  auto next = [&]() -> size_t { return data < end ? *data++ : 0; };
  SmallBpe bpe(1 + next() % 4);
  for (size_t left = next() % 64; left > 0; --left) {
    size_t first = next();
    size_t second = next();
    bpe.addMerge(first, second, next());
  }
  std::string word;
  while (data < end && word.size() < kLongestWord)
    word += char('a' + *data++ % bpe.letterCount());
  if (word.empty())
    return 0;

  TokenizerFiles files;
  std::string json = bpe.json();
  files.tokenizerJson = json;
  Result<std::vector<std::byte>> bytes = buildTokenizerTablesFrom(files, "f");
  require(bytes.isOk());
  Result<std::shared_ptr<const Tables>> tables = Tables::load(*bytes);
  require(tables.isOk());
  std::vector<int32_t> ids;
  require(makeBpe(**tables, kSmallWindow)->encodeWord(word, ids).isOk());
  require(ids == bpe.encode(word));
  return 0;
}
