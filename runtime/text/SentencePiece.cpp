//===- SentencePiece.cpp - Reads a SentencePiece model --------------------===//
//
// A tokenizer.model is a protobuf ModelProto (sentencepiece_model.proto). Its
// rules are put as Hugging Face's converters put them, so that a model gives
// the ids of its tokenizer.json.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/TokenizerReaders.h"
#include "runtime/text/Utf8.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <unordered_map>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

namespace {

constexpr std::string_view kMarker = "\u2581";

/// A field of a protobuf message.
struct Field {
  uint32_t number = 0;
  uint32_t type = 0; ///< 0 varint, 1 fixed64, 2 bytes, 5 fixed32.
  uint64_t value = 0;
  std::string_view bytes;

  float asFloat() const {
    uint32_t bits = uint32_t(value);
    float result;
    std::memcpy(&result, &bits, 4);
    return result;
  }
};

/// Reads the fields of a message one by one.
class FieldReader {
public:
  explicit FieldReader(std::string_view bytes) : bytes(bytes) {}

  /// False at the end, or if the message is broken.
  bool next(Field &field) {
    if (bytes.empty() || isBroken)
      return false;
    uint64_t key = readVarint();
    field = {uint32_t(key >> 3), uint32_t(key & 7), 0, {}};
    isBroken |= key >> 32 != 0 || field.number == 0;
    if (field.type == 0)
      field.value = readVarint();
    else if (field.type == 1)
      field.value = readFixed(8);
    else if (field.type == 5)
      field.value = readFixed(4);
    else if (field.type == 2)
      field.bytes = take(readVarint());
    else
      isBroken = true;
    return !isBroken;
  }

  bool isBroken = false;

private:
  std::string_view take(uint64_t size) {
    if (size > bytes.size()) {
      isBroken = true;
      return {};
    }
    std::string_view taken = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return taken;
  }

  uint64_t readFixed(size_t size) {
    std::string_view taken = take(size);
    uint64_t value = 0;
    for (size_t i = 0; i < taken.size(); ++i)
      value |= uint64_t(uint8_t(taken[i])) << (8 * i);
    return value;
  }

  uint64_t readVarint() {
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64; shift += 7) {
      std::string_view byte = take(1);
      if (isBroken)
        return 0;
      value |= uint64_t(uint8_t(byte[0]) & 0x7F) << shift;
      if (!(uint8_t(byte[0]) & 0x80))
        return value;
    }
    isBroken = true;
    return 0;
  }

  std::string_view bytes;
};

/// The kinds of a piece.
enum PieceKind : uint64_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

class Reader {
public:
  Reader(const std::string &name, TokenizerSpec &spec)
      : name(name), spec(spec) {}

  Status read(std::string_view bytes);

private:
  Status fail(const std::string &what,
              StatusCode code = StatusCode::InvalidFile) const {
    return Status::error(code, name + ": " + what);
  }
  Status readPiece(std::string_view bytes);
  Status readTrainer(std::string_view bytes);
  Status readNormalizerSpec(std::string_view bytes);
  Status addTokens();
  void addMerges();
  Status addSteps();
  void addDecoders();

  const std::string &name;
  TokenizerSpec &spec;
  std::vector<uint64_t> kinds;
  uint64_t modelType = 1; ///< 1 Unigram, 2 BPE.
  bool addsDummyPrefix = true;
  bool removesSpaces = true;
};

} // namespace

Status Reader::readPiece(std::string_view bytes) {
  FieldReader reader(bytes);
  Field field;
  SpecToken token;
  token.isPresent = true;
  float score = 0;
  uint64_t kind = kNormal;
  while (reader.next(field)) {
    if (field.number == 1 && field.type == 2)
      token.text = field.bytes;
    else if (field.number == 2 && field.type == 5)
      score = field.asFloat();
    else if (field.number == 3 && field.type == 0)
      kind = field.value;
  }
  std::string where = "pieces[" + std::to_string(spec.tokens.size()) + "]: ";
  if (reader.isBroken || kind < kNormal || kind > kByte)
    return fail(where + "is broken");
  if (!isUtf8(token.text) || token.text.empty() || !std::isfinite(score))
    return fail(where + "expected UTF-8 text and a finite score");
  spec.tokens.push_back(std::move(token));
  spec.scores.push_back(score);
  kinds.push_back(kind);
  return Status::ok();
}

Status Reader::readTrainer(std::string_view bytes) {
  // unk, bos, eos, pad.
  int64_t ids[4] = {0, 1, 2, -1};
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.type != 0)
      continue;
    if (field.number == 3)
      modelType = field.value;
    else if (field.number >= 40 && field.number <= 43)
      ids[field.number - 40] = int64_t(field.value);
    else if (field.number == 24 && field.value != 0)
      return fail("trainer_spec.treat_whitespace_as_suffix: is not supported",
                  StatusCode::Unsupported);
  }
  if (reader.isBroken)
    return fail("trainer_spec: is broken");
  if (modelType != 1 && modelType != 2)
    return fail("trainer_spec.model_type: " + std::to_string(modelType) +
                    " is not supported",
                StatusCode::Unsupported);
  auto checked = [&](int64_t id) {
    return id >= 0 && id < int64_t(spec.tokens.size()) ? int32_t(id) : -1;
  };
  spec.specials[0] = checked(ids[1]);
  spec.specials[1] = checked(ids[2]);
  spec.specials[2] = checked(ids[3]);
  spec.specials[3] = checked(ids[0]);
  return Status::ok();
}

Status Reader::readNormalizerSpec(std::string_view bytes) {
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.number == 2 && field.type == 2)
      spec.charsmap = field.bytes;
    else if (field.number == 3 && field.type == 0)
      addsDummyPrefix = field.value != 0;
    else if (field.number == 4 && field.type == 0)
      removesSpaces = field.value != 0;
    else if (field.number == 5 && field.type == 0 && field.value == 0)
      return fail("normalizer_spec.escape_whitespaces: false is not supported",
                  StatusCode::Unsupported);
  }
  return reader.isBroken ? fail("normalizer_spec: is broken") : Status::ok();
}

/// Control pieces and what users defined are added tokens.
Status Reader::addTokens() {
  for (size_t id = 0; id < kinds.size(); ++id) {
    if (kinds[id] == kUnknown && spec.unknownId < 0)
      spec.unknownId = int32_t(id);
    if (kinds[id] == kByte)
      spec.flags |= kByteFallback;
    bool isSpecial = kinds[id] == kControl || kinds[id] == kUnknown;
    if (isSpecial || kinds[id] == kUserDefined)
      addToken({spec.tokens[id].text, int32_t(id),
                isSpecial ? uint32_t(kAddedSpecial) : 0,
                /*isNormalized=*/false},
               spec);
  }
  if (spec.unknownId < 0)
    return fail("pieces: none is unknown");
  spec.flags |= kFuseUnknown;
  return Status::ok();
}

/// SentencePiece has scores where BPE has merges: two pieces merge if the piece
/// they make exists, the one with the highest score first.
void Reader::addMerges() {
  std::unordered_map<std::string_view, int32_t> ids;
  for (size_t id = 0; id < kinds.size(); ++id)
    if (kinds[id] == kNormal || kinds[id] == kUserDefined)
      ids.try_emplace(spec.tokens[id].text, int32_t(id));
  for (const auto &[text, id] : ids) {
    for (size_t cut = 1; cut < text.size() && text.size() <= 512; ++cut) {
      auto left = ids.find(text.substr(0, cut));
      auto right = ids.find(text.substr(cut));
      if (left != ids.end() && right != ids.end())
        spec.merges.push_back({left->second, right->second, id});
    }
  }
  auto key = [&](const SpecMerge &merge) {
    return std::tuple(-spec.scores[merge.result], merge.result, merge.left,
                      merge.right);
  };
  std::sort(spec.merges.begin(), spec.merges.end(),
            [&](const SpecMerge &left, const SpecMerge &right) {
              return key(left) < key(right);
            });
}

Status Reader::addSteps() {
  if (!spec.charsmap.empty())
    spec.normalizers.push_back({StepKind::Charsmap});
  if (removesSpaces) {
    spec.normalizers.push_back({StepKind::Strip, /*number=*/3});
    Result<uint32_t> number = spec.addPattern(" {2,}", regexWord(), name);
    if (!number.isOk())
      return number.takeStatus();
    SpecStep squeeze{StepKind::ReplaceMatches, *number};
    squeeze.content = " ";
    spec.normalizers.push_back(std::move(squeeze));
  }
  if (modelType == 1) {
    addMetaspace(kMarker,
                 addsDummyPrefix ? MetaspaceScheme::Always
                                 : MetaspaceScheme::Never,
                 /*splits=*/true, spec);
    return Status::ok();
  }
  if (addsDummyPrefix) {
    SpecStep prepend{StepKind::Prepend};
    prepend.content = kMarker;
    spec.normalizers.push_back(std::move(prepend));
  }
  SpecStep replace{StepKind::ReplaceText};
  replace.text = " ";
  replace.content = kMarker;
  spec.normalizers.push_back(std::move(replace));
  return Status::ok();
}

void Reader::addDecoders() {
  SpecStep replace{StepKind::DecodeReplace};
  replace.text = kMarker;
  replace.content = " ";
  spec.decoders.push_back(std::move(replace));
  spec.decoders.push_back({StepKind::DecodeByteFallback});
  spec.decoders.push_back({StepKind::DecodeFuse});
  if (!addsDummyPrefix)
    return;
  SpecStep strip{StepKind::DecodeStrip, /*number=*/1};
  strip.text = " ";
  strip.invert = true;
  spec.decoders.push_back(std::move(strip));
}

Status Reader::read(std::string_view bytes) {
  FieldReader reader(bytes);
  Field field;
  std::string_view trainer;
  std::string_view normalizer;
  while (reader.next(field)) {
    if (field.type != 2)
      continue;
    if (field.number == 1)
      LATHE_RETURN_IF_ERROR(readPiece(field.bytes));
    else if (field.number == 2)
      trainer = field.bytes;
    else if (field.number == 3)
      normalizer = field.bytes;
  }
  if (reader.isBroken)
    return fail("is no SentencePiece model");
  if (spec.tokens.empty())
    return fail("pieces: there are none");
  LATHE_RETURN_IF_ERROR(readTrainer(trainer));
  LATHE_RETURN_IF_ERROR(readNormalizerSpec(normalizer));
  spec.model = modelType == 1 ? ModelKind::Unigram : ModelKind::Bpe;
  LATHE_RETURN_IF_ERROR(addTokens());
  if (modelType == 2) {
    addMerges();
    // Llama's convention; T5's is an end instead of a beginning.
    if (spec.specials[0] >= 0)
      spec.prefixIds = {spec.specials[0]};
  } else if (spec.specials[1] >= 0) {
    spec.suffixIds = {spec.specials[1]};
  }
  LATHE_RETURN_IF_ERROR(addSteps());
  addDecoders();
  return Status::ok();
}

Status text::readSentencePiece(std::string_view bytes, const std::string &name,
                               TokenizerSpec &spec) {
  return Reader(name, spec).read(bytes);
}
