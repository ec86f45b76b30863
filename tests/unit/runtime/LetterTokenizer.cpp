//===- LetterTokenizer.cpp - Tokenizers for the fake decoder --------------===//

#include "tests/unit/runtime/LetterTokenizer.h"

#include "runtime/text/TokenizerBuilder.h"

#include <cstdio>
#include <cstdlib>
#include <string>

using namespace lathe;
using namespace lathe::runtime;

static std::vector<std::byte> build(const std::string &json) {
  TokenizerFiles files = {};
  files.tokenizerJson = json;
  Result<std::vector<std::byte>> tables =
      buildTokenizerTablesFrom(files, "letters");
  if (!tables.isOk()) {
    std::fprintf(stderr, "%s\n", tables.status().message().c_str());
    std::abort();
  }
  return *tables;
}

/// The entries of the letters [begin, end) from 'a', each of them \p length
/// times.
static std::string letters(int begin, int end, size_t length) {
  std::string json;
  for (int i = begin; i < end; ++i)
    json += std::string(i ? "," : "") + "\"" +
            std::string(length, static_cast<char>('a' + i)) +
            "\":" + std::to_string(i);
  return json;
}

std::vector<std::byte> lathe::testing::letterTables() {
  return build(R"({"version":"1.0","added_tokens":[],"normalizer":null,
    "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,
                     "trim_offsets":true,"use_regex":false},
    "post_processor":null,
    "decoder":{"type":"ByteLevel","add_prefix_space":false,
               "trim_offsets":true,"use_regex":false},
    "model":{"type":"BPE","merges":[],"vocab":{)" +
               letters(0, 16, 1) + "}}}");
}

std::vector<std::byte> lathe::testing::byteTables() {
  return build(R"({"version":"1.0","added_tokens":[],"normalizer":null,
    "pre_tokenizer":null,"post_processor":null,
    "decoder":{"type":"Sequence","decoders":[
      {"type":"Replace","pattern":{"String":"▁"},"content":" "},
      {"type":"ByteFallback"},{"type":"Fuse"},
      {"type":"Strip","content":" ","start":1,"stop":1}]},
    "model":{"type":"BPE","merges":[],"vocab":{)" +
               letters(0, 3, 1) + letters(3, 12, 40) +
               R"(,"▁":12,"<0xE2>":13,"<0x82>":14,"<0xAC>":15}}})");
}
