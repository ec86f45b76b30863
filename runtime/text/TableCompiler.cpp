//===- TableCompiler.cpp - From a tokenizer's parts to its tables ---------===//
#include "runtime/text/ByteAlphabet.h"
#include "runtime/text/Model.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/text/TokenizerSpec.h"
#include "runtime/text/TrieBuilder.h"
#include "runtime/text/UnicodeTables.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <string>
#include <unordered_map>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

int32_t TokenizerSpec::findId(std::string_view text) const {
  for (const SpecAddedToken &token : addedTokens)
    if (token.content == text)
      return token.id;
  for (size_t id = 0; id < tokens.size(); ++id)
    if (tokens[id].isPresent && tokens[id].text == text)
      return int32_t(id);
  return -1;
}

Result<uint32_t> TokenizerSpec::addPattern(std::string_view pattern,
                                           const CodePointSet &word,
                                           const std::string &field) {
  Result<CompiledPattern> compiled = compilePattern(pattern, word);
  if (!compiled.isOk())
    return Status::error(compiled.status().code(),
                         field + ": " + compiled.status().message());
  patterns.push_back(std::move(*compiled));
  return uint32_t(patterns.size() - 1);
}

namespace {

class TableCompiler {
public:
  TableCompiler(const TokenizerSpec &spec, const std::string &name)
      : spec(spec), name(name) {}

  Result<std::vector<std::byte>> compile();

private:
  Status fail(const std::string &message) const {
    return Status::error(StatusCode::InvalidFile, name + ": " + message);
  }

  Status addVocabulary();
  void addTexts();
  Status addVocabSlots();
  Status addMerges();
  Status addModel();
  Status addAddedTokens();
  Status addNormalizedTokens();
  Status markWholeTokens();
  void addSteps(Section section, const std::vector<SpecStep> &steps);
  void addPatterns();
  void addUnicode();
  void findCuts();

  template <typename T>
  void add(Section kind, const std::vector<T> &values, uint32_t index = 0) {
    std::vector<std::byte> bytes(values.size() * sizeof(T));
    if (!bytes.empty())
      std::memcpy(bytes.data(), values.data(), bytes.size());
    sections[{kind, index}] = std::move(bytes);
  }
  template <typename T>
  void addPaged(Section kind, const std::vector<T> &values, uint32_t index = 0);
  std::vector<std::byte> write();
  Result<Tokenizer> load();

  StringRef intern(std::string_view text) {
    StringRef ref = {uint32_t(strings.size()), uint32_t(text.size())};
    strings.insert(strings.end(), text.begin(), text.end());
    return ref;
  }

  const TokenizerSpec &spec;
  const std::string &name;
  std::map<std::pair<Section, uint32_t>, std::vector<std::byte>> sections;
  std::vector<std::byte> written; ///< What load() looks at.
  Config config = {};
  std::vector<std::string> texts; ///< Tokens as their bytes.
  std::vector<uint8_t> flags;
  std::vector<int32_t> encodable; ///< Ids that a model can give.
  std::vector<char> strings;
};

} // namespace

template <typename T>
void TableCompiler::addPaged(Section kind, const std::vector<T> &values,
                             uint32_t index) {
  std::vector<uint16_t> pageOf(kCodePointPages);
  std::vector<T> pages;
  std::map<std::vector<T>, uint16_t> known;
  for (uint32_t page = 0; page < kCodePointPages; ++page) {
    std::vector<T> content(values.begin() + page * 256,
                           values.begin() + (page + 1) * 256);
    auto [found, isNew] = known.try_emplace(content, uint16_t(known.size()));
    if (isNew)
      pages.insert(pages.end(), content.begin(), content.end());
    pageOf[page] = found->second;
  }
  std::vector<std::byte> bytes(pageOf.size() * 2 + pages.size() * sizeof(T));
  std::memcpy(bytes.data(), pageOf.data(), pageOf.size() * 2);
  std::memcpy(bytes.data() + pageOf.size() * 2, pages.data(),
              pages.size() * sizeof(T));
  sections[{kind, index}] = std::move(bytes);
}

std::vector<std::byte> TableCompiler::write() {
  add(Section::Config, std::vector<Config>{config});
  add(Section::Strings, strings);
  add(Section::TokenFlags, flags);
  std::vector<SectionEntry> entries;
  size_t offset = sizeof(TablesHeader) + sections.size() * sizeof(SectionEntry);
  for (const auto &[key, bytes] : sections) {
    offset = (offset + 7) / 8 * 8;
    entries.push_back({uint32_t(key.first), key.second, offset, bytes.size()});
    offset += bytes.size();
  }
  TablesHeader header = {};
  std::memcpy(header.magic, kTablesMagic, sizeof(header.magic));
  header.version = kTablesVersion;
  header.sectionCount = uint32_t(entries.size());
  header.size = offset;
  std::vector<std::byte> out(offset);
  std::memcpy(out.data(), &header, sizeof(header));
  std::memcpy(out.data() + sizeof(header), entries.data(),
              entries.size() * sizeof(SectionEntry));
  size_t index = 0;
  for (const auto &[key, bytes] : sections) {
    if (!bytes.empty())
      std::memcpy(out.data() + entries[index].offset, bytes.data(),
                  bytes.size());
    ++index;
  }
  return out;
}

/// The tokenizer so far, for what the tables say about themselves.
Result<Tokenizer> TableCompiler::load() {
  written = write();
  return Tokenizer::create(written);
}

Status TableCompiler::addVocabulary() {
  if (spec.tokens.size() > kMaximumVocab)
    return fail("vocab: more than " + std::to_string(kMaximumVocab) + " ids");
  config.vocabSize = uint32_t(spec.tokens.size());
  texts.resize(spec.tokens.size());
  flags.resize(spec.tokens.size());
  size_t byteCount = 0;
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    const SpecToken &token = spec.tokens[id];
    if (token.text.size() > kMaximumToken)
      return fail("vocab: token " + std::to_string(id) + " has more than " +
                  std::to_string(kMaximumToken) + " bytes");
    texts[id] = token.text;
    bool isBytes = spec.flags & kByteLevel ? spellBytes(texts[id]) : true;
    flags[id] = uint8_t((token.isPresent ? kPresent : 0) |
                        (token.isSpecial ? kSpecial : 0) |
                        (token.isAddedOnly ? kAddedOnly : 0));
    byteCount += texts[id].size();
    if (token.isPresent && !token.isAddedOnly && isBytes &&
        !texts[id].empty()) {
      encodable.push_back(int32_t(id));
      config.maximumToken =
          std::max(config.maximumToken, uint32_t(texts[id].size()));
    }
  }
  if (byteCount > UINT32_MAX / 2)
    return fail("vocab: its tokens have more than 2 GiB");
  addTexts();
  return addVocabSlots();
}

void TableCompiler::addTexts() {
  std::vector<uint32_t> offsets = {0};
  std::vector<char> bytes;
  for (const std::string &text : texts) {
    bytes.insert(bytes.end(), text.begin(), text.end());
    offsets.push_back(uint32_t(bytes.size()));
  }
  add(Section::TokenOffsets, offsets);
  add(Section::TokenBytes, bytes);
}

/// A size of slots for \p count entries that leaves chains short.
static size_t slotCount(size_t count) {
  return std::bit_ceil(std::max<size_t>(count + count / 2, 8));
}

/// Where a table of \p count entries stops growing: four times its size always
/// fits numbers that come by chance, and numbers that were chosen to collide
/// get 16 MiB to try.
static size_t mostSlots(size_t count, size_t slotBytes) {
  size_t size = slotCount(count);
  return std::max(4 * size,
                  std::min(32 * size, (size_t(16) << 20) / slotBytes));
}

/// Puts \p value at the first empty slot after \p hash. Returns false if that
/// is too far away.
template <typename Slot, typename IsEmpty>
static bool place(std::vector<Slot> &slots, uint32_t hash, Slot value,
                  IsEmpty isEmpty) {
  for (uint32_t probe = 0; probe < kMaximumProbes; ++probe) {
    Slot &slot = slots[(hash + probe) & (slots.size() - 1)];
    if (!isEmpty(slot))
      continue;
    slot = value;
    return true;
  }
  return false;
}

Status TableCompiler::addVocabSlots() {
  for (size_t size = slotCount(encodable.size());; size *= 2) {
    if (size > mostSlots(encodable.size(), sizeof(VocabSlot)))
      return fail("vocab: too many tokens collide");
    std::vector<VocabSlot> slots(size, {0, -1});
    bool fits = true;
    for (size_t i = 0; fits && i < encodable.size(); ++i) {
      const std::string &text = texts[encodable[i]];
      uint32_t hash = hashText(text);
      // Of equal texts the last id counts: it takes the place of the others.
      fits = place(slots, hash, VocabSlot{hash, encodable[i]},
                   [&](const VocabSlot &slot) {
                     return slot.id < 0 ||
                            (slot.hash == hash && texts[slot.id] == text);
                   });
    }
    if (!fits)
      continue;
    add(Section::VocabSlots, slots);
    return Status::ok();
  }
}

Status TableCompiler::addMerges() {
  config.mergeCount = uint32_t(spec.merges.size());
  for (size_t size = slotCount(spec.merges.size());; size *= 2) {
    if (size > mostSlots(spec.merges.size(), sizeof(MergeSlot)))
      return fail("merges: too many collide");
    std::vector<MergeSlot> slots(size, {-1, -1, 0, -1});
    bool fits = true;
    for (size_t rank = 0; fits && rank < spec.merges.size(); ++rank) {
      const SpecMerge &merge = spec.merges[rank];
      fits = place(
          slots, hashPair(merge.left, merge.right),
          MergeSlot{merge.left, merge.right, uint32_t(rank), merge.result},
          [](const MergeSlot &slot) { return slot.left < 0; });
    }
    if (!fits)
      continue;
    add(Section::MergeSlots, slots);
    return Status::ok();
  }
}

/// Whether words can be cut before each U+2581 that follows something else. An
/// unknown character does not join what follows it only if U+2581 is known.
void TableCompiler::findCuts() {
  constexpr std::string_view kMarker = "\u2581";
  if (config.flags & (kByteLevel | kIgnoreMerges))
    return;
  bool isKnown = false;
  for (int32_t id : encodable) {
    std::string_view text = texts[id];
    isKnown |= text == kMarker;
    while (text.starts_with(kMarker))
      text.remove_prefix(kMarker.size());
    if (text.find(kMarker) != std::string_view::npos)
      return;
  }
  if (isKnown)
    config.flags |= kCutAtMarker;
}

Status TableCompiler::addModel() {
  config.model = uint32_t(spec.model);
  config.flags = spec.flags;
  config.unknownId = spec.unknownId;
  config.maximumWord = spec.maximumWord;
  std::copy(std::begin(spec.specials), std::end(spec.specials),
            config.specials);
  LATHE_RETURN_IF_ERROR(addVocabulary());

  std::unordered_map<std::string_view, int32_t> ids;
  for (int32_t id : encodable)
    ids[texts[id]] = id;
  std::vector<int32_t> byteIds(256, -1);
  for (uint32_t byte = 0; byte < 256; ++byte) {
    char fallback[8];
    std::snprintf(fallback, sizeof(fallback), "<0x%02X>", byte);
    std::string key = spec.flags & kByteLevel ? std::string(1, char(byte))
                                              : std::string(fallback);
    auto found = ids.find(key);
    if (found != ids.end())
      byteIds[byte] = found->second;
  }
  add(Section::ByteIds, byteIds);
  LATHE_RETURN_IF_ERROR(addMerges());
  add(Section::PrefixIds, spec.prefixIds);
  add(Section::SuffixIds, spec.suffixIds);
  if (spec.model == ModelKind::Bpe) {
    findCuts();
    return Status::ok();
  }

  std::vector<std::pair<std::string_view, int32_t>> keys;
  for (int32_t id : encodable)
    keys.emplace_back(texts[id], id);
  std::vector<TrieCell> trie = buildTrie(std::move(keys));
  if (trie.empty())
    return fail("vocab: is empty");
  config.hasContinuation = 1;
  for (char c : spec.continuationPrefix) {
    config.continuation = trieChild(trie, config.continuation, uint8_t(c));
    if (config.continuation != 0)
      continue;
    config.hasContinuation = 0;
    break;
  }
  add(Section::VocabTrie, trie);
  if (spec.model == ModelKind::WordPiece)
    return Status::ok();
  double lowest = spec.scores[encodable.front()];
  for (int32_t id : encodable)
    lowest = std::min(lowest, spec.scores[id]);
  // SentencePiece's penalty.
  config.unknownScore = lowest - 10.0;
  add(Section::Scores, spec.scores);
  return Status::ok();
}

Status TableCompiler::addAddedTokens() {
  std::vector<AddedToken> added;
  std::vector<std::pair<std::string_view, int32_t>> keys;
  for (size_t i = 0; i < spec.addedTokens.size(); ++i) {
    const SpecAddedToken &token = spec.addedTokens[i];
    if (token.content.size() > kMaximumAddedToken)
      return Status::error(StatusCode::Unsupported,
                           name + ": added_tokens: one of " +
                               std::to_string(token.content.size()) +
                               " bytes is longer than " +
                               std::to_string(kMaximumAddedToken));
    added.push_back({token.id, token.flags});
    if (!token.isNormalized)
      keys.emplace_back(token.content, int32_t(i));
  }
  add(Section::AddedTokens, added);
  add(Section::AddedTries, buildTrie(std::move(keys)), 0);
  return Status::ok();
}

/// Added tokens that are looked for in normalized text are normalized too, and
/// that is what the reference decodes them to.
Status TableCompiler::addNormalizedTokens() {
  Result<Tokenizer> tokenizer = load();
  if (!tokenizer.isOk())
    return tokenizer.takeStatus();
  std::vector<DecodedText> decoded;
  std::vector<std::string> contents;
  contents.reserve(spec.addedTokens.size());
  std::vector<std::pair<std::string_view, int32_t>> keys;
  for (size_t i = 0; i < spec.addedTokens.size(); ++i) {
    if (!spec.addedTokens[i].isNormalized)
      continue;
    contents.push_back(tokenizer->normalize(spec.addedTokens[i].content));
    keys.emplace_back(contents.back(), int32_t(i));
    std::string text = contents.back();
    if (spec.flags & kByteLevel)
      spellBytes(text);
    int32_t id = spec.addedTokens[i].id;
    if (text != texts[id])
      decoded.push_back({id, intern(text)});
  }
  std::sort(decoded.begin(), decoded.end(),
            [](const DecodedText &left, const DecodedText &right) {
              return left.id < right.id;
            });
  add(Section::DecodedTexts, decoded);
  add(Section::AddedTries, buildTrie(std::move(keys)), 1);
  return Status::ok();
}

/// Marks the tokens that their own text gives, so that the executor need not
/// merge them.
Status TableCompiler::markWholeTokens() {
  if (spec.model != ModelKind::Bpe)
    return Status::ok();
  written = write();
  Result<std::shared_ptr<const Tables>> tables = Tables::load(written);
  if (!tables.isOk())
    return tables.takeStatus();
  std::unique_ptr<Model> model = makeModel(**tables);
  std::vector<int32_t> ids;
  for (int32_t id : encodable) {
    // Merging a very long token at each load of a text is as good.
    if (texts[id].size() > 256)
      continue;
    ids.clear();
    LATHE_RETURN_IF_ERROR(model->encodeWord(texts[id], ids));
    if (ids.size() == 1 && ids.front() == id)
      flags[id] |= kWhole;
  }
  return Status::ok();
}

void TableCompiler::addSteps(Section section,
                             const std::vector<SpecStep> &steps) {
  std::vector<Step> out;
  for (const SpecStep &step : steps)
    out.push_back({uint32_t(step.kind), step.number, step.number2,
                   uint32_t(step.behavior), step.invert, 0, intern(step.text),
                   intern(step.content)});
  add(section, out);
}

void TableCompiler::addPatterns() {
  uint32_t index = 0;
  for (const CompiledPattern &pattern : spec.patterns) {
    add(Section::MatcherConfig,
        std::vector<MatcherConfig>{{pattern.states, pattern.classes}}, index);
    addPaged(Section::MatcherClasses, pattern.classOf, index);
    add(Section::MatcherMoves, pattern.moves, index);
    ++index;
  }
}

void TableCompiler::addUnicode() {
  addPaged(Section::CodePoints, makeCodePointFlags());
  bool needs[2] = {};
  for (const SpecStep &step : spec.normalizers) {
    needs[0] |= step.kind == StepKind::Nfc || step.kind == StepKind::Nfd ||
                step.kind == StepKind::BertStripAccents;
    needs[1] |= step.kind == StepKind::Nfkc || step.kind == StepKind::Nfkd;
    if (step.kind == StepKind::Lowercase)
      addPaged(Section::Lower, makeLowerDistances());
    if (step.kind == StepKind::Charsmap)
      addPaged(Section::Graphemes, makeGraphemeClasses());
  }
  for (uint32_t form = 0; form < 2; ++form) {
    if (!needs[form])
      continue;
    DecompositionTable table = makeDecompositions(/*compatible=*/form == 1);
    addPaged(Section::Decompositions, table.entries, form);
    add(Section::DecompositionText, table.text, form);
  }
  if (needs[0] || needs[1]) {
    addPaged(Section::CombiningClasses, makeCombiningClasses());
    add(Section::Compositions, makeCompositions());
  }
  if (spec.charsmap.size() < 4)
    return;
  uint32_t trieSize = 0;
  std::memcpy(&trieSize, spec.charsmap.data(), 4);
  std::vector<uint32_t> trie(trieSize / 4);
  std::memcpy(trie.data(), spec.charsmap.data() + 4, trie.size() * 4);
  add(Section::CharsmapTrie, trie);
  std::vector<char> text(spec.charsmap.begin() + 4 + trieSize,
                         spec.charsmap.end());
  text.push_back('\0');
  add(Section::CharsmapText, text);
}

Result<std::vector<std::byte>> TableCompiler::compile() {
  for (const auto *steps :
       {&spec.normalizers, &spec.preTokenizers, &spec.decoders})
    if (steps->size() > kMaximumSteps)
      return Status::error(StatusCode::Unsupported,
                           name + ": " + std::to_string(steps->size()) +
                               " steps are more than " +
                               std::to_string(kMaximumSteps));
  if (!spec.charsmap.empty()) {
    uint32_t trieSize = 0;
    if (spec.charsmap.size() >= 4)
      std::memcpy(&trieSize, spec.charsmap.data(), 4);
    if (trieSize < 4 || trieSize % 4 != 0 ||
        trieSize > spec.charsmap.size() - 4)
      return fail("precompiled_charsmap: a trie of " +
                  std::to_string(trieSize) + " bytes in " +
                  std::to_string(spec.charsmap.size()));
  }
  addSteps(Section::Normalizers, spec.normalizers);
  addSteps(Section::PreTokenizers, spec.preTokenizers);
  addSteps(Section::Decoders, spec.decoders);
  addPatterns();
  addUnicode();
  LATHE_RETURN_IF_ERROR(addModel());
  LATHE_RETURN_IF_ERROR(addAddedTokens());
  LATHE_RETURN_IF_ERROR(addNormalizedTokens());
  LATHE_RETURN_IF_ERROR(markWholeTokens());
  // What comes out is what the executor takes.
  Result<Tokenizer> tokenizer = load();
  if (!tokenizer.isOk())
    return tokenizer.takeStatus();
  return std::move(written);
}

Result<std::vector<std::byte>> text::compileTables(const TokenizerSpec &spec,
                                                   const std::string &name) {
  return TableCompiler(spec, name).compile();
}
