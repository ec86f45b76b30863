//===- Tables.cpp - Checks the tables of a tokenizer ----------------------===//
#include "runtime/text/Tables.h"

#include <algorithm>
#include <cstring>
#include <string>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

static Status invalid(const std::string &what) {
  return Status::error(StatusCode::InvalidFile, "tokenizer tables: " + what);
}

namespace {

/// Finds sections and checks their sizes, then what they hold.
class Loader {
public:
  Loader(std::span<const std::byte> bytes, Tables &tables)
      : bytes(bytes), tables(tables) {}

  Status load();

private:
  Status checkHeader();
  Status loadVocabulary();
  Status loadModel();
  Status loadAddedTokens();
  Status loadMatchers();
  Status loadUnicode();
  Status loadSteps();
  Status checkStep(const Step &step, uint32_t firstKind) const;
  Status checkNormalForm(const Step &step) const;
  bool isInStrings(StringRef ref) const {
    return ref.offset <= tables.strings.size() &&
           ref.length <= tables.strings.size() - ref.offset;
  }
  Status checkTrie(std::span<const TrieCell> trie, size_t values,
                   const char *name) const;
  Status checkIds(std::span<const int32_t> ids, int32_t lowest,
                  const char *name) const;

  template <typename T>
  Status find(Section kind, uint32_t index, std::span<const T> &out) const;
  template <typename T>
  Status findPaged(Section kind, uint32_t index, Paged<T> &out,
                   std::span<const T> *values = nullptr) const;

  std::span<const std::byte> bytes;
  Tables &tables;
  std::span<const SectionEntry> entries;
};

} // namespace

static std::string describe(Section kind) {
  return "section " + std::to_string(uint32_t(kind));
}

Status Loader::checkHeader() {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % 8 != 0)
    return Status::error(StatusCode::InvalidArgument,
                         "tokenizer tables: not 8-byte aligned");
  TablesHeader header;
  if (bytes.size() < sizeof(header))
    return invalid("expected at least 24 bytes, got " +
                   std::to_string(bytes.size()));
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (std::memcmp(header.magic, kTablesMagic, sizeof(header.magic)) != 0)
    return invalid("magic: not a tokenizer");
  if (header.version != kTablesVersion)
    return invalid("version: expected " + std::to_string(kTablesVersion) +
                   ", got " + std::to_string(header.version) +
                   " (compile the model again)");
  if (header.size != bytes.size())
    return invalid("size: expected " + std::to_string(bytes.size()) + ", got " +
                   std::to_string(header.size));
  if (header.sectionCount > kMaximumSections ||
      header.sectionCount * sizeof(SectionEntry) >
          bytes.size() - sizeof(header))
    return invalid("section count: " + std::to_string(header.sectionCount) +
                   " is too large");
  entries = {
      reinterpret_cast<const SectionEntry *>(bytes.data() + sizeof(header)),
      header.sectionCount};
  for (const SectionEntry &entry : entries)
    if (entry.offset % 8 != 0 || entry.offset > bytes.size() ||
        entry.length > bytes.size() - entry.offset)
      return invalid("section " + std::to_string(entry.kind) +
                     ": does not fit in " + std::to_string(bytes.size()) +
                     " bytes");
  return Status::ok();
}

/// An absent section is an empty one.
template <typename T>
Status Loader::find(Section kind, uint32_t index,
                    std::span<const T> &out) const {
  out = {};
  for (const SectionEntry &entry : entries) {
    if (entry.kind != uint32_t(kind) || entry.index != index)
      continue;
    if (entry.length % sizeof(T) != 0)
      return invalid(describe(kind) + ": " + std::to_string(entry.length) +
                     " bytes are no multiple of " + std::to_string(sizeof(T)));
    out = {reinterpret_cast<const T *>(bytes.data() + entry.offset),
           entry.length / sizeof(T)};
    break;
  }
  return Status::ok();
}

template <typename T>
Status Loader::findPaged(Section kind, uint32_t index, Paged<T> &out,
                         std::span<const T> *values) const {
  std::span<const std::byte> section;
  LATHE_RETURN_IF_ERROR(find(kind, index, section));
  if (section.empty())
    return Status::ok();
  constexpr size_t kIndexBytes = kCodePointPages * sizeof(uint16_t);
  static_assert(kIndexBytes % 8 == 0);
  if (section.size() < kIndexBytes ||
      (section.size() - kIndexBytes) % (256 * sizeof(T)) != 0)
    return invalid(describe(kind) + ": is no table of pages");
  size_t pageCount = (section.size() - kIndexBytes) / (256 * sizeof(T));
  Paged<T> paged;
  paged.index = reinterpret_cast<const uint16_t *>(section.data());
  paged.pages = reinterpret_cast<const T *>(section.data() + kIndexBytes);
  if (*std::max_element(paged.index, paged.index + kCodePointPages) >=
      pageCount)
    return invalid(describe(kind) + ": names a page past its " +
                   std::to_string(pageCount));
  out = paged;
  if (values)
    *values = {paged.pages, pageCount * 256};
  return Status::ok();
}

Status Loader::checkIds(std::span<const int32_t> ids, int32_t lowest,
                        const char *name) const {
  int64_t vocabSize = tables.config->vocabSize;
  for (int32_t id : ids)
    if (id < lowest || id >= vocabSize)
      return invalid(std::string(name) + ": id " + std::to_string(id) +
                     " is outside the vocabulary of " +
                     std::to_string(vocabSize));
  return Status::ok();
}

Status Loader::checkTrie(std::span<const TrieCell> trie, size_t values,
                         const char *name) const {
  if (trie.size() % 256 != 0 || trie.size() > UINT32_MAX)
    return invalid(std::string(name) + ": " + std::to_string(trie.size()) +
                   " cells are no multiple of 256");
  // base < size, a multiple of 256, so base ^ byte is a cell too.
  uint32_t largestBase = 0;
  int32_t largest = -1;
  int32_t smallest = -1;
  for (const TrieCell &cell : trie) {
    largestBase = std::max(largestBase, cell.base);
    largest = std::max(largest, cell.value);
    smallest = std::min(smallest, cell.value);
  }
  if (!trie.empty() && largestBase >= trie.size())
    return invalid(std::string(name) + ": cell " + std::to_string(largestBase) +
                   " of " + std::to_string(trie.size()));
  if (largest >= int64_t(values) || smallest < -1)
    return invalid(std::string(name) + ": value " + std::to_string(largest) +
                   " of " + std::to_string(values));
  return Status::ok();
}

Status Loader::loadVocabulary() {
  std::span<const Config> configs;
  LATHE_RETURN_IF_ERROR(find(Section::Config, 0, configs));
  if (configs.size() != 1)
    return invalid("config: is missing");
  tables.config = configs.data();
  const Config &config = *tables.config;
  if (config.model > uint32_t(ModelKind::WordPiece))
    return invalid("model: unknown kind " + std::to_string(config.model));
  if (config.vocabSize > kMaximumVocab)
    return invalid("vocabulary: " + std::to_string(config.vocabSize) +
                   " tokens are more than " + std::to_string(kMaximumVocab));
  LATHE_RETURN_IF_ERROR(find(Section::TokenOffsets, 0, tables.tokenOffsets));
  LATHE_RETURN_IF_ERROR(find(Section::TokenBytes, 0, tables.tokenBytes));
  LATHE_RETURN_IF_ERROR(find(Section::TokenFlags, 0, tables.tokenFlags));
  if (tables.tokenOffsets.size() != size_t(config.vocabSize) + 1 ||
      tables.tokenFlags.size() != config.vocabSize)
    return invalid("vocabulary: the sections do not have " +
                   std::to_string(config.vocabSize) + " tokens");
  bool ascending = true;
  for (size_t i = 0; i < config.vocabSize; ++i)
    ascending &= tables.tokenOffsets[i] <= tables.tokenOffsets[i + 1];
  if (!ascending || tables.tokenOffsets.back() > tables.tokenBytes.size())
    return invalid("vocabulary: the offsets do not ascend within " +
                   std::to_string(tables.tokenBytes.size()) + " bytes");
  LATHE_RETURN_IF_ERROR(checkIds(config.specials, -1, "special tokens"));
  return checkIds({&config.unknownId, 1}, -1, "unknown token");
}

/// Checks that a hash table's size is a power of two.
template <typename Slot>
static Status checkSlots(std::span<const Slot> slots, const char *name) {
  if (slots.empty() || (slots.size() & (slots.size() - 1)) != 0)
    return invalid(std::string(name) + ": " + std::to_string(slots.size()) +
                   " slots are no power of two");
  return Status::ok();
}

Status Loader::loadModel() {
  const Config &config = *tables.config;
  LATHE_RETURN_IF_ERROR(find(Section::VocabSlots, 0, tables.vocabSlots));
  LATHE_RETURN_IF_ERROR(checkSlots(tables.vocabSlots, "vocabulary"));
  int32_t largest = -1;
  for (const VocabSlot &slot : tables.vocabSlots)
    largest = std::max(largest, slot.id);
  LATHE_RETURN_IF_ERROR(checkIds({&largest, 1}, -1, "vocabulary"));

  LATHE_RETURN_IF_ERROR(find(Section::ByteIds, 0, tables.byteIds));
  if (tables.byteIds.size() != 256)
    return invalid("bytes: expected 256 ids");
  LATHE_RETURN_IF_ERROR(checkIds(tables.byteIds, -1, "bytes"));

  LATHE_RETURN_IF_ERROR(find(Section::MergeSlots, 0, tables.mergeSlots));
  LATHE_RETURN_IF_ERROR(checkSlots(tables.mergeSlots, "merges"));
  // Without branches: half of the slots are empty, in no order.
  uint32_t valid = 1;
  for (const MergeSlot &slot : tables.mergeSlots)
    valid &= uint32_t(slot.left < 0) |
             (uint32_t(slot.rank < config.mergeCount) &
              uint32_t(uint32_t(slot.result) < config.vocabSize));
  // Encoding takes memory by the number of ranks.
  if (!valid || config.mergeCount > tables.mergeSlots.size())
    return invalid("merges: a rank or id is out of range");

  LATHE_RETURN_IF_ERROR(find(Section::VocabTrie, 0, tables.vocabTrie));
  LATHE_RETURN_IF_ERROR(
      checkTrie(tables.vocabTrie, config.vocabSize, "vocabulary trie"));
  LATHE_RETURN_IF_ERROR(find(Section::Scores, 0, tables.scores));
  LATHE_RETURN_IF_ERROR(find(Section::PrefixIds, 0, tables.prefixIds));
  LATHE_RETURN_IF_ERROR(find(Section::SuffixIds, 0, tables.suffixIds));
  LATHE_RETURN_IF_ERROR(checkIds(tables.prefixIds, 0, "prefix"));
  LATHE_RETURN_IF_ERROR(checkIds(tables.suffixIds, 0, "suffix"));

  if (config.model == uint32_t(ModelKind::Bpe))
    return Status::ok();
  if (tables.vocabTrie.empty())
    return invalid("vocabulary trie: is missing");
  if (config.unknownId < 0)
    return invalid("unknown token: is missing");
  if (config.model == uint32_t(ModelKind::WordPiece) &&
      config.continuation >= tables.vocabTrie.size())
    return invalid("continuation: node " + std::to_string(config.continuation));
  if (config.model == uint32_t(ModelKind::Unigram) &&
      tables.scores.size() != config.vocabSize)
    return invalid("scores: expected " + std::to_string(config.vocabSize));
  // Bounds the window that Unigram keeps; longer keys cannot match.
  if (config.maximumToken > kMaximumToken)
    return invalid("longest token: " + std::to_string(config.maximumToken));
  return Status::ok();
}

Status Loader::loadAddedTokens() {
  LATHE_RETURN_IF_ERROR(find(Section::AddedTokens, 0, tables.addedTokens));
  for (const AddedToken &token : tables.addedTokens)
    LATHE_RETURN_IF_ERROR(checkIds({&token.id, 1}, 0, "added tokens"));
  for (uint32_t i = 0; i < 2; ++i) {
    std::span<const TrieCell> &trie = tables.addedTries[i];
    LATHE_RETURN_IF_ERROR(find(Section::AddedTries, i, trie));
    LATHE_RETURN_IF_ERROR(
        checkTrie(trie, tables.addedTokens.size(), "added tokens"));
    if (trie.empty())
      continue;
    if (trie[0].value >= 0)
      return invalid("added tokens: one is empty");
    for (uint32_t byte = 0; byte < 256; ++byte)
      tables.addedStarts[i][byte] = trieChild(trie, 0, uint8_t(byte)) != 0;
  }
  return Status::ok();
}

Status Loader::loadMatchers() {
  for (uint32_t i = 0; i < kMaximumSteps; ++i) {
    std::span<const MatcherConfig> configs;
    LATHE_RETURN_IF_ERROR(find(Section::MatcherConfig, i, configs));
    if (configs.empty())
      return Status::ok();
    MatcherConfig config = configs.front();
    Matcher matcher;
    matcher.classes = config.classes;
    std::span<const uint8_t> classes;
    std::span<const uint32_t> moves;
    LATHE_RETURN_IF_ERROR(
        findPaged(Section::MatcherClasses, i, matcher.classOf, &classes));
    LATHE_RETURN_IF_ERROR(find(Section::MatcherMoves, i, moves));
    if (classes.empty() || config.classes > 256 || config.states < 2 ||
        *std::max_element(classes.begin(), classes.end()) >= config.classes)
      return invalid("matcher " + std::to_string(i) + ": a class past its " +
                     std::to_string(config.classes));
    if (moves.size() != uint64_t(config.states) * (config.classes + 1))
      return invalid("matcher " + std::to_string(i) + ": " +
                     std::to_string(moves.size()) + " moves for " +
                     std::to_string(config.states) + " states");
    uint32_t largest = 0;
    for (uint32_t move : moves)
      largest = std::max(largest, move & ~kMatchBit);
    if (largest >= config.states)
      return invalid("matcher " + std::to_string(i) + ": state " +
                     std::to_string(largest) + " of " +
                     std::to_string(config.states));
    matcher.moves = moves.data();
    tables.matchers.push_back(matcher);
  }
  return Status::ok();
}

Status Loader::loadUnicode() {
  LATHE_RETURN_IF_ERROR(findPaged(Section::CodePoints, 0, tables.codePoints));
  if (!tables.codePoints.index)
    return invalid("code points: are missing");
  LATHE_RETURN_IF_ERROR(findPaged(Section::Graphemes, 0, tables.graphemes));
  LATHE_RETURN_IF_ERROR(findPaged(Section::Lower, 0, tables.lower));
  LATHE_RETURN_IF_ERROR(
      findPaged(Section::CombiningClasses, 0, tables.combiningClasses));
  LATHE_RETURN_IF_ERROR(find(Section::Compositions, 0, tables.compositions));
  for (const Composition &composition : tables.compositions)
    if (composition.result >= 0x110000)
      return invalid("compositions: no code point");
  for (uint32_t i = 0; i < 2; ++i) {
    std::span<const uint32_t> entries;
    std::span<const uint32_t> &text = tables.decompositionText[i];
    LATHE_RETURN_IF_ERROR(findPaged(Section::Decompositions, i,
                                    tables.decompositions[i], &entries));
    LATHE_RETURN_IF_ERROR(find(Section::DecompositionText, i, text));
    for (uint32_t entry : entries)
      if ((entry >> 5) + size_t(entry & 31) > text.size())
        return invalid("decompositions: one is past the end");
    for (uint32_t codePoint : text)
      if (codePoint >= 0x110000)
        return invalid("decompositions: no code point");
  }
  LATHE_RETURN_IF_ERROR(find(Section::CharsmapTrie, 0, tables.charsmapTrie));
  LATHE_RETURN_IF_ERROR(find(Section::CharsmapText, 0, tables.charsmapText));
  if (!tables.charsmapText.empty() && tables.charsmapText.back() != 0)
    return invalid("charsmap: does not end with 0");
  return Status::ok();
}

Status Loader::checkNormalForm(const Step &step) const {
  bool compatible = step.kind == uint32_t(StepKind::Nfkc) ||
                    step.kind == uint32_t(StepKind::Nfkd);
  if (!tables.decompositions[compatible].index ||
      !tables.combiningClasses.index)
    return invalid("normalizer: its tables are missing");
  return Status::ok();
}

Status Loader::checkStep(const Step &step, uint32_t firstKind) const {
  if (step.kind < firstKind || step.kind >= firstKind + 32)
    return invalid("step: unknown kind " + std::to_string(step.kind));
  for (StringRef ref : {step.text, step.content})
    if (!isInStrings(ref))
      return invalid("step: its text is past the end");
  if (step.behavior > uint32_t(Behavior::Contiguous))
    return invalid("step: behavior " + std::to_string(step.behavior));
  switch (StepKind(step.kind)) {
  case StepKind::BertClean:
  case StepKind::BertChinese:
  case StepKind::StripAccents:
  case StepKind::Prepend:
  case StepKind::Strip:
  case StepKind::Nmt:
  case StepKind::SplitFlagged:
  case StepKind::PrefixSpace:
  case StepKind::DecodeBytes:
  case StepKind::DecodeWordPiece:
  case StepKind::DecodeByteFallback:
  case StepKind::DecodeFuse:
  case StepKind::DecodeJoin:
    return Status::ok();
  case StepKind::Lowercase:
    return tables.lower.index ? Status::ok() : invalid("lower: is missing");
  case StepKind::BertStripAccents:
  case StepKind::Nfc:
  case StepKind::Nfd:
  case StepKind::Nfkc:
  case StepKind::Nfkd:
    return checkNormalForm(step);
  case StepKind::ReplaceText:
  case StepKind::SplitText:
  case StepKind::DecodeReplace:
  case StepKind::DecodeStrip:
  case StepKind::DecodeMetaspace:
    return step.text.length ? Status::ok() : invalid("step: an empty text");
  case StepKind::Metaspace:
    return step.content.length ? Status::ok() : invalid("step: an empty text");
  case StepKind::ReplaceMatches:
  case StepKind::SplitMatches:
    return step.number < tables.matchers.size()
               ? Status::ok()
               : invalid("step: matcher " + std::to_string(step.number));
  case StepKind::Charsmap:
    return !tables.charsmapTrie.empty() && !tables.charsmapText.empty() &&
                   tables.graphemes.index
               ? Status::ok()
               : invalid("charsmap: is missing");
  }
  return invalid("step: unknown kind " + std::to_string(step.kind));
}

Status Loader::loadSteps() {
  LATHE_RETURN_IF_ERROR(find(Section::Strings, 0, tables.strings));
  LATHE_RETURN_IF_ERROR(find(Section::Normalizers, 0, tables.normalizers));
  LATHE_RETURN_IF_ERROR(find(Section::PreTokenizers, 0, tables.preTokenizers));
  LATHE_RETURN_IF_ERROR(find(Section::Decoders, 0, tables.decoders));
  LATHE_RETURN_IF_ERROR(find(Section::DecodedTexts, 0, tables.decodedTexts));
  for (const DecodedText &decoded : tables.decodedTexts)
    if (!isInStrings(decoded.text))
      return invalid("decoded texts: one is past the end");
  for (size_t count : {tables.normalizers.size(), tables.preTokenizers.size(),
                       tables.decoders.size()})
    if (count > kMaximumSteps)
      return invalid("steps: " + std::to_string(count) + " are more than " +
                     std::to_string(kMaximumSteps));
  for (const Step &step : tables.normalizers)
    LATHE_RETURN_IF_ERROR(checkStep(step, 0));
  for (const Step &step : tables.preTokenizers)
    LATHE_RETURN_IF_ERROR(checkStep(step, 32));
  for (const Step &step : tables.decoders)
    LATHE_RETURN_IF_ERROR(checkStep(step, 64));
  return Status::ok();
}

Status Loader::load() {
  LATHE_RETURN_IF_ERROR(checkHeader());
  LATHE_RETURN_IF_ERROR(loadVocabulary());
  LATHE_RETURN_IF_ERROR(loadModel());
  LATHE_RETURN_IF_ERROR(loadAddedTokens());
  LATHE_RETURN_IF_ERROR(loadMatchers());
  LATHE_RETURN_IF_ERROR(loadUnicode());
  return loadSteps();
}

Result<std::shared_ptr<const Tables>>
Tables::load(std::span<const std::byte> bytes) {
  auto tables = std::make_shared<Tables>();
  LATHE_RETURN_IF_ERROR(Loader(bytes, *tables).load());
  return std::shared_ptr<const Tables>(std::move(tables));
}

std::string_view Tables::decodedToken(int32_t id) const {
  auto found = std::lower_bound(
      decodedTexts.begin(), decodedTexts.end(), id,
      [](const DecodedText &entry, int32_t id) { return entry.id < id; });
  return found != decodedTexts.end() && found->id == id ? string(found->text)
                                                        : token(id);
}
