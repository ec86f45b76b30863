//===- UnicodeData.h - What the reference knows of Unicode ------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_UNICODEDATA_H
#define LATHE_RUNTIME_TEXT_UNICODEDATA_H

#include "runtime/text/CodePointSet.h"

namespace lathe::runtime::text {

struct CategoryRun {
  uint32_t first;    ///< The run ends where the next begins.
  uint32_t category; ///< Index in categoryNames().
};

/// Code points first, first + step … last have their lower case at
/// `distance`.
struct LowerRun {
  uint32_t first;
  uint32_t last;
  uint32_t step;
  int32_t distance;
};

enum class UnicodeSet {
  RegexWord,
  RustWord,
  Punctuation,
  Numeric,
  BertAccents,
  Accents,
  BertControls,
  LaterDecompositions,
  LaterCombiningMarks,
};

std::span<const CodePointRange> unicodeRanges(UnicodeSet set);
std::span<const CategoryRun> categoryRuns();
std::span<const char *const> categoryNames();
std::span<const LowerRun> lowerRuns();

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_UNICODEDATA_H
