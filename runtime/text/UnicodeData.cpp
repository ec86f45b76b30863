//===- UnicodeData.cpp - What the reference knows of Unicode --------------===//
#include "runtime/text/UnicodeData.h"

using namespace lathe::runtime;
using namespace lathe::runtime::text;

namespace {
#include "runtime/text/UnicodeData.inc"
} // namespace

std::span<const CodePointRange> text::unicodeRanges(UnicodeSet set) {
  switch (set) {
  case UnicodeSet::RegexWord:
    return kRegexWord;
  case UnicodeSet::RustWord:
    return kRustWord;
  case UnicodeSet::Punctuation:
    return kPunctuation;
  case UnicodeSet::Numeric:
    return kNumeric;
  case UnicodeSet::BertAccents:
    return kBertAccents;
  case UnicodeSet::Accents:
    return kAccents;
  case UnicodeSet::BertControls:
    return kBertControls;
  case UnicodeSet::LaterDecompositions:
    return kLaterDecompositions;
  case UnicodeSet::LaterCombiningMarks:
    return kLaterCombiningMarks;
  }
  return {};
}

std::span<const CategoryRun> text::categoryRuns() { return kCategoryRuns; }
std::span<const char *const> text::categoryNames() { return kCategoryNames; }
std::span<const LowerRun> text::lowerRuns() { return kLowerRuns; }
