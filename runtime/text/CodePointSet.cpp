//===- CodePointSet.cpp - Sets of Unicode's code points -------------------===//
#include "runtime/text/CodePointSet.h"

#include "runtime/text/UnicodeData.h"

#include <algorithm>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

static constexpr uint32_t kLastCodePoint = 0x10FFFF;

CodePointSet::CodePointSet(std::span<const CodePointRange> given)
    : ranges(given.begin(), given.end()), isSorted(false) {}

void CodePointSet::add(uint32_t first, uint32_t last) {
  ranges.push_back({first, last});
  isSorted = false;
}

void CodePointSet::add(const CodePointSet &other) {
  ranges.insert(ranges.end(), other.ranges.begin(), other.ranges.end());
  isSorted = false;
}

const std::vector<CodePointRange> &CodePointSet::sorted() const {
  if (isSorted)
    return ranges;
  std::sort(ranges.begin(), ranges.end(),
            [](const CodePointRange &left, const CodePointRange &right) {
              return left.first < right.first;
            });
  std::vector<CodePointRange> joined;
  for (const CodePointRange &range : ranges) {
    if (!joined.empty() && range.first <= joined.back().last + 1)
      joined.back().last = std::max(joined.back().last, range.last);
    else
      joined.push_back(range);
  }
  ranges = std::move(joined);
  isSorted = true;
  return ranges;
}

CodePointSet CodePointSet::complement() const {
  CodePointSet result;
  uint32_t next = 0;
  for (const CodePointRange &range : sorted()) {
    if (next < range.first)
      result.ranges.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kLastCodePoint)
    result.ranges.push_back({next, kLastCodePoint});
  return result;
}

bool CodePointSet::contains(uint32_t value) const {
  const std::vector<CodePointRange> &all = sorted();
  auto after = std::upper_bound(all.begin(), all.end(), value,
                                [](uint32_t key, const CodePointRange &range) {
                                  return key < range.first;
                                });
  return after != all.begin() && value <= std::prev(after)->last;
}

bool CodePointSet::intersects(const CodePointSet &other) const {
  const std::vector<CodePointRange> &left = sorted();
  const std::vector<CodePointRange> &right = other.sorted();
  for (size_t i = 0, j = 0; i < left.size() && j < right.size();) {
    if (left[i].last < right[j].first)
      ++i;
    else if (right[j].last < left[i].first)
      ++j;
    else
      return true;
  }
  return false;
}

std::optional<CodePointSet> text::findCategory(std::string_view name) {
  std::span<const CategoryRun> runs = categoryRuns();
  std::span<const char *const> names = categoryNames();
  CodePointSet result;
  bool isKnown = false;
  for (const char *known : names)
    isKnown |= std::string_view(known) == name ||
               std::string_view(known).substr(0, 1) == name;
  if (!isKnown)
    return std::nullopt;
  auto addRun = [&](uint32_t first, uint32_t end, uint32_t category) {
    if (first < end && std::string_view(names[category]).starts_with(name))
      result.add(first, end - 1);
  };
  addRun(0, runs.front().first, 0);
  for (size_t i = 0; i < runs.size(); ++i)
    addRun(runs[i].first,
           i + 1 < runs.size() ? runs[i + 1].first : kLastCodePoint + 1,
           runs[i].category);
  return result;
}

CodePointSet text::whiteSpace() {
  return {{0x9, 0xD},       {0x20, 0x20},     {0x85, 0x85},
          {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
          {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
          {0x3000, 0x3000}};
}

CodePointSet text::regexWord() {
  return CodePointSet(unicodeRanges(UnicodeSet::RegexWord));
}

CodePointSet text::rustWord() {
  return CodePointSet(unicodeRanges(UnicodeSet::RustWord));
}
