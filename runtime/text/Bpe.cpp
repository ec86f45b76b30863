//===- Bpe.cpp - Byte pair encoding ---------------------------------------===//
//
// The symbols of a word are merged pair by pair, the lowest rank first and of
// equal ranks the leftmost first, as Sennrich et al., "Neural Machine
// Translation of Rare Words with Subword Units" (2016) do it. Four ways lead to
// the same ids:
//
// - A word that is a token and comes out as that token is looked up.
// - Up to kShortWord symbols: the lowest rank is searched anew for each merge.
// - Longer: a heap of pairs over linked symbols, n log n.
// - From kLongWord symbols on, if no merge makes a part of an earlier one: one
//   list of places for each rank, ranks in ascending order. Linear, and what
//   makes 64 MiB of one character take seconds.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Model.h"
#include "runtime/text/Utf8.h"

#include <algorithm>
#include <cstring>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

namespace {

constexpr size_t kShortWord = 32;
constexpr size_t kLongWord = 1 << 15;
constexpr uint32_t kNone = UINT32_MAX;
constexpr std::string_view kMarker = "\u2581";

class Bpe : public Model {
public:
  explicit Bpe(const Tables &tables) : tables(tables) {}

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
    symbols.clear();
    LATHE_RETURN_IF_ERROR(tables.has(kByteLevel) ? splitBytes(word)
                                                 : splitCharacters(word));
    if (symbols.size() <= kShortWord)
      mergeShort();
    else if (symbols.size() >= kLongWord && tables.has(kOrderedMerges))
      mergeByRank();
    else
      mergeByHeap();
    ids.insert(ids.end(), symbols.begin(), symbols.end());
    return Status::ok();
  }

  Status splitBytes(std::string_view word) {
    symbols.reserve(word.size());
    for (char c : word) {
      int32_t id = tables.byteIds[uint8_t(c)];
      if (id < 0)
        id = tables.config->unknownId;
      // As the reference, which leaves out what has neither.
      if (id >= 0)
        symbols.push_back(id);
    }
    return Status::ok();
  }

  Status splitCharacters(std::string_view word) {
    int32_t unknown = tables.config->unknownId;
    bool pendingUnknown = false;
    const char *at = word.data();
    const char *end = at + word.size();
    while (at < end) {
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
    if (pendingUnknown)
      symbols.push_back(unknown);
    return Status::ok();
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

  /// Merges the pair at \p at if its merge has the rank \p rank, and offers
  /// the two new pairs: offer(rank, place).
  template <typename Offer>
  void mergeAt(uint32_t at, uint32_t rank, Offer offer) {
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
      if (auto *made = tables.findMerge(symbols[at], symbols[next]))
        offer(made->rank, at);
    }
    if (previous != kNone)
      if (auto *made = tables.findMerge(symbols[previous], symbols[at]))
        offer(made->rank, previous);
  }

  void dropMerged() {
    symbols.erase(std::remove(symbols.begin(), symbols.end(), -1),
                  symbols.end());
  }

  void mergeByHeap() {
    link();
    auto after = std::greater<uint64_t>();
    heap.clear();
    for (uint32_t i = 0; i + 1 < symbols.size(); ++i)
      if (auto *merge = tables.findMerge(symbols[i], symbols[i + 1]))
        heap.push_back(uint64_t(merge->rank) << 32 | i);
    std::make_heap(heap.begin(), heap.end(), after);
    while (!heap.empty()) {
      std::pop_heap(heap.begin(), heap.end(), after);
      uint64_t top = heap.back();
      heap.pop_back();
      mergeAt(uint32_t(top), uint32_t(top >> 32),
              [&](uint32_t rank, uint32_t place) {
                heap.push_back(uint64_t(rank) << 32 | place);
                std::push_heap(heap.begin(), heap.end(), after);
              });
    }
    dropMerged();
  }

  void mergeByRank() {
    link();
    std::vector<std::vector<uint32_t>> places(tables.config->mergeCount);
    for (uint32_t i = 0; i + 1 < symbols.size(); ++i)
      if (auto *merge = tables.findMerge(symbols[i], symbols[i + 1]))
        places[merge->rank].push_back(i);
    for (uint32_t rank = 0; rank < places.size(); ++rank) {
      std::vector<uint32_t> here = std::move(places[rank]);
      if (!std::is_sorted(here.begin(), here.end()))
        std::sort(here.begin(), here.end());
      for (uint32_t place : here)
        mergeAt(place, rank, [&](uint32_t made, uint32_t at) {
          places[made].push_back(at);
        });
    }
    dropMerged();
    // A long word is rare; what it took is not kept.
    links = {};
  }

  struct Link {
    uint32_t previous;
    uint32_t next;
  };

  const Tables &tables;
  std::vector<int32_t> symbols;
  std::vector<Link> links;
  std::vector<uint64_t> heap;
};

} // namespace

std::unique_ptr<Model> text::makeBpe(const Tables &tables) {
  return std::make_unique<Bpe>(tables);
}
