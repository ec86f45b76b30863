//===- UnicodeTables.h - Unicode data for the executor ----------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_UNICODETABLES_H
#define LATHE_RUNTIME_TEXT_UNICODETABLES_H

#include "runtime/text/Tables.h"

#include <vector>

namespace lathe::runtime::text {

/// A table of decompositions: of each code point offset << 5 | count in `text`,
/// 0 if it stays. Without Hangul, which has a rule.
struct DecompositionTable {
  std::vector<uint32_t> entries;
  std::vector<uint32_t> text;
};

/// Values for each of the 0x110000 code points.
std::vector<uint8_t> makeCodePointFlags();
std::vector<uint8_t> makeGraphemeClasses();
std::vector<int32_t> makeLowerDistances();
std::vector<uint8_t> makeCombiningClasses();
DecompositionTable makeDecompositions(bool compatible);
/// Sorted by first, then second.
std::vector<Composition> makeCompositions();

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_UNICODETABLES_H
