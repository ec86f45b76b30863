//===- AddedTokens.h - Finds added tokens in a text -------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_ADDEDTOKENS_H
#define LATHE_RUNTIME_TEXT_ADDEDTOKENS_H

#include "runtime/text/Tables.h"

namespace lathe::runtime::text {

enum class AddedTokenSet : uint32_t {
  Raw = 0,       ///< Looked for in the text as given.
  Normalized = 1 ///< Looked for after normalization.
};

struct AddedTokenMatch {
  size_t begin = 0; ///< Bytes, with the white space that the token takes.
  size_t end = 0;
  int32_t id = -1; ///< -1: no token up to the end of the text.
};

/// Walks the added tokens of a text from left to right, at each place the
/// longest.
class AddedTokenFinder {
public:
  AddedTokenFinder(const Tables &tables, AddedTokenSet set,
                   std::string_view text, bool parseSpecial)
      : tables(tables), set(uint32_t(set)), text(text),
        parseSpecial(parseSpecial) {}

  AddedTokenMatch next();

private:
  bool accept(size_t end, const AddedToken &token, AddedTokenMatch &match);
  const AddedToken *longestAt(size_t begin, size_t &end) const;

  const Tables &tables;
  const uint32_t set;
  const std::string_view text;
  const bool parseSpecial;
  size_t at = 0;    ///< Where to look on.
  size_t taken = 0; ///< The end of the last match.
};

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_ADDEDTOKENS_H
