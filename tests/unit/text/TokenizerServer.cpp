//===- TokenizerServer.cpp - Answers compare_with_tokenizers.py -----------===//
//
// Reads batches of questions from standard input: how many, and for each flags,
// how many ids to decode, length and text. Writes for each to standard output:
// the number of ids, the length of the text that a stream of the first of them
// decodes to; the ids; that text. Integers are 32 bits, little-endian. Flags: 1
// add special tokens, 2 skip special tokens in decoding.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Tokenizer.h"
#include "runtime/text/TokenizerBuilder.h"

#include <algorithm>
#include <cstdio>

using namespace lathe::runtime;

namespace {

struct Question {
  uint32_t flags;
  uint32_t decoded; ///< Ids.
  std::string text;
};

} // namespace

static bool readWord(uint32_t &word) {
  return std::fread(&word, 4, 1, stdin) == 1;
}

/// Reads the next batch. Returns false at the end.
static bool readBatch(std::vector<Question> &batch) {
  uint32_t count = 0;
  if (!readWord(count))
    return false;
  batch.resize(count);
  for (Question &question : batch) {
    uint32_t size = 0;
    if (!readWord(question.flags) || !readWord(question.decoded) ||
        !readWord(size))
      return false;
    question.text.resize(size);
    if (std::fread(question.text.data(), 1, size, stdin) != size)
      return false;
  }
  return true;
}

/// The text of \p ids as a stream gives it, one by one.
static std::string stream(const Tokenizer &tokenizer,
                          std::span<const int32_t> ids, bool skip) {
  StreamDecoder decoder(tokenizer, skip);
  std::string text;
  for (int32_t id : ids)
    text += decoder.push(id);
  return text + decoder.finish();
}

static bool answer(const Tokenizer &tokenizer, const Question &question) {
  std::vector<int32_t> ids;
  bool skip = (question.flags & 2) != 0;
  if (!tokenizer
           .encode(question.text, {.addSpecial = (question.flags & 1) != 0},
                   ids)
           .isOk())
    return false;
  size_t count = std::min<size_t>(question.decoded, ids.size());
  std::string decoded = stream(tokenizer, std::span(ids).first(count), skip);
  uint32_t head[2] = {uint32_t(ids.size()), uint32_t(decoded.size())};
  std::fwrite(head, sizeof(head), 1, stdout);
  std::fwrite(ids.data(), 4, ids.size(), stdout);
  std::fwrite(decoded.data(), 1, decoded.size(), stdout);
  return true;
}

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  Result<std::vector<std::byte>> tables = buildTokenizerTables(argv[1]);
  if (!tables.isOk()) {
    std::fprintf(stderr, "%s\n", tables.status().message().c_str());
    return 1;
  }
  Result<Tokenizer> tokenizer = Tokenizer::create(*tables);
  if (!tokenizer.isOk())
    return 1;
  std::vector<Question> batch;
  while (readBatch(batch)) {
    for (const Question &question : batch)
      if (!answer(*tokenizer, question))
        return 1;
    std::fflush(stdout);
  }
  return 0;
}
