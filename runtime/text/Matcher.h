//===- Matcher.h - Runs a split pattern -------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_MATCHER_H
#define LATHE_RUNTIME_TEXT_MATCHER_H

#include "runtime/text/Tables.h"
#include "runtime/text/Utf8.h"

namespace lathe::runtime::text {

/// The end of the match that begins at \p at, or \p at if there is none. Of
/// several it is the one that a backtracking matcher would take first.
inline const char *matchAt(const Matcher &matcher, const char *at,
                           const char *end) {
  const char *matched = at;
  const size_t width = matcher.classes + 1;
  uint32_t state = kStartState;
  while (at < end) {
    CodePoint codePoint = readCodePoint(at, end);
    uint32_t move =
        matcher.moves[state * width +
                      matcher.classOf.at(tableIndex(codePoint.value))];
    if (move & kMatchBit)
      matched = at;
    state = move & ~kMatchBit;
    if (state == kDeadState)
      return matched;
    at += codePoint.size;
  }
  if (matcher.moves[state * width + matcher.classes] & kMatchBit)
    matched = end;
  return matched;
}

/// Calls piece(begin, end, isMatch) for \p text from left to right: its
/// matches, and what lies between them.
template <typename Piece>
void forEachMatch(const Matcher &matcher, std::string_view text, Piece piece) {
  const char *at = text.data();
  const char *end = at + text.size();
  const char *unmatched = at;
  while (at < end) {
    const char *stop = matchAt(matcher, at, end);
    if (stop == at) {
      at += readCodePoint(at, end).size;
      continue;
    }
    if (unmatched < at)
      piece(unmatched, at, /*isMatch=*/false);
    piece(at, stop, /*isMatch=*/true);
    at = unmatched = stop;
  }
  if (unmatched < end)
    piece(unmatched, end, /*isMatch=*/false);
}

/// The same for each place where \p pattern, not empty, stands.
template <typename Piece>
void forEachText(std::string_view pattern, std::string_view text, Piece piece) {
  const char *base = text.data();
  size_t unmatched = 0;
  for (size_t at = text.find(pattern); at != std::string_view::npos;
       at = text.find(pattern, unmatched)) {
    if (unmatched < at)
      piece(base + unmatched, base + at, /*isMatch=*/false);
    unmatched = at + pattern.size();
    piece(base + at, base + unmatched, /*isMatch=*/true);
  }
  if (unmatched < text.size())
    piece(base + unmatched, base + text.size(), /*isMatch=*/false);
}

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_MATCHER_H
