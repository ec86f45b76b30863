//===- PreTokenizer.cpp - From a text to its words ------------------------===//
#include "runtime/text/PreTokenizer.h"

#include "runtime/text/Matcher.h"
#include "runtime/text/Utf8.h"

#include <algorithm>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

namespace {

/// Joins matches and what lies between them into words, as a behavior says:
/// word(begin, end).
template <typename Word>
class Joiner {
public:
  Joiner(Behavior behavior, bool invert, Word word)
      : behavior(behavior), invert(invert), word(word) {}

  void add(const char *begin, const char *end, bool matches) {
    bool isMatch = matches != invert;
    switch (behavior) {
    case Behavior::Removed:
      if (!isMatch)
        word(begin, end);
      return;
    case Behavior::Isolated:
      word(begin, end);
      return;
    case Behavior::Contiguous:
      extendOrStart(begin, end, /*extends=*/isMatch == lastIsMatch);
      break;
    case Behavior::MergedWithPrevious:
      extendOrStart(begin, end, /*extends=*/isMatch && !lastIsMatch);
      break;
    case Behavior::MergedWithNext:
      extendOrStart(begin, end, /*extends=*/lastIsMatch && !isMatch);
      break;
    }
    lastIsMatch = isMatch;
  }

  void finish() {
    if (pendingBegin)
      word(pendingBegin, pendingEnd);
    pendingBegin = nullptr;
  }

private:
  void extendOrStart(const char *begin, const char *end, bool extends) {
    if (!extends || !pendingBegin) {
      finish();
      pendingBegin = begin;
    }
    pendingEnd = end;
  }

  const Behavior behavior;
  const bool invert;
  Word word;
  const char *pendingBegin = nullptr;
  const char *pendingEnd = nullptr;
  bool lastIsMatch = false;
};

} // namespace

/// Calls piece() for the code points of \p text with a flag of \p mask, one by
/// one, and for what lies between them.
template <typename Piece>
static void forEachFlagged(const Tables &tables, uint8_t mask,
                           std::string_view text, Piece piece) {
  const char *at = text.data();
  const char *end = at + text.size();
  const char *unmatched = at;
  while (at < end) {
    CodePoint codePoint = readCodePoint(at, end);
    const char *next = at + codePoint.size;
    if (tables.codePoints.at(tableIndex(codePoint.value)) & mask) {
      if (unmatched < at)
        piece(unmatched, at, /*isMatch=*/false);
      piece(at, next, /*isMatch=*/true);
      unmatched = next;
    }
    at = next;
  }
  if (unmatched < end)
    piece(unmatched, end, /*isMatch=*/false);
}

Status PreTokenizer::split(size_t stepIndex, std::string_view text,
                           bool isFirst) {
  const Step &step = tables.preTokenizers[stepIndex];
  Status status;
  auto word = [&](const char *begin, const char *end) {
    if (status.isOk() && begin < end)
      status = runFrom(stepIndex + 1, {begin, size_t(end - begin)},
                       isFirst && begin == text.data());
  };
  Joiner joiner(Behavior(step.behavior), step.invert, word);
  auto add = [&](const char *begin, const char *end, bool isMatch) {
    joiner.add(begin, end, isMatch);
  };
  switch (StepKind(step.kind)) {
  case StepKind::SplitMatches:
    forEachMatch(tables.matchers[step.number], text, add);
    break;
  case StepKind::SplitText:
    forEachText(tables.string(step.text), text, add);
    break;
  default:
    forEachFlagged(tables, uint8_t(step.number), text, add);
  }
  joiner.finish();
  return status;
}

/// Appends \p text with \p replacement for each space, and one before it if
/// \p scheme asks for it.
static void markSpaces(std::string_view text, std::string_view replacement,
                       bool prepends, std::string &out) {
  size_t spaces = size_t(std::count(text.begin(), text.end(), ' '));
  out.reserve(text.size() + (spaces + 1) * replacement.size());
  if (prepends && text.substr(0, 1) != " " && !text.starts_with(replacement))
    out += replacement;
  for (char c : text) {
    if (c == ' ')
      out += replacement;
    else
      out += c;
  }
}

Status PreTokenizer::runFrom(size_t stepIndex, std::string_view text,
                             bool isFirst) {
  if (text.empty())
    return Status::ok();
  if (stepIndex == tables.preTokenizers.size())
    return model.encodeWord(text, ids);
  const Step &step = tables.preTokenizers[stepIndex];
  std::string &buffer = buffers[stepIndex];
  switch (StepKind(step.kind)) {
  case StepKind::PrefixSpace:
    if (text.front() == ' ')
      return runFrom(stepIndex + 1, text, isFirst);
    buffer.assign(1, ' ');
    buffer += text;
    return runFrom(stepIndex + 1, buffer, isFirst);
  case StepKind::Metaspace: {
    MetaspaceScheme scheme = MetaspaceScheme(step.number);
    buffer.clear();
    markSpaces(text, tables.string(step.content),
               scheme == MetaspaceScheme::Always ||
                   (scheme == MetaspaceScheme::First && isFirst),
               buffer);
    return runFrom(stepIndex + 1, buffer, isFirst);
  }
  default:
    return split(stepIndex, text, isFirst);
  }
}
