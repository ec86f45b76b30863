//===- FuzzTokenizerJson.cpp - Any bytes as a tokenizer.json --------------===//
#include "runtime/text/Tokenizer.h"
#include "runtime/text/TokenizerBuilder.h"

using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  TokenizerFiles files;
  files.tokenizerJson = {reinterpret_cast<const char *>(data), size};
  Result<std::vector<std::byte>> tables = buildTokenizerTablesFrom(files, "f");
  if (!tables.isOk())
    return 0;
  // What the builder makes, the executor must take.
  Result<Tokenizer> tokenizer = Tokenizer::create(*tables);
  if (!tokenizer.isOk())
    __builtin_trap();
  std::vector<int32_t> ids;
  if (tokenizer->encode(files.tokenizerJson, {.addSpecial = true}, ids).isOk())
    (void)tokenizer->decode(ids, /*skipSpecial=*/false);
  return 0;
}
