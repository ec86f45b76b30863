//===- TokenizerSpec.h - A tokenizer before its tables ----------*- C++ -*-===//
//
// What the readers of tokenizer.json, SentencePiece models and vocab.txt fill
// in, and TableCompiler turns into tables.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TEXT_TOKENIZERSPEC_H
#define LATHE_RUNTIME_TEXT_TOKENIZERSPEC_H

#include "runtime/text/PatternCompiler.h"
#include "runtime/text/Tables.h"

#include <string>
#include <vector>

namespace lathe::runtime::text {

struct SpecStep {
  StepKind kind;
  uint32_t number = 0;
  uint32_t number2 = 0;
  Behavior behavior = Behavior::Removed;
  bool invert = false;
  std::string text = {};
  std::string content = {};
};

struct SpecToken {
  std::string text; ///< As the vocabulary spells it.
  bool isPresent = false;
  bool isAddedOnly = false;
  bool isSpecial = false;
};

struct SpecAddedToken {
  std::string content = {};
  int32_t id = -1;
  uint32_t flags = 0; ///< AddedTokenFlag.
  bool isNormalized = false;
};

struct SpecMerge {
  int32_t left;
  int32_t right;
  int32_t result;
};

struct TokenizerSpec {
  ModelKind model = ModelKind::Bpe;
  uint32_t flags = 0; ///< ConfigFlag, but for what TableCompiler finds out.
  std::vector<SpecToken> tokens; ///< By id.
  std::vector<double> scores;    ///< Unigram: by id.
  std::vector<SpecMerge> merges; ///< By rank.
  int32_t unknownId = -1;
  std::string continuationPrefix; ///< WordPiece.
  uint32_t maximumWord = 100;     ///< WordPiece: characters.
  std::vector<SpecAddedToken> addedTokens;
  std::vector<SpecStep> normalizers;
  std::vector<SpecStep> preTokenizers;
  std::vector<SpecStep> decoders;
  std::vector<CompiledPattern> patterns;
  std::vector<int32_t> prefixIds;
  std::vector<int32_t> suffixIds;
  std::string charsmap; ///< SentencePiece's; empty: none.
  int32_t specials[7] = {-1, -1, -1, -1, -1, -1, -1};

  /// The id of \p text in the vocabulary, or of an added token, or -1. Looks at
  /// the tokens one by one.
  int32_t findId(std::string_view text) const;

  /// Appends \p pattern and returns its number, or the error with \p field.
  Result<uint32_t> addPattern(std::string_view pattern,
                              const CodePointSet &word,
                              const std::string &field);
};

/// Makes the tables of \p spec. \p name stands for the file in messages.
Result<std::vector<std::byte>> compileTables(const TokenizerSpec &spec,
                                             const std::string &name);

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_TOKENIZERSPEC_H
