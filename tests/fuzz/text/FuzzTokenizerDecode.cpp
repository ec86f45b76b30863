//===- FuzzTokenizerDecode.cpp - Any ids, one by one, by each decoder -----===//
//
// The input: which decoder and whether special tokens are left out, and the
// ids. Each piece that a stream gives must be UTF-8, and a stream that ends
// must leave nothing for the next one.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Utf8.h"
#include "tests/fuzz/text/FuzzTokenizer.h"

using namespace lathe::runtime;

/// Bytes, a marker, words and a special token.
static const char kModel[] = R"({"added_tokens": [
  {"id": 12, "content": "<s>", "special": true, "normalized": false}],
  "model": {"type": "BPE", "byte_fallback": true, "merges": [], "vocab": {
    "<0xE4>": 0, "<0xBD>": 1, "<0xA0>": 2, "<0x41>": 3, "▁": 4, "a▁b": 5,
    "ü": 6, "▁▁": 7, "": 8, "##x": 9, " ": 10, "'m": 11, "Ġä½": 13}},
  )";

static const char *const kDecoders[] = {
    R"("decoder": {"type": "Sequence", "decoders": [
      {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
      {"type": "ByteFallback"}, {"type": "Fuse"},
      {"type": "Strip", "content": " ", "start": 2, "stop": 2}]})",
    R"("decoder": {"type": "ByteLevel"}, "pre_tokenizer": {"type": "ByteLevel"})",
    R"("decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true})",
    R"("decoder": {"type": "WordPiece", "prefix": "##", "cleanup": false})",
    R"("decoder": {"type": "Metaspace", "replacement": "▁",
      "prepend_scheme": "always"})",
    R"("decoder": {"type": "Metaspace", "replacement": "▁",
      "prepend_scheme": "never"})",
    R"("decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"},
      {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})",
    R"("decoder": null)"};

/// The tables of each decoder.
static std::vector<std::vector<std::byte>> makeTables() {
  std::vector<std::vector<std::byte>> tables;
  for (const char *decoder : kDecoders) {
    std::string json = std::string(kModel) + decoder + "}";
    TokenizerFiles files;
    files.tokenizerJson = json;
    Result<std::vector<std::byte>> made = buildTokenizerTablesFrom(files, "f");
    require(made.isOk());
    tables.push_back(std::move(*made));
  }
  return tables;
}

/// What \p decoder gives for \p ids, ended after them.
static std::string stream(StreamDecoder &decoder,
                          const std::vector<int32_t> &ids) {
  std::string text;
  for (int32_t id : ids) {
    std::string piece = decoder.push(id);
    require(text::isUtf8(piece));
    text += piece;
  }
  std::string last = decoder.finish();
  require(text::isUtf8(last));
  return text + last;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const std::vector<std::vector<std::byte>> tables = makeTables();
  if (size == 0)
    return 0;
  Result<Tokenizer> tokenizer =
      Tokenizer::create(tables[data[0] / 2 % tables.size()]);
  require(tokenizer.isOk());
  bool skip = data[0] % 2;
  std::vector<int32_t> ids;
  for (size_t i = 1; i < size; ++i)
    ids.push_back(int32_t(data[i]) % 16 - 1);
  StreamDecoder decoder(*tokenizer, skip);
  std::string text = stream(decoder, ids);
  require(text == tokenizer->decode(ids, skip));
  require(text == stream(decoder, ids));
  return 0;
}
