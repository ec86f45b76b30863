//===- PatternParser.cpp - Reads a regular expression ---------------------===//
#include "runtime/text/PatternParser.h"

#include "runtime/text/Utf8.h"

#include <string>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

namespace {

using Kind = PatternNode::Kind;

constexpr uint32_t kDeepestGroup = 32;
constexpr uint32_t kLargestCount = 256;

class Parser {
public:
  Parser(std::string_view pattern, const CodePointSet &word)
      : at(pattern.data()), begin(at), end(at + pattern.size()), word(word) {}

  Result<PatternNode> parse() {
    PatternNode node;
    LATHE_RETURN_IF_ERROR(parseChoice(node, 0));
    if (at < end)
      return refuse("an unmatched ')'");
    return node;
  }

private:
  Status refuse(std::string_view what) const {
    return Status::error(StatusCode::Unsupported,
                         std::string(what) + " at byte " +
                             std::to_string(at - begin) +
                             " of the pattern is not supported");
  }

  bool has(char c) const { return at < end && *at == c; }
  bool take(char c) {
    bool found = has(c);
    at += found;
    return found;
  }
  bool take(std::string_view text) {
    bool found = std::string_view(at, size_t(end - at)).starts_with(text);
    at += found ? text.size() : 0;
    return found;
  }
  uint32_t takeCodePoint() {
    CodePoint codePoint = readCodePoint(at, end);
    at += codePoint.size;
    return tableIndex(codePoint.value);
  }

  Status parseChoice(PatternNode &out, uint32_t depth);
  Status parseSequence(PatternNode &out, uint32_t depth);
  Status parseAtom(PatternNode &out, uint32_t depth);
  Status parseGroup(PatternNode &out, uint32_t depth);
  Status parseLookAhead(PatternNode &out, uint32_t depth, bool negated);
  Status parseRepeat(PatternNode &atom);
  Status parseCounts(PatternNode &repeat, bool &isRepeat);
  Status parseClass(CodePointSet &out);
  Status parseClassItem(CodePointSet &out, uint32_t &single, bool &isSingle);
  Status parseEscape(CodePointSet &out, uint32_t &single, bool &isSingle);
  Status parseProperty(CodePointSet &out, bool negated);
  Status parseHex(uint32_t &value, char kind);
  bool takeNumber(uint32_t &value);
  CodePointSet literal(uint32_t value) const;

  const char *at;
  const char *begin;
  const char *end;
  const CodePointSet &word;
  bool ignoresCase = false;
};

} // namespace

/// \p value, and under `(?i:` its other cases. The reference folds by Unicode:
/// two characters outside ASCII have an ASCII letter as their lower case.
CodePointSet Parser::literal(uint32_t value) const {
  CodePointSet set{{value, value}};
  uint32_t lower = value | 0x20;
  if (!ignoresCase || value > 0x7F || lower < 'a' || lower > 'z')
    return set;
  set.add(lower, lower);
  set.add(lower - 0x20, lower - 0x20);
  if (lower == 's')
    set.add(0x17F, 0x17F);
  if (lower == 'k')
    set.add(0x212A, 0x212A);
  return set;
}

Status Parser::parseChoice(PatternNode &out, uint32_t depth) {
  if (depth > kDeepestGroup)
    return refuse("a group nested more than 32 deep");
  out.kind = Kind::Choice;
  do {
    out.parts.emplace_back();
    LATHE_RETURN_IF_ERROR(parseSequence(out.parts.back(), depth));
  } while (take('|'));
  return Status::ok();
}

/// The code points that \p node can begin with. Sets \p canBeEmpty if it can
/// match the empty text.
static CodePointSet firstSet(const PatternNode &node, bool &canBeEmpty) {
  CodePointSet result;
  canBeEmpty = node.kind != Kind::Set;
  if (node.kind == Kind::Set) {
    return node.set;
  }
  if (node.kind == Kind::Repeat) {
    result = firstSet(node.parts[0], canBeEmpty);
    canBeEmpty |= node.least == 0;
  }
  if (node.kind == Kind::Choice) {
    canBeEmpty = false;
    for (const PatternNode &part : node.parts) {
      bool partIsEmpty = false;
      result.add(firstSet(part, partIsEmpty));
      canBeEmpty |= partIsEmpty;
    }
  }
  if (node.kind == Kind::Sequence) {
    for (const PatternNode &part : node.parts) {
      result.add(firstSet(part, canBeEmpty));
      if (!canBeEmpty)
        break;
    }
  }
  return result;
}

Status Parser::parseSequence(PatternNode &out, uint32_t depth) {
  out.kind = Kind::Sequence;
  while (at < end && !has('|') && !has(')')) {
    PatternNode atom;
    LATHE_RETURN_IF_ERROR(parseAtom(atom, depth));
    LATHE_RETURN_IF_ERROR(parseRepeat(atom));
    out.parts.push_back(std::move(atom));
  }
  // A possessive repeat means the same as a greedy one if what follows cannot
  // begin with what it repeats. At the end of a group what follows is unknown.
  for (size_t i = 0; i < out.parts.size(); ++i) {
    if (!out.parts[i].isPossessive)
      continue;
    bool canBeEmpty = i + 1 == out.parts.size() && depth > 0;
    bool ignored = false;
    CodePointSet repeated = firstSet(out.parts[i].parts[0], ignored);
    for (size_t j = i + 1; j < out.parts.size(); ++j) {
      if (firstSet(out.parts[j], canBeEmpty).intersects(repeated))
        return refuse("a possessive repeat that changes the match");
      canBeEmpty &= j + 1 < out.parts.size() || depth > 0;
      if (!canBeEmpty)
        break;
    }
    if (canBeEmpty)
      return refuse("a possessive repeat at the end of a group");
  }
  return Status::ok();
}

Status Parser::parseAtom(PatternNode &out, uint32_t depth) {
  if (at == end)
    return refuse("a missing ')'");
  if (has('('))
    return parseGroup(out, depth);
  out.kind = Kind::Set;
  if (has('['))
    return parseClass(out.set);
  if (take('.')) {
    out.set = CodePointSet{{'\n', '\n'}}.complement();
    return Status::ok();
  }
  if (has('^') || has('$'))
    return refuse("an anchor");
  if (has('*') || has('+') || has('?'))
    return refuse("a repeat of nothing");
  uint32_t single = 0;
  bool isSingle = true;
  if (has('\\')) {
    LATHE_RETURN_IF_ERROR(parseEscape(out.set, single, isSingle));
  } else {
    single = takeCodePoint();
  }
  if (isSingle)
    out.set = literal(single);
  return Status::ok();
}

Status Parser::parseGroup(PatternNode &out, uint32_t depth) {
  take('(');
  if (take("?!"))
    return parseLookAhead(out, depth, /*negated=*/true);
  if (take("?="))
    return parseLookAhead(out, depth, /*negated=*/false);
  bool outerCase = ignoresCase;
  if (take("?i:"))
    ignoresCase = true;
  else if (!take("?:") && has('?'))
    return refuse("this kind of group");
  LATHE_RETURN_IF_ERROR(parseChoice(out, depth + 1));
  ignoresCase = outerCase;
  return take(')') ? Status::ok() : refuse("a missing ')'");
}

Status Parser::parseLookAhead(PatternNode &out, uint32_t depth, bool negated) {
  if (depth >= kDeepestGroup)
    return refuse("a group nested more than 32 deep");
  PatternNode inner;
  LATHE_RETURN_IF_ERROR(parseAtom(inner, depth + 1));
  if (inner.kind != Kind::Set || !take(')'))
    return refuse("a look-ahead at more than one character");
  out.kind = Kind::LookAhead;
  out.set = negated ? inner.set.complement() : inner.set;
  out.atEnd = negated;
  return Status::ok();
}

bool Parser::takeNumber(uint32_t &value) {
  const char *start = at;
  value = 0;
  while (at < end && *at >= '0' && *at <= '9' && value <= kLargestCount)
    value = value * 10 + uint32_t(*at++ - '0');
  return at > start;
}

/// `{n}`, `{n,}`, `{n,m}`, `{,m}`. A brace that is none of these is a literal.
Status Parser::parseCounts(PatternNode &repeat, bool &isRepeat) {
  const char *start = at;
  take('{');
  bool hasLeast = takeNumber(repeat.least);
  repeat.most = repeat.least;
  bool hasMost = hasLeast;
  if (take(',')) {
    hasMost = takeNumber(repeat.most);
    if (!hasMost)
      repeat.most = PatternNode::kUnbounded;
  }
  isRepeat = (hasLeast || hasMost) && take('}');
  if (!isRepeat) {
    at = start;
    return Status::ok();
  }
  bool isTooLarge =
      repeat.least > kLargestCount ||
      (repeat.most > kLargestCount && repeat.most != PatternNode::kUnbounded);
  if (isTooLarge || repeat.most < repeat.least)
    return refuse("this count");
  return Status::ok();
}

Status Parser::parseRepeat(PatternNode &atom) {
  while (at < end) {
    PatternNode repeat;
    repeat.kind = Kind::Repeat;
    bool isRepeat = true;
    bool isCounted = false;
    if (take('?')) {
      repeat.most = 1;
    } else if (take('*')) {
      repeat.most = PatternNode::kUnbounded;
    } else if (take('+')) {
      repeat.least = 1;
      repeat.most = PatternNode::kUnbounded;
    } else if (has('{')) {
      isCounted = true;
      LATHE_RETURN_IF_ERROR(parseCounts(repeat, isRepeat));
    } else {
      isRepeat = false;
    }
    if (!isRepeat)
      return Status::ok();
    if (has('?'))
      return refuse("a lazy repeat");
    if (atom.kind == Kind::LookAhead || atom.kind == Kind::Repeat)
      return refuse("a repeat of a repeat or look-ahead");
    // After {n,m} a plus is a second repeat, not a possessive one.
    if (!isCounted && take('+')) {
      if (atom.kind != Kind::Set)
        return refuse("a possessive repeat of a group");
      repeat.isPossessive = true;
    }
    repeat.parts.push_back(std::move(atom));
    atom = std::move(repeat);
  }
  return Status::ok();
}

Status Parser::parseClass(CodePointSet &out) {
  take('[');
  bool negated = take('^');
  CodePointSet set;
  bool isFirst = true;
  while (at < end && (isFirst || !has(']'))) {
    isFirst = false;
    if (take("&&") || has('['))
      return refuse("a class in a class");
    uint32_t low = 0;
    bool isSingle = false;
    LATHE_RETURN_IF_ERROR(parseClassItem(set, low, isSingle));
    if (!isSingle)
      continue;
    bool isRange = has('-') && at + 1 < end && at[1] != ']';
    if (!isRange) {
      set.add(literal(low));
      continue;
    }
    take('-');
    uint32_t high = 0;
    LATHE_RETURN_IF_ERROR(parseClassItem(set, high, isSingle));
    if (!isSingle || high < low)
      return refuse("this range");
    for (uint32_t c = low; ignoresCase && c <= high && c < 0x80; ++c)
      set.add(literal(c));
    set.add(low, high);
  }
  if (!take(']'))
    return refuse("a missing ']'");
  out = negated ? set.complement() : set;
  return Status::ok();
}

Status Parser::parseClassItem(CodePointSet &out, uint32_t &single,
                              bool &isSingle) {
  if (has('\\'))
    return parseEscape(out, single, isSingle);
  isSingle = true;
  if (at == end)
    return refuse("a missing ']'");
  single = takeCodePoint();
  return Status::ok();
}

/// Adds a set to \p out, or gives a single code point.
Status Parser::parseEscape(CodePointSet &out, uint32_t &single,
                           bool &isSingle) {
  take('\\');
  if (at == end)
    return refuse("a '\\' at the end");
  isSingle = false;
  char kind = *at;
  auto addSet = [&](const CodePointSet &set, bool negated) {
    ++at;
    out.add(negated ? set.complement() : set);
    return Status::ok();
  };
  switch (kind) {
  case 's':
  case 'S':
    return addSet(whiteSpace(), kind == 'S');
  case 'd':
  case 'D':
    return addSet(*findCategory("Nd"), kind == 'D');
  case 'w':
  case 'W':
    return addSet(word, kind == 'W');
  case 'p':
  case 'P':
    ++at;
    return parseProperty(out, kind == 'P');
  default:
    break;
  }
  isSingle = true;
  if (kind == 'x' || kind == 'u') {
    ++at;
    return parseHex(single, kind);
  }
  static constexpr std::string_view kNames = "nrtfv";
  static constexpr std::string_view kValues = "\n\r\t\f\v";
  size_t named = kNames.find(kind);
  if (named == std::string_view::npos &&
      ((kind >= 'a' && kind <= 'z') || (kind >= 'A' && kind <= 'Z') ||
       (kind >= '0' && kind <= '9')))
    return refuse("this escape");
  single = takeCodePoint();
  if (named != std::string_view::npos)
    single = uint32_t(kValues[named]);
  return Status::ok();
}

Status Parser::parseProperty(CodePointSet &out, bool negated) {
  if (!take('{'))
    return refuse("a property without '{'");
  negated ^= take('^');
  const char *start = at;
  while (at < end && *at != '}')
    ++at;
  std::string_view name(start, size_t(at - start));
  std::optional<CodePointSet> set = findCategory(name);
  if (!set || !take('}'))
    return refuse("the property " + std::string(name.substr(0, 40)));
  out.add(negated ? set->complement() : *set);
  return Status::ok();
}

/// `\xHH`, `\x{H…}` or `\uHHHH`, after the letter.
Status Parser::parseHex(uint32_t &value, char kind) {
  bool braced = kind == 'x' && take('{');
  size_t digits = braced ? 8 : kind == 'u' ? 4 : 2;
  value = 0;
  size_t count = 0;
  for (; at < end && count < digits; ++at, ++count) {
    char c = *at;
    uint32_t digit = c >= '0' && c <= '9'   ? uint32_t(c - '0')
                     : c >= 'a' && c <= 'f' ? uint32_t(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? uint32_t(c - 'A' + 10)
                                            : 16;
    if (digit == 16)
      break;
    value = value * 16 + digit;
    if (value >= kStrayByte)
      return refuse("this code point");
  }
  if (count == 0 || (braced ? !take('}') : count != digits))
    return refuse("this code point");
  return Status::ok();
}

Result<PatternNode> text::parsePattern(std::string_view pattern,
                                       const CodePointSet &word) {
  return Parser(pattern, word).parse();
}
