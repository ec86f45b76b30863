//===- Tokenizer.h - Text to token ids and back -----------------*- C++ -*-===//
//
// Runs the tables that TokenizerBuilder.h makes: byte-level BPE, SentencePiece
// BPE, Unigram and WordPiece, with the normalizers, split patterns, added
// tokens, post-processors and decoders of tokenizer.json. The ids are those of
// Hugging Face's tokenizers library.
//
// Nothing is built at load: the tables are checked once and then used where
// they lie. Time is linear in the text.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TEXT_TOKENIZER_H
#define LATHE_RUNTIME_TEXT_TOKENIZER_H

#include "runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::runtime {

namespace text {
struct Tables;
} // namespace text

/// What encode() does besides turning text into ids.
struct EncodeOptions {
  /// Adds the ids that the post-processor puts around a text (BOS, [CLS], …).
  bool addSpecial = false;
  /// Finds special tokens such as `<|endoftext|>` in the text. Without it they
  /// are text like any other; added tokens that are not special still match.
  bool parseSpecial = true;
};

/// The tokens that models give a role. -1 where the tokenizer has none.
struct SpecialTokens {
  int32_t bos = -1;
  int32_t eos = -1;
  int32_t pad = -1;
  int32_t unk = -1;
  int32_t cls = -1;
  int32_t sep = -1;
  int32_t mask = -1;
};

/// A loaded tokenizer. Immutable: any number of threads may use one at once.
/// A copy is cheap and shares the tables.
class Tokenizer {
public:
  /// Checks \p tables (made by buildTokenizerTables(); untrusted) and uses them
  /// in place, so they must outlive the tokenizer and every StreamDecoder of
  /// it. They must be 8-byte aligned. Fails with InvalidFile.
  static Result<Tokenizer> create(std::span<const std::byte> tables);

  /// Appends the ids of \p text to \p ids. Bytes that are not UTF-8 pass
  /// through byte-level tokenizers unchanged and count as U+FFFD elsewhere.
  /// Fails with Unsupported if a text of more than 2^31 - 2 bytes is given, or
  /// if the vocabulary has no token for a part of it and no unknown token.
  Status encode(std::string_view text, EncodeOptions options,
                std::vector<int32_t> &ids) const;

  /// The text of \p ids; ids outside the vocabulary are left out. With
  /// \p skipSpecial special tokens are left out too. Valid UTF-8: bytes that
  /// form no character become U+FFFD.
  std::string decode(std::span<const int32_t> ids, bool skipSpecial) const;

  /// One more than the largest id.
  int32_t vocabSize() const;

  /// The bytes that \p id stands for, as the vocabulary spells them (byte-level
  /// tokens as their bytes, possibly not UTF-8); empty for an id outside the
  /// vocabulary. Lives as long as the tables.
  std::string_view tokenText(int32_t id) const;

  /// The id of the token spelled \p text (as tokenText() has it), or -1.
  int32_t tokenId(std::string_view text) const;

  /// Whether \p id is a special added token, which skipSpecial leaves out.
  bool isSpecial(int32_t id) const;

  SpecialTokens specialTokens() const;

  /// \p text after the normalizer, as the model sees it. For the builder.
  std::string normalize(std::string_view text) const;

private:
  friend class StreamDecoder;
  explicit Tokenizer(std::shared_ptr<const text::Tables> tables)
      : tables(std::move(tables)) {}

  std::shared_ptr<const text::Tables> tables;
};

/// Turns ids into text one by one. All the text it gives, joined, is what
/// Tokenizer::decode() gives for all the ids.
class StreamDecoder {
public:
  StreamDecoder(const Tokenizer &tokenizer, bool skipSpecial);
  StreamDecoder(StreamDecoder &&) noexcept;
  StreamDecoder &operator=(StreamDecoder &&) noexcept;
  ~StreamDecoder();

  /// The text that \p id completes: whole characters, perhaps none. What a
  /// later id may still change is held back.
  std::string push(int32_t id);

  /// The text held back. The decoder then starts anew.
  std::string finish();

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_TEXT_TOKENIZER_H
