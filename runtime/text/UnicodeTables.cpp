//===- UnicodeTables.cpp - Unicode data for the executor ------------------===//
#include "runtime/text/UnicodeTables.h"

#include "runtime/text/UnicodeData.h"

#include <algorithm>

#include <utf8proc.h>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

static constexpr uint32_t kCodePoints = 0x110000;
static constexpr uint32_t kFirstHangul = 0xAC00;
static constexpr uint32_t kLastHangul = 0xD7A3;

static void setFlag(std::vector<uint8_t> &flags, CodePointFlag flag,
                    std::span<const CodePointRange> ranges) {
  for (const CodePointRange &range : ranges)
    for (uint32_t c = range.first; c <= range.last; ++c)
      flags[c] |= flag;
}

std::vector<uint8_t> text::makeCodePointFlags() {
  std::vector<uint8_t> flags(kCodePoints);
  setFlag(flags, kWhiteSpace, whiteSpace().sorted());
  setFlag(flags, kPunctuation, unicodeRanges(UnicodeSet::Punctuation));
  setFlag(flags, kNumeric, unicodeRanges(UnicodeSet::Numeric));
  setFlag(flags, kBertControl, unicodeRanges(UnicodeSet::BertControls));
  setFlag(flags, kBertAccent, unicodeRanges(UnicodeSet::BertAccents));
  setFlag(flags, kAccent, unicodeRanges(UnicodeSet::Accents));
  setFlag(flags, kWordCharacter, unicodeRanges(UnicodeSet::RustWord));
  return flags;
}

std::vector<uint8_t> text::makeGraphemeClasses() {
  std::vector<uint8_t> classes(kCodePoints);
  for (uint32_t c = 0; c < kCodePoints; ++c)
    classes[c] =
        uint8_t(utf8proc_get_property(utf8proc_int32_t(c))->boundclass);
  return classes;
}

std::vector<int32_t> text::makeLowerDistances() {
  std::vector<int32_t> distances(kCodePoints);
  for (const LowerRun &run : lowerRuns())
    for (uint32_t c = run.first; c <= run.last; c += run.step)
      distances[c] = run.distance;
  return distances;
}

/// A flag for each code point of \p set.
static std::vector<bool> flagsOf(UnicodeSet set) {
  std::vector<bool> flags(kCodePoints);
  for (const CodePointRange &range : unicodeRanges(set))
    for (uint32_t c = range.first; c <= range.last; ++c)
      flags[c] = true;
  return flags;
}

std::vector<uint8_t> text::makeCombiningClasses() {
  std::vector<bool> isLater = flagsOf(UnicodeSet::LaterCombiningMarks);
  std::vector<uint8_t> classes(kCodePoints);
  for (uint32_t c = 0; c < kCodePoints; ++c)
    if (!isLater[c])
      classes[c] =
          uint8_t(utf8proc_get_property(utf8proc_int32_t(c))->combining_class);
  return classes;
}

DecompositionTable text::makeDecompositions(bool compatible) {
  std::vector<bool> isLater = flagsOf(UnicodeSet::LaterDecompositions);
  DecompositionTable table;
  table.entries.resize(kCodePoints);
  for (uint32_t c = 0x80; c < kCodePoints; ++c) {
    if (isLater[c] || (c >= kFirstHangul && c <= kLastHangul))
      continue;
    utf8proc_int32_t parts[32];
    int lastBoundary = 0;
    utf8proc_ssize_t count = utf8proc_decompose_char(
        utf8proc_int32_t(c), parts, 32,
        utf8proc_option_t(UTF8PROC_DECOMPOSE |
                          (compatible ? UTF8PROC_COMPAT : 0)),
        &lastBoundary);
    // No code point has more than 18 parts.
    if (count < 1 || count > 31 || (count == 1 && uint32_t(parts[0]) == c))
      continue;
    table.entries[c] = uint32_t(table.text.size()) << 5 | uint32_t(count);
    table.text.insert(table.text.end(), parts, parts + count);
  }
  return table;
}

/// The code point that \p first and \p second compose to, or 0.
static uint32_t composePair(uint32_t first, uint32_t second) {
  utf8proc_int32_t pair[3] = {utf8proc_int32_t(first), utf8proc_int32_t(second),
                              0};
  utf8proc_ssize_t count = utf8proc_normalize_utf32(
      pair, 2, utf8proc_option_t(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  return count == 1 ? uint32_t(pair[0]) : 0;
}

std::vector<Composition> text::makeCompositions() {
  // A composed character is the composition of the character that composes all
  // its parts but the last, and that last part.
  DecompositionTable canonical = makeDecompositions(/*compatible=*/false);
  std::vector<Composition> compositions;
  for (uint32_t c = 0x80; c < kCodePoints; ++c) {
    uint32_t count = canonical.entries[c] & 31;
    if (count < 2)
      continue;
    const uint32_t *parts = &canonical.text[canonical.entries[c] >> 5];
    utf8proc_int32_t head[32];
    std::copy(parts, parts + count - 1, head);
    utf8proc_ssize_t headCount = utf8proc_normalize_utf32(
        head, count - 1, utf8proc_option_t(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
    if (headCount != 1)
      continue;
    uint32_t first = uint32_t(head[0]);
    uint32_t second = parts[count - 1];
    if (composePair(first, second) == c)
      compositions.push_back({first, second, c});
  }
  std::sort(compositions.begin(), compositions.end(),
            [](const Composition &left, const Composition &right) {
              return std::pair(left.first, left.second) <
                     std::pair(right.first, right.second);
            });
  return compositions;
}
