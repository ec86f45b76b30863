//===- NormalForms.cpp - Unicode normal forms -----------------------------===//
//
// Code points are decomposed one by one into a run that begins with a starter
// (combining class 0). The marks of a run are sorted by class; for C and KC the
// run is then composed. A new starter that does not compose with the last one
// ends the run.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/NormalForms.h"

#include "runtime/text/Utf8.h"

#include <algorithm>
#include <vector>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

namespace {

constexpr uint32_t kHangulS = 0xAC00;
constexpr uint32_t kHangulL = 0x1100;
constexpr uint32_t kHangulV = 0x1161;
constexpr uint32_t kHangulT = 0x11A7;
constexpr uint32_t kHangulLCount = 19;
constexpr uint32_t kHangulVCount = 21;
constexpr uint32_t kHangulTCount = 28;
constexpr uint32_t kHangulSCount =
    kHangulLCount * kHangulVCount * kHangulTCount;

struct Mark {
  uint32_t value : 24;
  uint32_t combiningClass : 8;
};

static_assert(sizeof(Mark) == 4, "a text may be one run of marks");

bool isOfLowerClass(const Mark &left, const Mark &right) {
  return left.combiningClass < right.combiningClass;
}

/// Writes the normal form of code points as they come.
class FormWriter {
public:
  FormWriter(const Tables &tables, bool compatible, bool composes,
             std::string &out)
      : tables(tables), form(compatible), composes(composes), out(out) {}

  void write(std::string_view text) {
    const char *at = text.data();
    const char *end = at + text.size();
    while (at < end) {
      CodePoint codePoint = readCodePoint(at, end);
      decomposeInto(codePoint.value);
      at += codePoint.size;
    }
    flush();
  }

private:
  void decomposeInto(uint32_t value) {
    if (value < 0x80 || value >= kStrayByte)
      return add(value, 0);
    if (value - kHangulS < kHangulSCount) {
      uint32_t index = value - kHangulS;
      add(kHangulL + index / (kHangulVCount * kHangulTCount), 0);
      add(kHangulV + index / kHangulTCount % kHangulVCount, 0);
      if (index % kHangulTCount)
        add(kHangulT + index % kHangulTCount, 0);
      return;
    }
    uint32_t entry = tables.decompositions[form].at(value);
    if (entry == 0)
      return add(value, tables.combiningClasses.at(value));
    for (uint32_t i = 0; i < (entry & 31); ++i) {
      uint32_t part = tables.decompositionText[form][(entry >> 5) + i];
      add(part, tables.combiningClasses.at(part));
    }
  }

  void add(uint32_t value, uint8_t combiningClass) {
    if (combiningClass == 0 && !run.empty()) {
      uint32_t joined = composes ? composeWithStarter(value) : 0;
      if (joined) {
        run.front().value = joined;
        return;
      }
      flush();
    }
    run.push_back({value, combiningClass});
  }

  /// A starter may compose with the starter before it, if no mark is left
  /// between them. Returns 0 if it does not.
  uint32_t composeWithStarter(uint32_t value) {
    composeRun();
    return run.size() == 1 && run.front().combiningClass == 0
               ? findComposition(run.front().value, value)
               : 0;
  }

  /// Sorts by class and keeps the order of marks of one class; by counting, so
  /// that a long run takes linear time.
  void sortRun() {
    if (std::is_sorted(run.begin(), run.end(), isOfLowerClass))
      return;
    size_t places[257] = {};
    for (Mark mark : run)
      ++places[mark.combiningClass + 1];
    for (size_t i = 1; i < std::size(places); ++i)
      places[i] += places[i - 1];
    sorted.resize(run.size());
    for (Mark mark : run)
      sorted[places[mark.combiningClass]++] = mark;
    run.swap(sorted);
  }

  void composeRun() {
    sortRun();
    if (!composes || run.size() < 2 || run.front().combiningClass != 0)
      return;
    size_t kept = 1;
    for (size_t i = 1; i < run.size(); ++i) {
      // A mark is blocked by a mark of its class, or a higher one, before it.
      bool blocked =
          kept > 1 && run[kept - 1].combiningClass >= run[i].combiningClass;
      uint32_t joined =
          blocked ? 0 : findComposition(run.front().value, run[i].value);
      if (joined)
        run.front().value = joined;
      else
        run[kept++] = run[i];
    }
    run.resize(kept);
  }

  uint32_t findComposition(uint32_t first, uint32_t second) const {
    if (first - kHangulL < kHangulLCount && second - kHangulV < kHangulVCount)
      return kHangulS +
             ((first - kHangulL) * kHangulVCount + (second - kHangulV)) *
                 kHangulTCount;
    if (first - kHangulS < kHangulSCount &&
        (first - kHangulS) % kHangulTCount == 0 && second > kHangulT &&
        second - kHangulT < kHangulTCount)
      return first + (second - kHangulT);
    if (second < 0x80)
      return 0;
    auto found = std::lower_bound(
        tables.compositions.begin(), tables.compositions.end(),
        std::pair(first, second),
        [](const Composition &entry, const std::pair<uint32_t, uint32_t> &key) {
          return std::pair(entry.first, entry.second) < key;
        });
    return found != tables.compositions.end() && found->first == first &&
                   found->second == second
               ? found->result
               : 0;
  }

  void flush() {
    if (run.size() > 1)
      composeRun();
    for (const Mark &mark : run)
      appendCodePoint(out, mark.value);
    run.clear();
  }

  const Tables &tables;
  const bool form;
  const bool composes;
  std::string &out;
  std::vector<Mark> run;
  std::vector<Mark> sorted; ///< What sortRun() writes.
};

} // namespace

void text::decompose(const Tables &tables, std::string_view text,
                     bool compatible, std::string &out) {
  FormWriter(tables, compatible, /*composes=*/false, out).write(text);
}

void text::compose(const Tables &tables, std::string_view text, bool compatible,
                   std::string &out) {
  FormWriter(tables, compatible, /*composes=*/true, out).write(text);
}
