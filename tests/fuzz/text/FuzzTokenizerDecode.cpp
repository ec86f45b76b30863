//===- FuzzTokenizerDecode.cpp - Any ids, at once and one by one ----------===//
#include "runtime/text/Tokenizer.h"
#include "runtime/text/TokenizerBuilder.h"

#include <cstring>

using namespace lathe::runtime;

/// Bytes, a marker, words and a special token, and each kind of decoder step.
static const char kTokenizer[] = R"({"added_tokens": [
  {"id": 9, "content": "<s>", "special": true, "normalized": false}],
  "decoder": {"type": "Sequence", "decoders": [
    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
    {"type": "ByteFallback"}, {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 2, "stop": 2}]},
  "model": {"type": "BPE", "byte_fallback": true, "merges": [], "vocab": {
    "<0xE4>": 0, "<0xBD>": 1, "<0xA0>": 2, "<0x41>": 3, "▁": 4, "a▁b": 5,
    "ü": 6, "▁▁": 7, "": 8}}})";

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const std::vector<std::byte> tables = [] {
    TokenizerFiles files;
    files.tokenizerJson = kTokenizer;
    Result<std::vector<std::byte>> made = buildTokenizerTablesFrom(files, "f");
    if (!made.isOk())
      __builtin_trap();
    return std::move(*made);
  }();
  static const Tokenizer tokenizer = std::move(*Tokenizer::create(tables));
  std::vector<int32_t> ids;
  for (size_t i = 1; i < size; ++i)
    ids.push_back(int32_t(data[i]) % 12 - 1);
  bool skip = size > 0 && data[0] % 2;
  StreamDecoder decoder(tokenizer, skip);
  std::string streamed;
  for (int32_t id : ids)
    streamed += decoder.push(id);
  streamed += decoder.finish();
  if (streamed != tokenizer.decode(ids, skip))
    __builtin_trap();
  return 0;
}
