//===- Tables.h - The binary tables of a tokenizer --------------*- C++ -*-===//
//
//     TablesHeader | SectionEntry[sectionCount] | sections, 8-byte aligned
//
// Little-endian and position-independent: the tables are used where they are
// mapped. They are untrusted; load() checks every offset, id and state in them
// once, so that encoding and decoding need no checks of their own.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TEXT_TABLES_H
#define LATHE_RUNTIME_TEXT_TABLES_H

#include "runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace lathe::runtime::text {

inline constexpr char kTablesMagic[8] = {'L', 'A', 'T', 'H',
                                         'E', 'T', 'O', 'K'};
inline constexpr uint32_t kTablesVersion = 1;
inline constexpr uint32_t kMaximumSections = 256;
/// Largest vocabulary, so that ids and counts stay far from 2^31.
inline constexpr uint32_t kMaximumVocab = 1u << 26;
/// Bytes of a token that a model finds in text: real ones have some hundred.
inline constexpr uint32_t kMaximumToken = 1u << 16;
/// Most steps of a normalizer, pre-tokenizer or decoder.
inline constexpr uint32_t kMaximumSteps = 64;
/// Longest content of an added token, in bytes: what finding one may cost for
/// each byte of text.
inline constexpr uint32_t kMaximumAddedToken = 1024;
/// Most slots that a look-up in an open-addressing table visits.
inline constexpr uint32_t kMaximumProbes = 64;
inline constexpr uint32_t kCodePointPages = 0x110000 / 256;

struct TablesHeader {
  char magic[8];
  uint32_t version;
  uint32_t sectionCount;
  uint64_t size; ///< Bytes, the whole of the tables.
};

enum class Section : uint32_t {
  Config = 1,          ///< Config
  TokenOffsets = 2,    ///< uint32_t[vocabSize + 1] into TokenBytes
  TokenBytes = 3,      ///< char[]
  TokenFlags = 4,      ///< uint8_t[vocabSize] of TokenFlag
  VocabSlots = 5,      ///< VocabSlot[power of two]
  MergeSlots = 6,      ///< MergeSlot[power of two]
  ByteIds = 7,         ///< int32_t[256], -1 where a byte has no token
  Scores = 8,          ///< double[vocabSize]
  VocabTrie = 9,       ///< TrieCell[]; values are ids
  AddedTries = 10,     ///< TrieCell[]; index 0 for raw text, 1 for normalized
  AddedTokens = 11,    ///< AddedToken[]; the values of AddedTries
  Normalizers = 12,    ///< Step[]
  PreTokenizers = 13,  ///< Step[]
  Decoders = 14,       ///< Step[]
  Strings = 15,        ///< char[]; what steps refer to
  MatcherConfig = 16,  ///< MatcherConfig; index is the matcher's number
  MatcherClasses = 17, ///< paged uint8_t: code point -> class
  MatcherMoves = 18,   ///< uint32_t[states][classes + 1]
  CodePoints = 19,     ///< paged uint8_t of CodePointFlag
  Graphemes = 20,      ///< paged uint8_t of utf8proc's boundary classes
  Lower = 21,          ///< paged int32_t: distance to the lower case
  Decompositions = 22, ///< paged uint32_t; index 0 canonical, 1 compatible
  DecompositionText = 23, ///< uint32_t[]: code points; index as above
  CombiningClasses = 24,  ///< paged uint8_t
  Compositions = 25,      ///< Composition[], sorted
  PrefixIds = 26,         ///< int32_t[]
  SuffixIds = 27,         ///< int32_t[]
  CharsmapTrie = 28,      ///< uint32_t[]: SentencePiece's double array
  CharsmapText = 29,      ///< char[]; ends with 0
  DecodedTexts = 30,      ///< DecodedText[], by ascending id
};

struct SectionEntry {
  uint32_t kind;  ///< Section.
  uint32_t index; ///< Tells sections of one kind apart.
  uint64_t offset;
  uint64_t length; ///< Bytes.
};

enum class ModelKind : uint32_t { Bpe = 0, Unigram = 1, WordPiece = 2 };

enum ConfigFlag : uint32_t {
  kByteLevel = 1,    ///< Tokens are bytes, not characters.
  kByteFallback = 2, ///< Unknown characters become tokens of their bytes.
  kFuseUnknown = 4,  ///< Adjacent unknown characters are one token.
  kIgnoreMerges = 8, ///< A word of the vocabulary is not merged.
  kCutAtMarker = 32, ///< No token has U+2581 after another character.
};

struct Config {
  uint32_t model; ///< ModelKind.
  uint32_t flags; ///< ConfigFlag.
  uint32_t vocabSize;
  int32_t unknownId;        ///< -1: none.
  uint32_t continuation;    ///< WordPiece: trie node after "##".
  uint32_t hasContinuation; ///< 0: no token continues a word.
  uint32_t maximumWord;     ///< WordPiece: characters.
  uint32_t maximumToken;    ///< Bytes of the longest token.
  uint32_t mergeCount;
  int32_t specials[7]; ///< bos, eos, pad, unk, cls, sep, mask.
  double unknownScore; ///< Unigram.
};

enum TokenFlag : uint8_t {
  kPresent = 1,   ///< The id is in use.
  kSpecial = 2,   ///< A special added token.
  kWhole = 4,     ///< Encoding the token's text as one word gives the token.
  kAddedOnly = 8, ///< Not of the model's vocabulary.
};

struct VocabSlot {
  uint32_t hash;
  int32_t id; ///< -1: empty.
};

struct MergeSlot {
  int32_t left; ///< -1: empty.
  int32_t right;
  uint32_t rank;
  int32_t result;
};

/// A node of a double-array trie. The child by byte b is cell base ^ b, if that
/// cell's parent is this node. The root is cell 0.
struct TrieCell {
  uint32_t base;
  uint32_t parent;
  int32_t value; ///< -1: no key ends here.
};

struct AddedToken {
  int32_t id;
  uint32_t flags; ///< AddedTokenFlag.
};

struct StringRef {
  uint32_t offset;
  uint32_t length;
};

/// A token that decodes to something else than the vocabulary spells.
struct DecodedText {
  int32_t id;
  StringRef text;
};

enum AddedTokenFlag : uint32_t {
  kAddedSpecial = 1,
  kSingleWord = 2,
  kStripLeft = 4,
  kStripRight = 8,
};

enum class StepKind : uint32_t {
  // Normalizers.
  BertClean = 1,
  BertChinese = 2,
  BertStripAccents = 3,
  Lowercase = 4,
  StripAccents = 5,
  Nfc = 6,
  Nfd = 7,
  Nfkc = 8,
  Nfkd = 9,
  ReplaceText = 10,    ///< text -> content
  ReplaceMatches = 11, ///< number = matcher -> content
  Prepend = 12,        ///< content
  Strip = 13,          ///< number: 1 left, 2 right
  Nmt = 14,
  Charsmap = 15,
  // Pre-tokenizers.
  SplitMatches = 32, ///< number = matcher; behavior
  SplitText = 33,    ///< text; behavior
  SplitFlagged = 34, ///< number = CodePointFlag mask; behavior
  PrefixSpace = 35,
  Metaspace = 36, ///< content = replacement; number = MetaspaceScheme
  // Decoders.
  DecodeBytes = 64,
  DecodeWordPiece = 65, ///< text = prefix; number: 1 cleanup
  DecodeMetaspace = 66, ///< text = replacement; number = MetaspaceScheme
  DecodeByteFallback = 67,
  DecodeFuse = 68,
  DecodeStrip = 69,   ///< text = a character; number = start; number2 = stop
  DecodeReplace = 70, ///< text -> content
  DecodeJoin = 71,    ///< Spaces between tokens.
};

enum class Behavior : uint32_t {
  Removed = 0,
  Isolated = 1,
  MergedWithPrevious = 2,
  MergedWithNext = 3,
  Contiguous = 4,
};

enum class MetaspaceScheme : uint32_t { Always = 0, First = 1, Never = 2 };

struct Step {
  uint32_t kind; ///< StepKind.
  uint32_t number;
  uint32_t number2;
  uint32_t behavior; ///< Behavior.
  uint32_t invert;   ///< Whether what does not match is the match.
  uint32_t reserved; ///< Zero.
  StringRef text;
  StringRef content;
};

struct MatcherConfig {
  uint32_t states;
  uint32_t classes;
};

/// In a matcher's moves: the match ends before this character.
inline constexpr uint32_t kMatchBit = 1u << 31;
/// The state that nothing leaves.
inline constexpr uint32_t kDeadState = 0;
inline constexpr uint32_t kStartState = 1;

enum CodePointFlag : uint8_t {
  kWhiteSpace = 1,
  kPunctuation = 2,
  kNumeric = 4,
  kBertControl = 8,
  kBertAccent = 16,
  kAccent = 32,
  kWordCharacter = 64,
};

struct Composition {
  uint32_t first;
  uint32_t second;
  uint32_t result;
};

/// A value for each code point, pages of 256 that may be shared.
template <typename T>
struct Paged {
  const uint16_t *index = nullptr;
  const T *pages = nullptr;

  T at(uint32_t codePoint) const {
    return pages[size_t(index[codePoint >> 8]) * 256 + (codePoint & 255)];
  }
};

struct Matcher {
  uint32_t classes = 0;
  Paged<uint8_t> classOf;
  const uint32_t *moves = nullptr; ///< [states][classes + 1].
};

/// The checked tables.
struct Tables {
  const Config *config = nullptr;
  std::span<const uint32_t> tokenOffsets;
  std::span<const char> tokenBytes;
  std::span<const uint8_t> tokenFlags;
  std::span<const VocabSlot> vocabSlots;
  std::span<const MergeSlot> mergeSlots;
  std::span<const int32_t> byteIds;
  std::span<const double> scores;
  std::span<const TrieCell> vocabTrie;
  std::span<const TrieCell> addedTries[2];
  std::span<const AddedToken> addedTokens;
  std::span<const Step> normalizers;
  std::span<const Step> preTokenizers;
  std::span<const Step> decoders;
  std::span<const char> strings;
  std::span<const DecodedText> decodedTexts;
  std::vector<Matcher> matchers;
  Paged<uint8_t> codePoints;
  Paged<uint8_t> graphemes;
  Paged<int32_t> lower;
  Paged<uint32_t> decompositions[2];
  std::span<const uint32_t> decompositionText[2];
  Paged<uint8_t> combiningClasses;
  std::span<const Composition> compositions;
  std::span<const int32_t> prefixIds;
  std::span<const int32_t> suffixIds;
  std::span<const uint32_t> charsmapTrie;
  std::span<const char> charsmapText;
  /// Which bytes begin an added token, for each of addedTries.
  bool addedStarts[2][256] = {};

  /// Checks \p bytes and fills in the above. Fails with InvalidFile.
  static Result<std::shared_ptr<const Tables>>
  load(std::span<const std::byte> bytes);

  bool has(ConfigFlag flag) const { return config->flags & flag; }

  std::string_view token(int32_t id) const {
    return {tokenBytes.data() + tokenOffsets[id],
            tokenOffsets[id + 1] - tokenOffsets[id]};
  }

  /// What decoding starts from for \p id.
  std::string_view decodedToken(int32_t id) const;

  std::string_view string(StringRef ref) const {
    return {strings.data() + ref.offset, ref.length};
  }

  /// The id of the model's token spelled \p text, or -1.
  int32_t findToken(std::string_view text) const;

  /// The merge of two tokens, or null.
  const MergeSlot *findMerge(int32_t left, int32_t right) const;
};

/// Hash of a token's text, for VocabSlots.
inline uint32_t hashText(std::string_view text) {
  uint64_t hash = 0x9E3779B97F4A7C15ull ^ text.size();
  const char *at = text.data();
  size_t left = text.size();
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word;
    __builtin_memcpy(&word, at, 8);
    hash = (hash ^ word) * 0xD6E8FEB86659FD93ull;
    hash ^= hash >> 32;
  }
  uint64_t word = 0;
  for (size_t i = 0; i < left; ++i)
    word |= uint64_t(uint8_t(at[i])) << (8 * i);
  hash = (hash ^ word) * 0xD6E8FEB86659FD93ull;
  hash ^= hash >> 32;
  return uint32_t((hash * 0xD6E8FEB86659FD93ull) >> 32);
}

/// Hash of a pair of tokens, for MergeSlots.
inline uint32_t hashPair(int32_t left, int32_t right) {
  uint64_t key = uint64_t(uint32_t(left)) << 32 | uint32_t(right);
  key *= 0x9E3779B97F4A7C15ull;
  key ^= key >> 29;
  return uint32_t((key * 0xD6E8FEB86659FD93ull) >> 32);
}

/// The cell after \p node by \p byte, or 0 if there is none.
inline uint32_t trieChild(std::span<const TrieCell> trie, uint32_t node,
                          uint8_t byte) {
  uint32_t child = trie[node].base ^ byte;
  return trie[child].parent == node ? child : 0;
}

inline int32_t Tables::findToken(std::string_view text) const {
  uint32_t hash = hashText(text);
  size_t mask = vocabSlots.size() - 1;
  for (uint32_t probe = 0; probe < kMaximumProbes; ++probe) {
    const VocabSlot &slot = vocabSlots[(hash + probe) & mask];
    if (slot.id < 0)
      return -1;
    if (slot.hash == hash && token(slot.id) == text)
      return slot.id;
  }
  return -1;
}

inline const MergeSlot *Tables::findMerge(int32_t left, int32_t right) const {
  uint32_t hash = hashPair(left, right);
  size_t mask = mergeSlots.size() - 1;
  for (uint32_t probe = 0; probe < kMaximumProbes; ++probe) {
    const MergeSlot &slot = mergeSlots[(hash + probe) & mask];
    if (slot.left == left && slot.right == right)
      return &slot;
    if (slot.left < 0)
      return nullptr;
  }
  return nullptr;
}

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_TABLES_H
