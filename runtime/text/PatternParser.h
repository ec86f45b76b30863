//===- PatternParser.h - Reads a regular expression -------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_PATTERNPARSER_H
#define LATHE_RUNTIME_TEXT_PATTERNPARSER_H

#include "runtime/Status.h"
#include "runtime/text/CodePointSet.h"

#include <memory>
#include <string_view>
#include <vector>

namespace lathe::runtime::text {

/// A part of a regular expression.
struct PatternNode {
  enum class Kind {
    Empty,
    Set,       ///< One code point of `set`.
    LookAhead, ///< The next code point is of `set`, or is the end if `atEnd`.
    Sequence,  ///< `parts` one after the other.
    Choice,    ///< The first of `parts` that leads to a match.
    Repeat,    ///< `parts[0]`, from `least` to `most` times, greedily.
  };
  static constexpr uint32_t kUnbounded = UINT32_MAX;

  Kind kind = Kind::Empty;
  CodePointSet set;
  bool atEnd = false;
  bool isPossessive = false;
  uint32_t least = 0;
  uint32_t most = 0;
  std::vector<PatternNode> parts;
};

/// Reads \p pattern. See compilePattern() for what is supported. Nesting is
/// limited to 32 groups, counts to 256.
Result<PatternNode> parsePattern(std::string_view pattern,
                                 const CodePointSet &word);

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_PATTERNPARSER_H
