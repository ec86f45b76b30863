//===- FuzzTokenizerJson.cpp - Any bytes as a tokenizer.json --------------===//
#include "tests/fuzz/text/FuzzTokenizer.h"

using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  TokenizerFiles files;
  files.tokenizerJson = asText(data, size);
  if (size > 0)
    requireBuilds(files, files.tokenizerJson);
  return 0;
}
