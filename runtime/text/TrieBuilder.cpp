//===- TrieBuilder.cpp - Makes a double-array trie ------------------------===//
//
// The children of a node lie in one block of 256 cells, at base ^ byte. A block
// is tried for a node as long as it is open; it closes when it is full or has
// refused kMostRefusals nodes, so that building is linear in the nodes.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/TrieBuilder.h"

#include <algorithm>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

namespace {

constexpr uint32_t kNoParent = UINT32_MAX;
constexpr uint32_t kMostRefusals = 64;
constexpr size_t kMostOpenBlocks = 16;

class Builder {
public:
  explicit Builder(std::vector<std::pair<std::string_view, int32_t>> keys)
      : keys(std::move(keys)) {}

  std::vector<TrieCell> build() {
    addBlock();
    cells[0].parent = kNoParent - 1;
    --open.back().free;
    std::vector<Range> pending = {{0, 0, keys.size(), 0}};
    while (!pending.empty()) {
      Range range = pending.back();
      pending.pop_back();
      addChildren(range, pending);
    }
    return std::move(cells);
  }

private:
  /// The keys below a node, which agree in their first `depth` bytes.
  struct Range {
    uint32_t node;
    size_t begin;
    size_t end;
    size_t depth;
  };

  struct Block {
    uint32_t number;
    uint32_t refusals;
    uint32_t free;
  };

  void addBlock() {
    if (open.size() >= kMostOpenBlocks)
      open.erase(open.begin());
    open.push_back({uint32_t(cells.size() / 256), 0, 256});
    cells.resize(cells.size() + 256, {0, kNoParent, -1});
  }

  bool fits(uint32_t base, const std::vector<uint8_t> &bytes) const {
    for (uint8_t byte : bytes)
      if (cells[base ^ byte].parent != kNoParent)
        return false;
    return true;
  }

  uint32_t findBase(const std::vector<uint8_t> &bytes) {
    for (size_t i = open.size(); i-- > 0;) {
      Block &block = open[i];
      for (uint32_t offset = 0; block.free >= bytes.size() && offset < 256;
           ++offset) {
        if (!fits(block.number * 256 + offset, bytes))
          continue;
        block.free -= uint32_t(bytes.size());
        return block.number * 256 + offset;
      }
      if (++block.refusals >= kMostRefusals || block.free == 0)
        open.erase(open.begin() + ptrdiff_t(i));
    }
    addBlock();
    open.back().free -= uint32_t(bytes.size());
    return open.back().number * 256;
  }

  void addChildren(Range range, std::vector<Range> &pending) {
    // A shorter key sorts before the longer ones that it begins.
    while (range.begin < range.end &&
           keys[range.begin].first.size() == range.depth)
      cells[range.node].value = keys[range.begin++].second;
    if (range.begin == range.end)
      return;
    auto byteAt = [&](size_t key) {
      return uint8_t(keys[key].first[range.depth]);
    };
    std::vector<uint8_t> bytes;
    for (size_t key = range.begin; key < range.end; ++key)
      if (bytes.empty() || bytes.back() != byteAt(key))
        bytes.push_back(byteAt(key));
    uint32_t base = findBase(bytes);
    cells[range.node].base = base;
    size_t key = range.begin;
    for (uint8_t byte : bytes) {
      size_t first = key;
      while (key < range.end && byteAt(key) == byte)
        ++key;
      cells[base ^ byte].parent = range.node;
      pending.push_back({base ^ byte, first, key, range.depth + 1});
    }
  }

  std::vector<std::pair<std::string_view, int32_t>> keys;
  std::vector<TrieCell> cells;
  std::vector<Block> open;
};

} // namespace

std::vector<TrieCell>
text::buildTrie(std::vector<std::pair<std::string_view, int32_t>> keys) {
  std::erase_if(keys, [](const auto &key) { return key.first.empty(); });
  if (keys.empty())
    return {};
  std::sort(keys.begin(), keys.end());
  return Builder(std::move(keys)).build();
}
