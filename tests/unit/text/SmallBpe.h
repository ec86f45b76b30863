//===- SmallBpe.h - Any table of merges, and its slow twin ------*- C++ -*-===//
//
// Byte pair encoding over a few letters, with merges in any order, as Sennrich
// et al. (2016) define it: of all pairs that stand side by side the one of the
// lowest rank is merged, of equal ranks the leftmost, until there is none.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_TESTS_UNIT_TEXT_SMALLBPE_H
#define LATHE_TESTS_UNIT_TEXT_SMALLBPE_H

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lathe::runtime {

class SmallBpe {
public:
  static constexpr size_t kLongestToken = 24;

  /// A vocabulary of the letters a, b, …: \p letters of them, 1 to 26.
  explicit SmallBpe(size_t letters) : letters(letters) {
    for (size_t i = 0; i < letters; ++i)
      addToken(std::string(1, char('a' + i)));
  }

  size_t letterCount() const { return letters; }
  size_t mergeCount() const { return merges.size(); }

  /// Adds the merge of two tokens, by id, at the rank \p rank or as the last.
  /// Does nothing if it is there or makes too long a token.
  void addMerge(size_t left, size_t right, size_t rank) {
    std::pair<int32_t, int32_t> pair(int32_t(left % tokens.size()),
                                     int32_t(right % tokens.size()));
    std::string joined = tokens[pair.first] + tokens[pair.second];
    if (joined.size() > kLongestToken ||
        std::find(merges.begin(), merges.end(), pair) != merges.end())
      return;
    addToken(joined);
    rank = std::min(rank, merges.size());
    merges.insert(merges.begin() + ptrdiff_t(rank), pair);
  }

  /// The tokenizer.json of it.
  std::string json() const {
    std::string text = R"({"model": {"type": "BPE", "vocab": {)";
    for (size_t id = 0; id < tokens.size(); ++id)
      text += (id ? ", \"" : "\"") + tokens[id] + "\": " + std::to_string(id);
    text += R"(}, "merges": [)";
    const char *before = "";
    for (auto [left, right] : merges) {
      text += before;
      text += "[\"" + tokens[left] + "\", \"" + tokens[right] + "\"]";
      before = ", ";
    }
    return text + "]}}";
  }

  /// The ids of \p text, which has no letters but those of the vocabulary.
  std::vector<int32_t> encode(std::string_view text) const {
    std::vector<int32_t> symbols;
    for (char c : text)
      symbols.push_back(c - 'a');
    std::map<std::pair<int32_t, int32_t>, size_t> rankOf;
    for (size_t rank = 0; rank < merges.size(); ++rank)
      rankOf[merges[rank]] = rank;
    while (true) {
      size_t best = 0;
      size_t lowest = merges.size();
      for (size_t i = 0; i + 1 < symbols.size(); ++i) {
        auto found = rankOf.find({symbols[i], symbols[i + 1]});
        if (found != rankOf.end() && found->second < lowest) {
          best = i;
          lowest = found->second;
        }
      }
      if (lowest == merges.size())
        return symbols;
      symbols[best] = ids.at(tokens[symbols[best]] + tokens[symbols[best + 1]]);
      symbols.erase(symbols.begin() + ptrdiff_t(best) + 1);
    }
  }

private:
  void addToken(const std::string &text) {
    if (ids.try_emplace(text, int32_t(tokens.size())).second)
      tokens.push_back(text);
  }

  size_t letters;
  std::vector<std::string> tokens;
  std::map<std::string, int32_t> ids;
  std::vector<std::pair<int32_t, int32_t>> merges; ///< By rank.
};

} // namespace lathe::runtime

#endif // LATHE_TESTS_UNIT_TEXT_SMALLBPE_H
