//===- TokenizerTestData.h - Tokenizers that the tests load -----*- C++ -*-===//
#ifndef LATHE_TESTS_UNIT_TEXT_TOKENIZERTESTDATA_H
#define LATHE_TESTS_UNIT_TEXT_TOKENIZERTESTDATA_H

#include "runtime/text/Tokenizer.h"
#include "runtime/text/TokenizerBuilder.h"

#include <gtest/gtest.h>

namespace lathe::runtime {

inline constexpr const char *kTokenizerNames[] = {
    "gpt2",        "llama3-style", "minilm-bert",    "phi3-spm",
    "qwen2-style", "smollm2",      "stories-tok512", "t5-style"};

/// The folder of a tokenizer in tests/data.
inline std::string tokenizerFolder(const std::string &name) {
  return std::string(LATHE_SOURCE_DIR "/tests/data/tokenizers/") + name;
}

/// The tables of a tokenizer in tests/data, made once.
inline const std::vector<std::byte> &tokenizerTables(const std::string &name) {
  static std::vector<std::pair<std::string, std::vector<std::byte>>> known;
  for (const auto &[knownName, tables] : known)
    if (knownName == name)
      return tables;
  Result<std::vector<std::byte>> tables =
      buildTokenizerTables(tokenizerFolder(name));
  EXPECT_TRUE(tables.isOk()) << tables.status().message();
  known.reserve(64);
  return known
      .emplace_back(name, tables.isOk() ? *tables : std::vector<std::byte>())
      .second;
}

inline Tokenizer loadTokenizer(const std::string &name) {
  Result<Tokenizer> tokenizer = Tokenizer::create(tokenizerTables(name));
  if (!tokenizer.isOk())
    ADD_FAILURE() << tokenizer.status().message();
  return std::move(*tokenizer);
}

inline std::vector<int32_t> encode(const Tokenizer &tokenizer,
                                   std::string_view text,
                                   EncodeOptions options = {}) {
  std::vector<int32_t> ids;
  Status status = tokenizer.encode(text, options, ids);
  EXPECT_TRUE(status.isOk()) << status.message();
  return ids;
}

} // namespace lathe::runtime

#endif // LATHE_TESTS_UNIT_TEXT_TOKENIZERTESTDATA_H
