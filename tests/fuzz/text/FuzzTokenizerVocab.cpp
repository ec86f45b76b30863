//===- FuzzTokenizerVocab.cpp - Any bytes as a vocab.txt and its configs --===//
//
// The input is a vocab.txt, a tokenizer_config.json and a
// special_tokens_map.json, with a byte 0 after each but the last.
//
//===----------------------------------------------------------------------===//

#include "tests/fuzz/text/FuzzTokenizer.h"

using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view rest = asText(data, size);
  TokenizerFiles files;
  files.vocabTxt = takeField(rest);
  files.tokenizerConfig = takeField(rest);
  files.specialTokensMap = rest;
  if (!files.vocabTxt.empty())
    requireBuilds(files, asText(data, size));
  return 0;
}
