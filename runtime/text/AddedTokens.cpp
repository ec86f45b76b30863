//===- AddedTokens.cpp - Finds added tokens in a text ---------------------===//
#include "runtime/text/AddedTokens.h"

#include "runtime/text/Utf8.h"

#include <algorithm>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

const AddedToken *AddedTokenFinder::longestAt(size_t begin, size_t &end) const {
  std::span<const TrieCell> trie = tables.addedTries[set];
  const AddedToken *longest = nullptr;
  uint32_t node = 0;
  size_t limit = std::min(text.size(), begin + kMaximumAddedToken);
  for (size_t i = begin; i < limit; ++i) {
    node = trieChild(trie, node, uint8_t(text[i]));
    if (node == 0)
      break;
    if (trie[node].value >= 0) {
      longest = &tables.addedTokens[trie[node].value];
      end = i + 1;
    }
  }
  return longest;
}

/// Whether the token that stands from \p match.begin to \p end counts; widens
/// the match by the white space that it takes.
bool AddedTokenFinder::accept(size_t end, const AddedToken &token,
                              AddedTokenMatch &match) {
  const char *data = text.data();
  const char *limit = data + text.size();
  auto flagsOf = [&](CodePoint codePoint) {
    return tables.codePoints.at(tableIndex(codePoint.value));
  };
  if ((token.flags & kAddedSpecial) && !parseSpecial)
    return false;
  size_t begin = match.begin;
  if (token.flags & kSingleWord) {
    if (begin > 0 &&
        (flagsOf(readCodePointBefore(data, data + begin)) & kWordCharacter))
      return false;
    if (end < text.size() &&
        (flagsOf(readCodePoint(data + end, limit)) & kWordCharacter))
      return false;
  }
  while ((token.flags & kStripLeft) && begin > taken) {
    CodePoint before = readCodePointBefore(data + taken, data + begin);
    if (!(flagsOf(before) & kWhiteSpace))
      break;
    begin -= before.size;
  }
  // A token of white space may begin in what the last one took.
  begin = std::max(begin, taken);
  while ((token.flags & kStripRight) && end < text.size()) {
    CodePoint after = readCodePoint(data + end, limit);
    if (!(flagsOf(after) & kWhiteSpace))
      break;
    end += after.size;
  }
  match = {begin, std::max(begin, end), token.id};
  return true;
}

AddedTokenMatch AddedTokenFinder::next() {
  AddedTokenMatch match;
  if (!tables.addedTries[set].empty()) {
    const bool *starts = tables.addedStarts[set];
    while (at < text.size()) {
      if (!starts[uint8_t(text[at])]) {
        ++at;
        continue;
      }
      size_t end = 0;
      const AddedToken *token = longestAt(at, end);
      if (!token) {
        ++at;
        continue;
      }
      match.begin = at;
      // What does not count is passed over whole, as the reference does.
      at = end;
      if (accept(end, *token, match)) {
        taken = match.end;
        return match;
      }
    }
  }
  return {text.size(), text.size(), -1};
}
