//===- Bpe.cpp - Byte pair encoding ---------------------------------------===//
//
// The symbols of a word are merged pair by pair, the lowest rank first and of
// equal ranks the leftmost first, as Sennrich et al., "Neural Machine
// Translation of Rare Words with Subword Units" (2016) do it. Three ways lead
// to the same ids:
//
// - A word that is a token and comes out as that token is looked up.
// - Up to kShortWord symbols: the lowest rank is searched anew for each merge.
// - Longer: a queue of pairs by rank over linked symbols.
//
// A word of more symbols than a window is merged window by window, in time
// linear in the word and in memory of a few windows. That gives the ids of the
// whole word because of this: what a part of a word merges into, as long as no
// merge crosses its ends, does not depend on what stands beside it, since the
// order of merges inside it is the same. So tokens are what a word encodes to
// if, and only if, each two neighbours among them encode to themselves (were
// they not, consider the first merge that crosses one of their ends: the two
// neighbours alone would have come to it as well). Hence, of two windows that
// overlap and both have a token from x to y, the tokens of the first up to y
// and those of the second from y on are what the two together encode to. If two
// windows share no token, larger ones are taken.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Model.h"
#include "runtime/text/RankQueue.h"
#include "runtime/text/Utf8.h"

#include <cstring>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

namespace {

constexpr size_t kShortWord = 32;
constexpr uint32_t kNone = UINT32_MAX;
constexpr std::string_view kMarker = "\u2581";

/// Reads a word as the symbols that merging begins with.
class SymbolReader {
public:
  SymbolReader(const Tables &tables, std::string_view word)
      : tables(tables), at(word.data()), end(at + word.size()) {}

  /// Appends symbols until there are \p count of them, or a few more, or the
  /// word ends.
  void read(std::vector<int32_t> &symbols, size_t count) {
    if (tables.has(kByteLevel))
      readBytes(symbols, count);
    else
      readCharacters(symbols, count);
  }

  bool isAtEnd() const { return at == end && !pendingUnknown; }

private:
  void readBytes(std::vector<int32_t> &symbols, size_t count) {
    for (; at < end && symbols.size() < count; ++at) {
      int32_t id = tables.byteIds[uint8_t(*at)];
      if (id < 0)
        id = tables.config->unknownId;
      // As the reference, which leaves out what has neither.
      if (id >= 0)
        symbols.push_back(id);
    }
  }

  void readCharacters(std::vector<int32_t> &symbols, size_t count) {
    int32_t unknown = tables.config->unknownId;
    while (at < end && symbols.size() < count) {
      std::string_view character(at, readCodePoint(at, end).size);
      at += character.size();
      int32_t id = tables.findToken(character);
      if (id >= 0) {
        if (pendingUnknown)
          symbols.push_back(unknown);
        pendingUnknown = false;
        symbols.push_back(id);
        continue;
      }
      // The reference does not write a pending unknown token before these.
      if (tables.has(kByteFallback) &&
          appendByteTokens(tables, character, symbols))
        continue;
      if (unknown < 0)
        continue;
      if (pendingUnknown && !tables.has(kFuseUnknown))
        symbols.push_back(unknown);
      pendingUnknown = true;
    }
    if (at == end && pendingUnknown) {
      symbols.push_back(unknown);
      pendingUnknown = false;
    }
  }

  const Tables &tables;
  const char *at;
  const char *const end;
  bool pendingUnknown = false;
};

class Bpe : public Model {
public:
  Bpe(const Tables &tables, size_t window) : tables(tables), window(window) {}

  Status encodeWord(std::string_view word, std::vector<int32_t> &ids) override {
    if (!tables.has(kCutAtMarker))
      return encodePart(word, ids);
    // No merge crosses the place before a marker that follows something else,
    // so what lies between two such places is encoded alone.
    size_t begin = 0;
    bool afterMarker = true;
    for (size_t at = 0; at < word.size();) {
      bool isMarker = word.compare(at, kMarker.size(), kMarker) == 0;
      if (isMarker && !afterMarker) {
        LATHE_RETURN_IF_ERROR(encodePart(word.substr(begin, at - begin), ids));
        begin = at;
      }
      afterMarker = isMarker;
      if (isMarker) {
        at += kMarker.size();
        continue;
      }
      const void *next =
          std::memchr(word.data() + at + 1, kMarker[0], word.size() - at - 1);
      at = next ? size_t(static_cast<const char *>(next) - word.data())
                : word.size();
    }
    return encodePart(word.substr(begin), ids);
  }

private:
  Status encodePart(std::string_view word, std::vector<int32_t> &ids) {
    if (word.size() <= tables.config->maximumToken) {
      int32_t id = tables.findToken(word);
      if (id >= 0 &&
          (tables.has(kIgnoreMerges) || (tables.tokenFlags[id] & kWhole))) {
        ids.push_back(id);
        return Status::ok();
      }
    }
    SymbolReader reader(tables, word);
    symbols.clear();
    reader.read(symbols, window);
    if (reader.isAtEnd()) {
      if (symbols.size() <= kShortWord)
        mergeShort();
      else
        mergeLinked();
      appendTokens(symbols, 0, symbols.size(), ids);
      return Status::ok();
    }
    size_t before = ids.size();
    size_t size = window;
    while (!mergeByWindows(word, size, ids)) {
      ids.resize(before);
      size *= 16;
    }
    // Larger windows are rare; what they took is not kept.
    if (size > window) {
      symbols = {};
      links = {};
      queue = {};
    }
    return Status::ok();
  }

  /// Appends the tokens of \p merged that begin in [\p begin, \p end).
  static void appendTokens(const std::vector<int32_t> &merged, size_t begin,
                           size_t end, std::vector<int32_t> &ids) {
    for (size_t i = begin; i < end; ++i)
      if (merged[i] >= 0)
        ids.push_back(merged[i]);
  }

  /// Where the token of \p merged that begins at \p at ends.
  static size_t tokenEnd(const std::vector<int32_t> &merged, size_t at) {
    do
      ++at;
    while (at < merged.size() && merged[at] < 0);
    return at;
  }

  /// The place where a token begins that both have, which begin with the same
  /// symbol: of \p last all that there is, and more of \p merged. Or
  /// `last.size()`.
  static size_t findShared(const std::vector<int32_t> &last,
                           const std::vector<int32_t> &merged) {
    size_t at = 0;
    while (at < last.size() && (last[at] < 0 || merged[at] < 0 ||
                                tokenEnd(last, at) != tokenEnd(merged, at)))
      ++at;
    return at;
  }

  /// Encodes \p word by windows of \p size symbols. Returns false if two of
  /// them share no token.
  bool mergeByWindows(std::string_view word, size_t size,
                      std::vector<int32_t> &ids) {
    SymbolReader reader(tables, word);
    std::vector<int32_t> raw;
    std::vector<int32_t> last; // What the last window has of this one.
    while (true) {
      reader.read(raw, size);
      symbols = raw;
      mergeLinked();
      size_t begin = findShared(last, symbols);
      if (!last.empty() && begin == last.size())
        return false;
      appendTokens(last, 0, begin, ids);
      if (reader.isAtEnd()) {
        appendTokens(symbols, begin, symbols.size(), ids);
        return true;
      }
      size_t end = symbols.size() - size / 8;
      while (end > begin && symbols[end] < 0)
        --end;
      if (end <= begin)
        return false;
      appendTokens(symbols, begin, end, ids);
      last.assign(symbols.begin() + end, symbols.end());
      raw.erase(raw.begin(), raw.begin() + end);
    }
  }

  void mergeShort() {
    size_t count = symbols.size();
    const MergeSlot *merges[kShortWord];
    for (size_t i = 0; i + 1 < count; ++i)
      merges[i] = tables.findMerge(symbols[i], symbols[i + 1]);
    while (count > 1) {
      size_t best = count;
      uint32_t lowest = kNone;
      for (size_t i = 0; i + 1 < count; ++i) {
        if (merges[i] && merges[i]->rank < lowest) {
          lowest = merges[i]->rank;
          best = i;
        }
      }
      if (best == count)
        break;
      symbols[best] = merges[best]->result;
      for (size_t i = best + 1; i + 1 < count; ++i) {
        symbols[i] = symbols[i + 1];
        merges[i - 1] = merges[i];
      }
      --count;
      if (best > 0)
        merges[best - 1] = tables.findMerge(symbols[best - 1], symbols[best]);
      if (best + 1 < count)
        merges[best] = tables.findMerge(symbols[best], symbols[best + 1]);
    }
    symbols.resize(count);
  }

  // Merged symbols stay where their left part was; the right part becomes -1.

  void link() {
    uint32_t count = uint32_t(symbols.size());
    links.resize(count);
    for (uint32_t i = 0; i < count; ++i)
      links[i] = {i == 0 ? kNone : i - 1, i + 1 == count ? kNone : i + 1};
  }

  /// Queues the pair at \p at if there is a merge for it.
  void queuePair(uint32_t at, uint32_t right) {
    if (auto *merge = tables.findMerge(symbols[at], symbols[right]))
      queue.push(merge->rank, at);
  }

  /// Merges the pair at \p at if its merge has the rank \p rank.
  void mergeAt(uint32_t at, uint32_t rank) {
    if (symbols[at] < 0 || links[at].next == kNone)
      return;
    uint32_t right = links[at].next;
    const MergeSlot *merge = tables.findMerge(symbols[at], symbols[right]);
    if (!merge || merge->rank != rank)
      return;
    symbols[at] = merge->result;
    symbols[right] = -1;
    uint32_t next = links[right].next;
    uint32_t previous = links[at].previous;
    links[at].next = next;
    if (next != kNone) {
      links[next].previous = at;
      queuePair(at, next);
    }
    if (previous != kNone)
      queuePair(previous, at);
  }

  void mergeLinked() {
    link();
    queue.reserveRanks(tables.config->mergeCount);
    for (uint32_t i = 0; i + 1 < symbols.size(); ++i)
      queuePair(i, i + 1);
    uint32_t rank = 0;
    uint32_t at = 0;
    while (queue.pop(rank, at))
      mergeAt(at, rank);
  }

  struct Link {
    uint32_t previous;
    uint32_t next;
  };

  const Tables &tables;
  const size_t window;
  std::vector<int32_t> symbols;
  std::vector<Link> links;
  RankQueue queue;
};

} // namespace

std::unique_ptr<Model> text::makeBpe(const Tables &tables, size_t window) {
  return std::make_unique<Bpe>(tables, window);
}
