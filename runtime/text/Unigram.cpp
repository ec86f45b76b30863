//===- Unigram.cpp - The most probable tokens of a word -------------------===//
//
// Viterbi's algorithm over the bytes of the word, left to right, with scores in
// float64. Ties go to the path found first, and an unknown character costs what
// the tables say, as in SentencePiece's unigram_model.cc and the reference.
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
  explicit Unigram(const Tables &tables) : tables(tables) {}

  Status encodeWord(std::string_view word, std::vector<int32_t> &ids) override {
    findBestPath(word);
    collect(word);
    appendIds(word, ids);
    return Status::ok();
  }

private:
  /// The last token of the best path to a place in the word.
  struct Step {
    int32_t id;
    uint32_t size; ///< Bytes; 0: no path leads here.
  };
  struct Piece {
    size_t begin;
    size_t end;
    int32_t id;
  };

  void findBestPath(std::string_view word) {
    // Scores are only needed as far ahead as a token reaches.
    size_t reach = std::min<size_t>(
        std::max<size_t>(tables.config->maximumToken, 4), word.size());
    size_t window = std::bit_ceil(reach + 1);
    if (scores.size() < window)
      scores.resize(window);
    auto slot = [&](size_t at) -> double & {
      return scores[at & (window - 1)];
    };
    steps.assign(word.size() + 1, {-1, 0});
    slot(0) = 0;
    const char *end = word.data() + word.size();
    for (size_t at = 0; at < word.size();) {
      uint32_t size = readCodePoint(word.data() + at, end).size;
      double score = slot(at);
      auto offer = [&](size_t length, int32_t id, double candidate) {
        Step &step = steps[at + length];
        double &best = slot(at + length);
        if (step.size == 0 || candidate > best) {
          step = {id, uint32_t(length)};
          best = candidate;
        }
      };
      bool hasCharacter = false;
      uint32_t node = 0;
      size_t longest =
          std::min<size_t>(word.size() - at, tables.config->maximumToken);
      for (size_t length = 1; length <= longest; ++length) {
        node =
            trieChild(tables.vocabTrie, node, uint8_t(word[at + length - 1]));
        if (node == 0)
          break;
        int32_t id = tables.vocabTrie[node].value;
        // A token that ends inside a character is only in broken tables.
        if (id < 0 || length < size)
          continue;
        offer(length, id, tables.scores[id] + score);
        hasCharacter |= length == size;
      }
      if (!hasCharacter)
        offer(size, tables.config->unknownId,
              tables.config->unknownScore + score);
      at += size;
    }
  }

  /// The pieces of the best path, last first, runs of unknown ones joined.
  void collect(std::string_view word) {
    pieces.clear();
    for (size_t end = word.size(); end > 0;) {
      const Step &step = steps[end];
      // Broken tables may have keys that end inside a character.
      size_t size = step.size ? step.size : 1;
      int32_t id = step.size ? step.id : tables.config->unknownId;
      size_t begin = end - size;
      bool joins = tables.has(kFuseUnknown) && !pieces.empty() &&
                   id == tables.config->unknownId &&
                   pieces.back().id == tables.config->unknownId;
      if (joins)
        pieces.back().begin = begin;
      else
        pieces.push_back({begin, end, id});
      end = begin;
    }
  }

  void appendIds(std::string_view word, std::vector<int32_t> &ids) {
    for (size_t i = pieces.size(); i-- > 0;) {
      const Piece &piece = pieces[i];
      if (piece.id != tables.config->unknownId) {
        ids.push_back(piece.id);
        continue;
      }
      std::string_view text = word.substr(piece.begin, piece.end - piece.begin);
      int32_t id = tables.findToken(text);
      if (id >= 0)
        ids.push_back(id);
      else if (!tables.has(kByteFallback) ||
               !appendByteTokens(tables, text, ids))
        ids.push_back(tables.config->unknownId);
    }
  }

  const Tables &tables;
  std::vector<double> scores;
  std::vector<Step> steps;
  std::vector<Piece> pieces;
};

} // namespace

std::unique_ptr<Model> text::makeUnigram(const Tables &tables) {
  return std::make_unique<Unigram>(tables);
}
