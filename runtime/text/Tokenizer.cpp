//===- Tokenizer.cpp - Text to token ids ----------------------------------===//
//
// Added tokens that are looked for in the raw text cut it into pieces; each
// piece is normalized, cut by the other added tokens, split into words, and
// each word is given to the model.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Tokenizer.h"

#include "runtime/text/AddedTokens.h"
#include "runtime/text/Normalizer.h"
#include "runtime/text/PreTokenizer.h"
#include "runtime/text/Tables.h"
#include "runtime/text/Utf8.h"

using namespace lathe::runtime;
using namespace lathe::runtime::text;

Result<Tokenizer> Tokenizer::create(std::span<const std::byte> bytes) {
  Result<std::shared_ptr<const Tables>> tables = Tables::load(bytes);
  if (!tables.isOk())
    return tables.takeStatus();
  return Tokenizer(std::move(*tables));
}

namespace {

/// Encodes one text.
class Encoder {
public:
  Encoder(const Tables &tables, bool parseSpecial, std::vector<int32_t> &ids)
      : tables(tables), parseSpecial(parseSpecial), ids(ids),
        model(makeModel(tables)), preTokenizer(tables, *model, ids) {}

  Status run(std::string_view text) {
    return cut(AddedTokenSet::Raw, text, /*isFirst=*/true);
  }

private:
  /// Writes the added tokens of \p set, and what lies between them.
  Status cut(AddedTokenSet set, std::string_view text, bool isFirst) {
    AddedTokenFinder finder(tables, set, text, parseSpecial);
    size_t done = 0;
    while (true) {
      AddedTokenMatch match = finder.next();
      if (done < match.begin) {
        std::string_view piece = text.substr(done, match.begin - done);
        LATHE_RETURN_IF_ERROR(encodePiece(set, piece, isFirst && done == 0));
      }
      if (match.id < 0)
        return Status::ok();
      ids.push_back(match.id);
      done = match.end;
    }
  }

  Status encodePiece(AddedTokenSet set, std::string_view piece, bool isFirst) {
    if (set == AddedTokenSet::Normalized)
      return preTokenizer.run(piece, isFirst);
    std::string_view normalized = normalize(tables, piece, buffer, spare);
    // Kept for the next piece, but not where it would double what a text takes.
    if (spare.capacity() > kLongestSpare)
      spare = {};
    return cut(AddedTokenSet::Normalized, normalized, isFirst);
  }

  static constexpr size_t kLongestSpare = 1 << 16;

  const Tables &tables;
  const bool parseSpecial;
  std::vector<int32_t> &ids;
  std::unique_ptr<Model> model;
  PreTokenizer preTokenizer;
  std::string buffer;
  std::string spare;
};

} // namespace

Status Tokenizer::encode(std::string_view text, EncodeOptions options,
                         std::vector<int32_t> &ids) const {
  if (text.size() > size_t(INT32_MAX) - 1)
    return Status::error(StatusCode::Unsupported,
                         "text: " + std::to_string(text.size()) +
                             " bytes are more than 2147483646");
  std::string valid;
  if (!tables->has(kByteLevel) && !isAscii(text) && !isUtf8(text)) {
    appendValidUtf8(valid, text);
    text = valid;
  }
  if (options.addSpecial)
    ids.insert(ids.end(), tables->prefixIds.begin(), tables->prefixIds.end());
  LATHE_RETURN_IF_ERROR(Encoder(*tables, options.parseSpecial, ids).run(text));
  if (options.addSpecial)
    ids.insert(ids.end(), tables->suffixIds.begin(), tables->suffixIds.end());
  return Status::ok();
}

std::string Tokenizer::decode(std::span<const int32_t> ids,
                              bool skipSpecial) const {
  StreamDecoder decoder(*this, skipSpecial);
  std::string text;
  for (int32_t id : ids)
    text += decoder.push(id);
  text += decoder.finish();
  return text;
}

int32_t Tokenizer::vocabSize() const {
  return int32_t(tables->config->vocabSize);
}

std::string_view Tokenizer::tokenText(int32_t id) const {
  return id >= 0 && id < vocabSize() ? tables->token(id) : std::string_view();
}

int32_t Tokenizer::tokenId(std::string_view text) const {
  int32_t id = tables->findToken(text);
  if (id >= 0)
    return id;
  for (const AddedToken &token : tables->addedTokens)
    if (tables->token(token.id) == text)
      return token.id;
  return -1;
}

bool Tokenizer::isSpecial(int32_t id) const {
  return id >= 0 && id < vocabSize() && (tables->tokenFlags[id] & kSpecial);
}

SpecialTokens Tokenizer::specialTokens() const {
  const int32_t *ids = tables->config->specials;
  return {ids[0], ids[1], ids[2], ids[3], ids[4], ids[5], ids[6]};
}

std::string Tokenizer::normalize(std::string_view text) const {
  std::string buffer;
  std::string spare;
  return std::string(text::normalize(*tables, text, buffer, spare));
}
