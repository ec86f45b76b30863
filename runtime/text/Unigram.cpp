//===- Unigram.cpp - The most probable tokens of a word -------------------===//
//
// Viterbi's algorithm over the bytes of the word, left to right, with scores in
// float64. Ties go to the path found first, and an unknown character costs what
// the tables say, as in SentencePiece's unigram_model.cc and the reference.
//
// The last tokens of the best paths are kept for a window only: whenever it is
// full, what all paths that may still win begin with is written. Where they
// have nothing in common, as those of a run of a letter of which the vocabulary
// has three but not one or two in a row, the window grows: 4 bytes for each
// byte.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Model.h"
#include "runtime/text/Utf8.h"

#include <algorithm>
#include <bit>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

namespace {

class Unigram : public Model {
public:
  Unigram(const Tables &tables, size_t window)
      : tables(tables), window(window) {}

  Status encodeWord(std::string_view word, std::vector<int32_t> &ids) override {
    // Scores are only needed as far ahead as a token reaches.
    reach = std::min<size_t>(std::max<size_t>(tables.config->maximumToken, 4),
                             word.size());
    if (scores.size() < std::bit_ceil(reach + 1))
      scores.resize(std::bit_ceil(reach + 1));
    begin = 0;
    steps.assign(1, kNoPath);
    score(0) = 0;
    unknownSize = 0;
    size_t limit = window;
    for (size_t at = 0; at < word.size();) {
      if (at - begin >= limit) {
        size_t shared = findShared(at);
        limit = shared > begin ? window : 2 * limit;
        if (limit > window)
          steps.reserve(word.size() - begin + 1);
        write(word, shared, ids);
      }
      at += extend(word, at);
    }
    write(word, word.size(), ids);
    writeUnknown(word, word.size(), ids);
    if (limit > window)
      steps = {};
    return Status::ok();
  }

private:
  /// The last token of the best path to a place in the word: an id, or -1 less
  /// the bytes of an unknown character.
  using Step = int32_t;
  /// No path leads there.
  static constexpr Step kNoPath = -1;

  size_t sizeOf(Step step) const {
    return step < kNoPath ? size_t(kNoPath - step) : tables.token(step).size();
  }

  /// The score of the best path to a place not far from the current one.
  double &score(size_t at) { return scores[at & (scores.size() - 1)]; }

  void offer(size_t end, Step step, double candidate) {
    Step &known = steps[end - begin];
    double &best = score(end);
    if (known == kNoPath || candidate > best) {
      known = step;
      best = candidate;
    }
  }

  /// Offers the tokens that begin at \p at. Returns the size of the character
  /// there.
  size_t extend(std::string_view word, size_t at) {
    size_t wanted = std::min(at + reach, word.size()) - begin + 1;
    if (steps.size() < wanted)
      steps.resize(std::min(wanted + window, word.size() - begin + 1), kNoPath);
    uint32_t size =
        readCodePoint(word.data() + at, word.data() + word.size()).size;
    bool hasCharacter = false;
    uint32_t node = 0;
    size_t longest =
        std::min<size_t>(word.size() - at, tables.config->maximumToken);
    for (size_t length = 1; length <= longest; ++length) {
      node = trieChild(tables.vocabTrie, node, uint8_t(word[at + length - 1]));
      if (node == 0)
        break;
      int32_t id = tables.vocabTrie[node].value;
      // A token that ends inside a character, or of another text than its key,
      // is only in broken tables.
      if (id < 0 || length < size || tables.token(id).size() != length)
        continue;
      offer(at + length, id, tables.scores[id] + score(at));
      hasCharacter |= length == size;
    }
    if (!hasCharacter)
      offer(at + size, kNoPath - int32_t(size),
            tables.config->unknownScore + score(at));
    return size;
  }

  /// The last place that each path passes which leads to \p at or, from before
  /// it, past it.
  size_t findShared(size_t at) const {
    std::vector<bool> isPassed(steps.size());
    size_t passed = 0;
    for (size_t i = at - begin; i < steps.size(); ++i) {
      isPassed[i] = steps[i] != kNoPath;
      passed += isPassed[i];
    }
    size_t last = steps.size() - 1;
    for (; last > 0 && passed > 1; --last) {
      if (!isPassed[last])
        continue;
      size_t before = last - sizeOf(steps[last]);
      passed -= isPassed[before];
      isPassed[before] = true;
    }
    while (!isPassed[last])
      --last;
    return begin + last;
  }

  /// Makes the steps of the best path to \p last say what begins at a place
  /// instead of what ends there.
  void turn(size_t last) {
    Step following = kNoPath;
    for (size_t at = last;;) {
      // Broken tables may have keys that end inside a character.
      Step step = steps[at] == kNoPath && at > 0 ? kNoPath - 1 : steps[at];
      steps[at] = following;
      if (at == 0)
        return;
      following = step;
      at -= sizeOf(step);
    }
  }

  /// Writes the tokens of the best path to \p end, and forgets them.
  void write(std::string_view word, size_t end, std::vector<int32_t> &ids) {
    Step last = steps[end - begin];
    turn(end - begin);
    for (size_t at = begin; at < end;) {
      Step step = steps[at - begin];
      bool isUnknown = step < kNoPath || step == tables.config->unknownId;
      if (!isUnknown || !tables.has(kFuseUnknown))
        writeUnknown(word, at, ids);
      if (isUnknown)
        unknownSize += sizeOf(step);
      else
        ids.push_back(step);
      at += sizeOf(step);
    }
    steps.erase(steps.begin(), steps.begin() + ptrdiff_t(end - begin));
    steps.front() = last;
    begin = end;
  }

  /// Writes the unknown text that ends at \p end, if there is some.
  void writeUnknown(std::string_view word, size_t end,
                    std::vector<int32_t> &ids) {
    if (unknownSize == 0)
      return;
    std::string_view text = word.substr(end - unknownSize, unknownSize);
    unknownSize = 0;
    int32_t id = tables.findToken(text);
    if (id >= 0)
      ids.push_back(id);
    else if (!tables.has(kByteFallback) || !appendByteTokens(tables, text, ids))
      ids.push_back(tables.config->unknownId);
  }

  const Tables &tables;
  const size_t window;
  size_t reach = 0;           ///< Bytes that a token may have.
  std::vector<double> scores; ///< Of the last places, a ring.
  size_t begin = 0;           ///< What is before it is written.
  std::vector<Step> steps;    ///< Of the places from `begin` on.
  size_t unknownSize = 0;     ///< Bytes of unknown text not yet written.
};

} // namespace

std::unique_ptr<Model> text::makeUnigram(const Tables &tables, size_t window) {
  return std::make_unique<Unigram>(tables, window);
}
