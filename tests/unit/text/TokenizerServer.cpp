//===- TokenizerServer.cpp - Answers compare_with_tokenizers.py -----------===//
//
// Reads questions from standard input: flags, length, text. Writes answers to
// standard output: count, ids, length, decoded text. Integers are 32 bits,
// little-endian. Flags: 1 add special tokens, 2 skip special tokens in
// decoding, 4 decode by StreamDecoder.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Tokenizer.h"
#include "runtime/text/TokenizerBuilder.h"

#include <cstdio>

using namespace lathe::runtime;

static bool readWord(uint32_t &word) {
  return std::fread(&word, 4, 1, stdin) == 1;
}

static void writeBytes(const void *bytes, size_t size, uint32_t count) {
  std::fwrite(&count, 4, 1, stdout);
  std::fwrite(bytes, 1, size, stdout);
}

static std::string decodeStream(const Tokenizer &tokenizer,
                                const std::vector<int32_t> &ids, bool skip) {
  StreamDecoder decoder(tokenizer, skip);
  std::string text;
  for (int32_t id : ids)
    text += decoder.push(id);
  return text + decoder.finish();
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
  uint32_t flags = 0;
  uint32_t size = 0;
  std::vector<int32_t> ids;
  while (readWord(flags) && readWord(size)) {
    std::string text(size, '\0');
    if (std::fread(text.data(), 1, size, stdin) != size)
      return 1;
    ids.clear();
    Status status =
        tokenizer->encode(text, {.addSpecial = (flags & 1) != 0}, ids);
    if (!status.isOk())
      return 1;
    bool skip = (flags & 2) != 0;
    std::string decoded = flags & 4 ? decodeStream(*tokenizer, ids, skip)
                                    : tokenizer->decode(ids, skip);
    writeBytes(ids.data(), ids.size() * 4, uint32_t(ids.size()));
    writeBytes(decoded.data(), decoded.size(), uint32_t(decoded.size()));
    std::fflush(stdout);
  }
  return 0;
}
