//===- TokenizerJsonSteps.cpp - Steps of tokenizer.json -------------------===//
//
// Normalizers and pre-tokenizers, and what decoders share with them. Each has a
// type and members of its own; a type or member that is not known here is
// refused by name.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/TokenizerJsonSteps.h"

#include "runtime/text/Base64.h"
#include "runtime/text/TokenizerReaders.h"
#include "runtime/text/Utf8.h"

#include <string>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

Status text::refuseType(JsonValue value, std::string_view type) {
  return value.error("type: " + std::string(type) + " is not supported",
                     StatusCode::Unsupported);
}

Status text::readSequence(JsonValue sequence, std::string_view key,
                          Status (*read)(JsonValue, TokenizerSpec &),
                          TokenizerSpec &spec) {
  LATHE_RETURN_IF_ERROR(expectOnly(sequence, {"type", key}));
  std::optional<JsonValue> parts = sequence.find(key);
  if (!parts)
    return sequence.error("expected a member " + std::string(key));
  LATHE_RETURN_IF_ERROR(parts->expectArray());
  for (JsonValue part : parts->elements())
    LATHE_RETURN_IF_ERROR(read(part, spec));
  return Status::ok();
}

namespace {

/// `{"String": …}` or `{"Regex": …}`.
struct Pattern {
  bool isRegex = false;
  std::string_view text;
  std::string field; ///< For messages.
};

} // namespace

static Result<Pattern> readPattern(JsonValue object) {
  std::optional<JsonValue> value = object.find("pattern");
  if (!value)
    return object.error("expected a member pattern");
  LATHE_RETURN_IF_ERROR(expectOnly(*value, {"String", "Regex"}));
  Pattern pattern;
  pattern.isRegex = value->find("Regex").has_value();
  Result<std::string_view> text =
      value->get<std::string_view>(pattern.isRegex ? "Regex" : "String");
  if (!text.isOk())
    return text.takeStatus();
  if (text->empty())
    return value->error("is empty", StatusCode::Unsupported);
  pattern.text = *text;
  // The message without its text: "FILE: PATH".
  pattern.field = value->error("").message();
  while (pattern.field.ends_with(' ') || pattern.field.ends_with(':'))
    pattern.field.pop_back();
  return pattern;
}

void text::addBertNormalizer(bool cleansText, bool padsChinese,
                             bool stripsAccents, bool lowers,
                             TokenizerSpec &spec) {
  if (cleansText)
    spec.normalizers.push_back({StepKind::BertClean});
  if (padsChinese)
    spec.normalizers.push_back({StepKind::BertChinese});
  if (stripsAccents)
    spec.normalizers.push_back({StepKind::BertStripAccents});
  if (lowers)
    spec.normalizers.push_back({StepKind::Lowercase});
}

static Status readBertNormalizer(JsonValue value, TokenizerSpec &spec) {
  LATHE_RETURN_IF_ERROR(
      expectOnly(value, {"type", "clean_text", "handle_chinese_chars",
                         "strip_accents", "lowercase"}));
  bool flags[4];
  size_t count = 0;
  for (std::string_view key :
       {"clean_text", "handle_chinese_chars", "lowercase", "strip_accents"}) {
    // Unless said, accents are stripped where case is.
    bool fallback = key == "strip_accents" ? flags[2] : true;
    Result<bool> flag = value.get<bool>(key, fallback);
    if (!flag.isOk())
      return flag.takeStatus();
    flags[count++] = *flag;
  }
  addBertNormalizer(flags[0], flags[1], /*stripsAccents=*/flags[3],
                    /*lowers=*/flags[2], spec);
  return Status::ok();
}

Status text::readReplace(JsonValue value, StepKind literal, TokenizerSpec &spec,
                         SpecStep &step) {
  LATHE_RETURN_IF_ERROR(expectOnly(value, {"type", "pattern", "content"}));
  Result<Pattern> pattern = readPattern(value);
  if (!pattern.isOk())
    return pattern.takeStatus();
  Result<std::string_view> content = value.get<std::string_view>("content");
  if (!content.isOk())
    return content.takeStatus();
  step.kind = literal;
  step.content = *content;
  step.text = pattern->text;
  if (!pattern->isRegex)
    return Status::ok();
  if (literal == StepKind::DecodeReplace)
    return value.error("pattern: Regex is not supported in a decoder",
                       StatusCode::Unsupported);
  step.kind = StepKind::ReplaceMatches;
  step.text.clear();
  Result<uint32_t> number =
      spec.addPattern(pattern->text, regexWord(), pattern->field);
  if (!number.isOk())
    return number.takeStatus();
  step.number = *number;
  return Status::ok();
}

static Status readStrip(JsonValue value, TokenizerSpec &spec) {
  LATHE_RETURN_IF_ERROR(
      expectOnly(value, {"type", "strip_left", "strip_right"}));
  SpecStep step{StepKind::Strip};
  Result<bool> left = value.get<bool>("strip_left", true);
  if (!left.isOk())
    return left.takeStatus();
  Result<bool> right = value.get<bool>("strip_right", true);
  if (!right.isOk())
    return right.takeStatus();
  step.number = (*left ? 1 : 0) | (*right ? 2 : 0);
  spec.normalizers.push_back(step);
  return Status::ok();
}

static Status readPrecompiled(JsonValue value, TokenizerSpec &spec) {
  LATHE_RETURN_IF_ERROR(expectOnly(value, {"type", "precompiled_charsmap"}));
  Result<std::string_view> map =
      value.get<std::string_view>("precompiled_charsmap", "");
  if (!map.isOk())
    return map.takeStatus();
  if (map->empty())
    return Status::ok();
  if (!spec.charsmap.empty())
    return value.error("a second Precompiled is not supported",
                       StatusCode::Unsupported);
  if (!decodeBase64(*map, spec.charsmap) || spec.charsmap.empty())
    return value.error("precompiled_charsmap: is no base64");
  spec.normalizers.push_back({StepKind::Charsmap});
  return Status::ok();
}

Status text::readNormalizer(JsonValue value, TokenizerSpec &spec) {
  Result<std::string_view> type = value.get<std::string_view>("type");
  if (!type.isOk())
    return type.takeStatus();
  if (*type == "Sequence")
    return readSequence(value, "normalizers", readNormalizer, spec);
  if (*type == "BertNormalizer")
    return readBertNormalizer(value, spec);
  if (*type == "Strip")
    return readStrip(value, spec);
  if (*type == "Precompiled")
    return readPrecompiled(value, spec);
  if (*type == "Replace") {
    SpecStep step{StepKind::ReplaceText};
    LATHE_RETURN_IF_ERROR(
        readReplace(value, StepKind::ReplaceText, spec, step));
    spec.normalizers.push_back(std::move(step));
    return Status::ok();
  }
  if (*type == "Prepend") {
    LATHE_RETURN_IF_ERROR(expectOnly(value, {"type", "prepend"}));
    Result<std::string_view> content = value.get<std::string_view>("prepend");
    if (!content.isOk())
      return content.takeStatus();
    SpecStep step{StepKind::Prepend};
    step.content = *content;
    spec.normalizers.push_back(std::move(step));
    return Status::ok();
  }
  struct Plain {
    std::string_view type;
    StepKind kind;
  };
  static constexpr Plain kPlain[] = {{"NFC", StepKind::Nfc},
                                     {"NFD", StepKind::Nfd},
                                     {"NFKC", StepKind::Nfkc},
                                     {"NFKD", StepKind::Nfkd},
                                     {"Nmt", StepKind::Nmt},
                                     {"Lowercase", StepKind::Lowercase},
                                     {"StripAccents", StepKind::StripAccents}};
  for (const Plain &plain : kPlain) {
    if (*type != plain.type)
      continue;
    spec.normalizers.push_back({plain.kind});
    return expectOnly(value, {"type"});
  }
  return refuseType(value, *type);
}

static Result<Behavior> readBehavior(JsonValue value) {
  Result<std::string_view> name =
      value.get<std::string_view>("behavior", "Isolated");
  if (!name.isOk())
    return name.takeStatus();
  static constexpr std::string_view kNames[] = {"Removed", "Isolated",
                                                "MergedWithPrevious",
                                                "MergedWithNext", "Contiguous"};
  for (uint32_t i = 0; i < std::size(kNames); ++i)
    if (*name == kNames[i])
      return Behavior(i);
  return value.error("behavior: " + std::string(*name) + " is not supported",
                     StatusCode::Unsupported);
}

static Status readSplit(JsonValue value, TokenizerSpec &spec) {
  LATHE_RETURN_IF_ERROR(
      expectOnly(value, {"type", "pattern", "behavior", "invert"}));
  Result<Pattern> pattern = readPattern(value);
  if (!pattern.isOk())
    return pattern.takeStatus();
  Result<Behavior> behavior = readBehavior(value);
  if (!behavior.isOk())
    return behavior.takeStatus();
  Result<bool> invert = value.get<bool>("invert", false);
  if (!invert.isOk())
    return invert.takeStatus();
  SpecStep step{StepKind::SplitText};
  step.behavior = *behavior;
  step.invert = *invert;
  step.text = pattern->text;
  if (pattern->isRegex) {
    Result<uint32_t> number =
        spec.addPattern(pattern->text, regexWord(), pattern->field);
    if (!number.isOk())
      return number.takeStatus();
    step = {StepKind::SplitMatches, *number, 0, *behavior, *invert, "", ""};
  }
  spec.preTokenizers.push_back(std::move(step));
  return Status::ok();
}

static Status readByteLevel(JsonValue value, TokenizerSpec &spec) {
  LATHE_RETURN_IF_ERROR(expectOnly(
      value, {"type", "add_prefix_space", "trim_offsets", "use_regex"}));
  if (spec.model != ModelKind::Bpe)
    return value.error("ByteLevel is only supported for BPE",
                       StatusCode::Unsupported);
  Result<bool> prefix = value.get<bool>("add_prefix_space", true);
  if (!prefix.isOk())
    return prefix.takeStatus();
  Result<bool> splits = value.get<bool>("use_regex", true);
  if (!splits.isOk())
    return splits.takeStatus();
  if (*prefix)
    spec.preTokenizers.push_back({StepKind::PrefixSpace});
  if (*splits) {
    Result<uint32_t> number =
        spec.addPattern(kByteLevelPattern, regexWord(), "ByteLevel");
    if (!number.isOk())
      return number.takeStatus();
    spec.preTokenizers.push_back({StepKind::SplitMatches, *number, 0,
                                  Behavior::Isolated, false, "", ""});
  }
  spec.flags |= kByteLevel;
  return Status::ok();
}

void text::addMetaspace(std::string_view replacement, MetaspaceScheme scheme,
                        bool splits, TokenizerSpec &spec) {
  SpecStep mark{StepKind::Metaspace, uint32_t(scheme)};
  mark.content = replacement;
  spec.preTokenizers.push_back(std::move(mark));
  if (!splits)
    return;
  SpecStep split{StepKind::SplitText};
  split.behavior = Behavior::MergedWithNext;
  split.text = replacement;
  spec.preTokenizers.push_back(std::move(split));
}

Result<Metaspace> text::readMetaspace(JsonValue value) {
  LATHE_RETURN_IF_ERROR(
      expectOnly(value, {"type", "replacement", "prepend_scheme", "split",
                         "add_prefix_space", "str_rep"}));
  Result<std::string_view> replacement =
      value.get<std::string_view>("replacement", "\u2581");
  if (!replacement.isOk())
    return replacement.takeStatus();
  // Older files say it with add_prefix_space.
  Result<bool> prefix = value.get<bool>("add_prefix_space", true);
  if (!prefix.isOk())
    return prefix.takeStatus();
  Result<std::string_view> scheme = value.get<std::string_view>(
      "prepend_scheme", *prefix ? "always" : "never");
  if (!scheme.isOk())
    return scheme.takeStatus();
  Result<bool> splits = value.get<bool>("split", true);
  if (!splits.isOk())
    return splits.takeStatus();
  Metaspace metaspace = {*replacement, MetaspaceScheme::Always, *splits};
  if (replacement->empty())
    return value.error("replacement: is empty");
  if (*scheme == "first")
    metaspace.scheme = MetaspaceScheme::First;
  else if (*scheme == "never")
    metaspace.scheme = MetaspaceScheme::Never;
  else if (*scheme != "always")
    return value.error("prepend_scheme: " + std::string(*scheme) +
                           " is not supported",
                       StatusCode::Unsupported);
  return metaspace;
}

static void addFlagSplit(uint32_t mask, Behavior behavior,
                         TokenizerSpec &spec) {
  spec.preTokenizers.push_back(
      {StepKind::SplitFlagged, mask, 0, behavior, false, "", ""});
}

void text::addBertPreTokenizer(TokenizerSpec &spec) {
  addFlagSplit(kWhiteSpace, Behavior::Removed, spec);
  addFlagSplit(kPunctuation, Behavior::Isolated, spec);
}

static Status readDigits(JsonValue value, TokenizerSpec &spec) {
  LATHE_RETURN_IF_ERROR(expectOnly(value, {"type", "individual_digits"}));
  Result<bool> individual = value.get<bool>("individual_digits", false);
  if (!individual.isOk())
    return individual.takeStatus();
  addFlagSplit(kNumeric,
               *individual ? Behavior::Isolated : Behavior::Contiguous, spec);
  return Status::ok();
}

/// The pre-tokenizers that need no members, or one.
static Status readPlainPreTokenizer(JsonValue value, std::string_view type,
                                    TokenizerSpec &spec) {
  if (type == "BertPreTokenizer") {
    addBertPreTokenizer(spec);
    return expectOnly(value, {"type"});
  }
  if (type == "WhitespaceSplit") {
    addFlagSplit(kWhiteSpace, Behavior::Removed, spec);
    return expectOnly(value, {"type"});
  }
  if (type == "Whitespace") {
    Result<uint32_t> number =
        spec.addPattern(R"(\w+|[^\w\s]+)", rustWord(), "Whitespace");
    if (!number.isOk())
      return number.takeStatus();
    spec.preTokenizers.push_back({StepKind::SplitMatches, *number, 0,
                                  Behavior::Removed, /*invert=*/true, "", ""});
    return expectOnly(value, {"type"});
  }
  if (type == "Punctuation") {
    Result<Behavior> behavior = readBehavior(value);
    if (!behavior.isOk())
      return behavior.takeStatus();
    addFlagSplit(kPunctuation, *behavior, spec);
    return expectOnly(value, {"type", "behavior"});
  }
  if (type == "CharDelimiterSplit") {
    Result<std::string_view> delimiter =
        value.get<std::string_view>("delimiter");
    if (!delimiter.isOk())
      return delimiter.takeStatus();
    if (delimiter->empty())
      return value.error("delimiter: is empty");
    SpecStep step{StepKind::SplitText};
    step.text = *delimiter;
    spec.preTokenizers.push_back(std::move(step));
    return expectOnly(value, {"type", "delimiter"});
  }
  return refuseType(value, type);
}

Status text::readPreTokenizer(JsonValue value, TokenizerSpec &spec) {
  Result<std::string_view> type = value.get<std::string_view>("type");
  if (!type.isOk())
    return type.takeStatus();
  if (*type == "Sequence")
    return readSequence(value, "pretokenizers", readPreTokenizer, spec);
  // After ByteLevel the text is in an alphabet of its own.
  if (spec.flags & kByteLevel)
    return value.error(std::string(*type) + " after ByteLevel is not supported",
                       StatusCode::Unsupported);
  if (*type == "ByteLevel")
    return readByteLevel(value, spec);
  if (*type == "Split")
    return readSplit(value, spec);
  if (*type == "Digits")
    return readDigits(value, spec);
  if (*type == "Metaspace") {
    Result<Metaspace> metaspace = readMetaspace(value);
    if (!metaspace.isOk())
      return metaspace.takeStatus();
    addMetaspace(metaspace->replacement, metaspace->scheme, metaspace->splits,
                 spec);
    return Status::ok();
  }
  return readPlainPreTokenizer(value, *type, spec);
}
