//===- FuzzTokenizer.h - What the fuzz targets of text share ----*- C++ -*-===//
#ifndef LATHE_TESTS_FUZZ_TEXT_FUZZTOKENIZER_H
#define LATHE_TESTS_FUZZ_TEXT_FUZZTOKENIZER_H

#include "runtime/text/Tokenizer.h"
#include "runtime/text/TokenizerBuilder.h"
#include "tests/fuzz/formats/FuzzInput.h"

#include <vector>

namespace lathe::runtime {

/// Takes what stands before the first byte 0 from \p rest, and that byte.
inline std::string_view takeField(std::string_view &rest) {
  size_t end = std::min(rest.find('\0'), rest.size());
  std::string_view field = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return field;
}

/// Encodes \p text and decodes a part of what comes out.
inline void requireEncodes(const Tokenizer &tokenizer, std::string_view text) {
  std::vector<int32_t> ids;
  if (!tokenizer.encode(text, {.addSpecial = true}, ids).isOk())
    return;
  for (int32_t id : ids)
    require(id >= -1 && id < tokenizer.vocabSize());
  if (ids.size() > 4096)
    ids.resize(4096);
  (void)tokenizer.decode(ids, /*skipSpecial=*/false);
}

/// A refusal must name one of the files of the folder "f".
inline void requireNamesFile(const Status &status) {
  std::string message = status.message();
  require(message.starts_with("f/t: ") ||
          message.starts_with("f/tokenizer_config.json: ") ||
          message.starts_with("f/special_tokens_map.json: "));
  require(message.size() < 2000);
  require(status.code() == StatusCode::InvalidFile ||
          status.code() == StatusCode::Unsupported);
}

/// What the builder makes, the executor must take; what it refuses, it must
/// refuse in words.
inline void requireTables(const Result<std::vector<std::byte>> &tables,
                          std::string_view text) {
  if (!tables.isOk())
    return requireNamesFile(tables.status());
  Result<Tokenizer> tokenizer = Tokenizer::create(*tables);
  require(tokenizer.isOk());
  requireEncodes(*tokenizer, text);
}

/// Makes tables of \p files and encodes \p text with them.
inline void requireBuilds(const TokenizerFiles &files, std::string_view text) {
  requireTables(buildTokenizerTablesFrom(files, "f/t"), text);
}

} // namespace lathe::runtime

#endif // LATHE_TESTS_FUZZ_TEXT_FUZZTOKENIZER_H
