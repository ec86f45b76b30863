//===- FuzzSentencePiece.cpp - Any bytes as a tokenizer.model -------------===//
#include "tests/fuzz/text/FuzzTokenizer.h"

using namespace lathe::runtime;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  TokenizerFiles files;
  files.sentencePieceModel = asText(data, size);
  if (size > 0)
    requireBuilds(files, files.sentencePieceModel);
  return 0;
}
