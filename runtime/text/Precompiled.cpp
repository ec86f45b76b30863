//===- Precompiled.cpp - SentencePiece's character maps -------------------===//
//
// The map is SentencePiece's own double array (Darts-clone): a unit holds a
// label, an offset to its children, and whether a value hangs on it. It is
// untrusted and so large that each step is checked here, not at load.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Precompiled.h"

#include "runtime/text/Utf8.h"

#include <cstring>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

static uint32_t unitOffset(uint32_t unit) {
  return (unit >> 10) << ((unit & (1u << 9)) >> 6);
}

/// What the map has for the shortest key that begins \p text: null if none.
/// The reference takes the first key found, which is the shortest.
static const char *findMapped(const Tables &tables, std::string_view text) {
  std::span<const uint32_t> trie = tables.charsmapTrie;
  size_t node = unitOffset(trie[0]);
  for (char c : text) {
    uint8_t byte = uint8_t(c);
    if (byte == 0)
      return nullptr;
    node ^= byte;
    if (node >= trie.size())
      return nullptr;
    uint32_t unit = trie[node];
    if ((unit & (1u << 31 | 0xFF)) != byte)
      return nullptr;
    node ^= unitOffset(unit);
    if (node >= trie.size())
      return nullptr;
    if (unit >> 8 & 1) {
      uint32_t value = trie[node] & ~(1u << 31);
      return value < tables.charsmapText.size()
                 ? tables.charsmapText.data() + value
                 : nullptr;
    }
  }
  return nullptr;
}

namespace {

/// The values of utf8proc_boundclass_t.
enum Boundary : uint8_t {
  kOther = 1,
  kCr = 2,
  kLf = 3,
  kControl = 4,
  kExtend = 5,
  kL = 6,
  kV = 7,
  kT = 8,
  kLv = 9,
  kLvt = 10,
  kRegionalIndicator = 11,
  kSpacingMark = 12,
  kPrepend = 13,
  kZeroWidthJoiner = 14,
  kPictographic = 19,
};

/// Finds the ends of grapheme clusters (Unicode Standard Annex 29).
class GraphemeBreaker {
public:
  /// Whether a cluster ends between what came before and \p next.
  bool breaksBefore(uint8_t next) {
    bool breaks = !joins(next);
    if (next == kRegionalIndicator)
      oddRegional = breaks || !oddRegional;
    else
      oddRegional = false;
    if (next == kPictographic)
      emoji = Emoji::Base;
    else if (next == kZeroWidthJoiner && emoji == Emoji::Base)
      emoji = Emoji::Joined;
    else if (next != kExtend || emoji == Emoji::Joined)
      emoji = Emoji::None;
    last = next;
    return breaks;
  }

private:
  enum class Emoji { None, Base, Joined };

  bool joins(uint8_t next) const {
    if (last == kCr)
      return next == kLf;
    if (last == kLf || last == kControl || next == kControl || next == kCr ||
        next == kLf || last == 0)
      return false;
    if (last == kL && (next == kL || next == kV || next == kLv || next == kLvt))
      return true;
    if ((last == kLv || last == kV) && (next == kV || next == kT))
      return true;
    if ((last == kLvt || last == kT) && next == kT)
      return true;
    if (next == kExtend || next == kZeroWidthJoiner || next == kSpacingMark ||
        last == kPrepend)
      return true;
    if (emoji == Emoji::Joined && next == kPictographic)
      return true;
    return last == kRegionalIndicator && next == kRegionalIndicator &&
           oddRegional;
  }

  uint8_t last = 0;
  bool oddRegional = false;
  Emoji emoji = Emoji::None;
};

} // namespace

/// Appends \p cluster after the map.
static void mapCluster(const Tables &tables, std::string_view cluster,
                       std::string &out) {
  if (cluster.size() < 6) {
    if (const char *mapped = findMapped(tables, cluster)) {
      out += mapped;
      return;
    }
  }
  while (!cluster.empty()) {
    CodePoint first =
        readCodePoint(cluster.data(), cluster.data() + cluster.size());
    std::string_view character = cluster.substr(0, first.size);
    if (const char *mapped = findMapped(tables, character))
      out += mapped;
    else
      out += character;
    cluster.remove_prefix(first.size);
  }
}

void text::applyCharsmap(const Tables &tables, std::string_view text,
                         std::string &out) {
  const char *at = text.data();
  const char *end = at + text.size();
  const char *cluster = at;
  GraphemeBreaker breaker;
  while (at < end) {
    CodePoint codePoint = readCodePoint(at, end);
    uint8_t boundary = tables.graphemes.at(tableIndex(codePoint.value));
    if (breaker.breaksBefore(boundary) && cluster < at) {
      mapCluster(tables, {cluster, size_t(at - cluster)}, out);
      cluster = at;
    }
    at += codePoint.size;
  }
  mapCluster(tables, {cluster, size_t(end - cluster)}, out);
}
