//===- TokenizerBuilder.h - Makes a tokenizer's tables ----------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_TOKENIZERBUILDER_H
#define LATHE_RUNTIME_TEXT_TOKENIZERBUILDER_H

#include "runtime/Status.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::runtime {

class Gguf;

/// Makes the tables that Tokenizer::create() takes from \p path: a
/// tokenizer.json, a SentencePiece tokenizer.model, a vocab.txt, a .gguf file
/// (as below), or a directory
/// that holds one of them (the first of these three), in which
/// tokenizer_config.json and special_tokens_map.json say which tokens have a
/// role. Equal files give equal tables.
///
/// Fails with NotFound or IoError; InvalidFile if a file breaks its format;
/// Unsupported, naming the field, for what Lathe does not do.
Result<std::vector<std::byte>> buildTokenizerTables(const std::string &path);

/// The bytes of the files that buildTokenizerTables() would read. An empty one
/// is absent; exactly one of the first three must be there.
struct TokenizerFiles {
  std::string_view tokenizerJson;
  std::string_view sentencePieceModel;
  std::string_view vocabTxt;
  std::string_view tokenizerConfig;
  std::string_view specialTokensMap;
};

/// As buildTokenizerTables(), from memory. \p name stands for the file in
/// messages, its folder for that of the two configs.
Result<std::vector<std::byte>>
buildTokenizerTablesFrom(const TokenizerFiles &files, const std::string &name);

/// Whether the metadata of \p file has a tokenizer of any kind.
bool hasTokenizer(const Gguf &file);

/// As buildTokenizerTables(), from the metadata of a GGUF file: the models gpt2
/// (byte-level BPE, with the split patterns of the usual tokenizer.ggml.pre)
/// and llama (SentencePiece BPE). NotFound if there is no tokenizer.
Result<std::vector<std::byte>> buildTokenizerTables(const Gguf &file);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_TEXT_TOKENIZERBUILDER_H
