//===- Model.h - From a word to its tokens ----------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_MODEL_H
#define LATHE_RUNTIME_TEXT_MODEL_H

#include "runtime/text/Tables.h"

#include <string>

namespace lathe::runtime::text {

/// Splits words into tokens. Holds what one thread needs for that, so that no
/// word allocates once a longer one has been seen.
class Model {
public:
  virtual ~Model() = default;

  /// Appends the ids of \p word, which is not empty. Fails with Unsupported if
  /// the vocabulary has no token for a part of it and no unknown token.
  virtual Status encodeWord(std::string_view word,
                            std::vector<int32_t> &ids) = 0;
};

/// The model that \p tables, which must outlive it, are for.
std::unique_ptr<Model> makeModel(const Tables &tables);

/// Symbols, and bytes, of a word that are looked at together.
inline constexpr size_t kBpeWindow = 4096;
inline constexpr size_t kUnigramWindow = 1 << 15;

/// \p window, at least 64, changes time and memory, never the ids.
std::unique_ptr<Model> makeBpe(const Tables &tables,
                               size_t window = kBpeWindow);
std::unique_ptr<Model> makeUnigram(const Tables &tables,
                                   size_t window = kUnigramWindow);
std::unique_ptr<Model> makeWordPiece(const Tables &tables);

/// Appends the ids of the byte tokens of \p text and returns true, or returns
/// false if one of its bytes has none.
bool appendByteTokens(const Tables &tables, std::string_view text,
                      std::vector<int32_t> &ids);

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_MODEL_H
