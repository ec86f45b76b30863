//===- Model.cpp - WordPiece, and the choice of a model -------------------===//
#include "runtime/text/Model.h"

#include "runtime/text/Utf8.h"

using namespace lathe::runtime;
using namespace lathe::runtime::text;

bool text::appendByteTokens(const Tables &tables, std::string_view text,
                            std::vector<int32_t> &ids) {
  for (char c : text)
    if (tables.byteIds[uint8_t(c)] < 0)
      return false;
  for (char c : text)
    ids.push_back(tables.byteIds[uint8_t(c)]);
  return true;
}

namespace {

/// Takes the longest token that begins the word, then the longest that
/// continues it, and so on; a word that does not come out is unknown.
class WordPiece : public Model {
public:
  explicit WordPiece(const Tables &tables) : tables(tables) {}

  Status encodeWord(std::string_view word, std::vector<int32_t> &ids) override {
    size_t before = ids.size();
    if (isTooLong(word) || !appendPieces(word, ids)) {
      ids.resize(before);
      ids.push_back(tables.config->unknownId);
    }
    return Status::ok();
  }

private:
  bool isTooLong(std::string_view word) const {
    if (word.size() <= tables.config->maximumWord)
      return false;
    size_t characters = 0;
    for (char c : word)
      characters += (uint8_t(c) & 0xC0) != 0x80;
    return characters > tables.config->maximumWord;
  }

  bool appendPieces(std::string_view word, std::vector<int32_t> &ids) const {
    size_t at = 0;
    while (at < word.size()) {
      if (at > 0 && !tables.config->hasContinuation)
        return false;
      uint32_t node = at > 0 ? tables.config->continuation : 0;
      int32_t id = -1;
      size_t stop = at;
      for (size_t i = at; i < word.size(); ++i) {
        node = trieChild(tables.vocabTrie, node, uint8_t(word[i]));
        if (node == 0)
          break;
        if (tables.vocabTrie[node].value >= 0) {
          id = tables.vocabTrie[node].value;
          stop = i + 1;
        }
      }
      if (id < 0)
        return false;
      ids.push_back(id);
      at = stop;
    }
    return true;
  }

  const Tables &tables;
};

} // namespace

std::unique_ptr<Model> text::makeWordPiece(const Tables &tables) {
  return std::make_unique<WordPiece>(tables);
}

std::unique_ptr<Model> text::makeModel(const Tables &tables) {
  switch (ModelKind(tables.config->model)) {
  case ModelKind::Bpe:
    return makeBpe(tables);
  case ModelKind::Unigram:
    return makeUnigram(tables);
  case ModelKind::WordPiece:
    return makeWordPiece(tables);
  }
  return nullptr;
}
