//===- FuzzTokenizerTables.cpp - Any bytes as a tokenizer's tables --------===//
#include "runtime/text/Tokenizer.h"

#include <cstring>

using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // Tables must be aligned, which the fuzzer's memory need not be.
  std::vector<uint64_t> memory(size / 8 + 1);
  std::memcpy(memory.data(), data, size);
  std::span<const std::byte> tables(
      reinterpret_cast<const std::byte *>(memory.data()), size);
  Result<Tokenizer> tokenizer = Tokenizer::create(tables);
  if (!tokenizer.isOk())
    return 0;
  std::vector<int32_t> ids;
  std::string text("Hello, w\u00F6rld!  \u4F60\u597D e\u0301 \xFF 123\n\n<s> ");
  text.append(reinterpret_cast<const char *>(data), size < 64 ? size : 64);
  if (!tokenizer->encode(text, {.addSpecial = true}, ids).isOk())
    return 0;
  for (int32_t id : ids)
    if (id < -1 || id >= tokenizer->vocabSize())
      __builtin_trap();
  if (ids.size() > 4096)
    ids.resize(4096);
  (void)tokenizer->decode(ids, /*skipSpecial=*/false);
  return 0;
}
