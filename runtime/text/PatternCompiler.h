//===- PatternCompiler.h - Split patterns to tables -------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_PATTERNCOMPILER_H
#define LATHE_RUNTIME_TEXT_PATTERNCOMPILER_H

#include "runtime/Status.h"
#include "runtime/text/CodePointSet.h"

#include <string_view>
#include <vector>

namespace lathe::runtime::text {

/// What Matcher.h runs.
struct CompiledPattern {
  uint32_t classes = 0;
  uint32_t states = 0;
  std::vector<uint8_t> classOf; ///< Of each code point.
  std::vector<uint32_t> moves;  ///< [states][classes + 1].
};

/// Compiles the regular expressions of split patterns: literals, classes,
/// `\p{…}`, `\s \d \w` and their complements, groups, `(?i:…)` on ASCII,
/// alternatives, `? * + {n,m}`, possessive ones where they mean the same, and
/// `(?!c)`, `(?=c)` on one character. Anything else is Unsupported, and so is a
/// pattern that matches the empty text or for which matching could take more
/// than linear time. \p word is what `\w` means.
Result<CompiledPattern> compilePattern(std::string_view pattern,
                                       const CodePointSet &word);

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_PATTERNCOMPILER_H
