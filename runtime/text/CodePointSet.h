//===- CodePointSet.h - Sets of Unicode's code points -----------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_CODEPOINTSET_H
#define LATHE_RUNTIME_TEXT_CODEPOINTSET_H

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace lathe::runtime::text {

struct CodePointRange {
  uint32_t first;
  uint32_t last; ///< In the range.
};

/// A set of code points: ascending ranges that neither overlap nor touch.
class CodePointSet {
public:
  CodePointSet() = default;
  CodePointSet(std::initializer_list<CodePointRange> ranges)
      : CodePointSet(std::span(ranges.begin(), ranges.size())) {}
  explicit CodePointSet(std::span<const CodePointRange> ranges);

  void add(uint32_t first, uint32_t last);
  void add(const CodePointSet &other);
  CodePointSet complement() const;
  bool contains(uint32_t value) const;
  bool intersects(const CodePointSet &other) const;
  bool isEmpty() const { return sorted().empty(); }
  /// The ranges, in order.
  const std::vector<CodePointRange> &sorted() const;

private:
  mutable std::vector<CodePointRange> ranges;
  mutable bool isSorted = true;
};

/// The code points of a general category ("Lu") or group of them ("L"), as the
/// reference's regular expressions know them; nothing if there is no such one.
std::optional<CodePointSet> findCategory(std::string_view name);

CodePointSet whiteSpace();
/// `\w` of split patterns.
CodePointSet regexWord();
/// `\w` of the Whitespace pre-tokenizer and of added tokens.
CodePointSet rustWord();

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_CODEPOINTSET_H
