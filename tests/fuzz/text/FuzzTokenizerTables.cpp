//===- FuzzTokenizerTables.cpp - Any bytes as a tokenizer's tables --------===//
#include "tests/fuzz/text/FuzzTokenizer.h"

#include <cstring>

using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // Tables must be aligned, which the fuzzer's memory need not be.
  std::vector<uint64_t> memory(size / 8 + 1);
  std::memcpy(memory.data(), data, size);
  Result<Tokenizer> tokenizer =
      Tokenizer::create(std::as_bytes(std::span(memory)).first(size));
  if (!tokenizer.isOk())
    return 0;
  std::string text("Hello, w\u00F6rld!  \u4F60\u597D e\u0301 \xFF 123\n\n<s> ");
  text += asText(data, std::min<size_t>(size, 64));
  requireEncodes(*tokenizer, text);
  return 0;
}
