//===- TokenizerReaders.h - Tokenizer files to a TokenizerSpec --*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_TOKENIZERREADERS_H
#define LATHE_RUNTIME_TEXT_TOKENIZERREADERS_H

#include "runtime/formats/Json.h"
#include "runtime/text/TokenizerSpec.h"

namespace lathe::runtime::text {

/// The pattern by which ByteLevel splits, GPT-2's.
inline constexpr std::string_view kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// Reads the whole of a tokenizer.json.
Status readTokenizerJson(JsonValue root, TokenizerSpec &spec);

/// The parts of it. The model comes first, then the added tokens.
Status readModel(JsonValue model, TokenizerSpec &spec);
Status readAddedTokens(JsonValue tokens, TokenizerSpec &spec);
Status readNormalizer(JsonValue normalizer, TokenizerSpec &spec);
Status readPreTokenizer(JsonValue preTokenizer, TokenizerSpec &spec);
Status readPostProcessor(JsonValue postProcessor, TokenizerSpec &spec);
Status readDecoder(JsonValue decoder, TokenizerSpec &spec);

/// Reads a SentencePiece model (the protobuf of a tokenizer.model).
Status readSentencePiece(std::string_view bytes, const std::string &name,
                         TokenizerSpec &spec);

/// Reads a WordPiece vocabulary, one token a line. \p config is BERT's
/// tokenizer_config.json, or null.
Status readVocabTxt(std::string_view text, const std::string &name,
                    const JsonValue *config, TokenizerSpec &spec);

/// Fails with Unsupported if \p object has a member that is not of \p known:
/// what a file asks for is never ignored.
Status expectOnly(JsonValue object,
                  std::initializer_list<std::string_view> known);

/// The member \p key of \p object, or InvalidFile that it is missing.
Result<JsonValue> requireMember(JsonValue object, std::string_view key);

/// Appends the steps of BertNormalizer.
void addBertNormalizer(bool cleansText, bool padsChinese, bool stripsAccents,
                       bool lowers, TokenizerSpec &spec);

/// Appends the steps of BertPreTokenizer.
void addBertPreTokenizer(TokenizerSpec &spec);

/// Appends the steps of Metaspace.
void addMetaspace(std::string_view replacement, MetaspaceScheme scheme,
                  bool splits, TokenizerSpec &spec);

/// Makes \p content an added token of id \p id and notes it in the vocabulary.
/// Returns false if the two contradict each other.
bool addToken(SpecAddedToken token, TokenizerSpec &spec);

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_TOKENIZERREADERS_H
