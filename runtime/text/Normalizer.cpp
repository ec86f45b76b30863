//===- Normalizer.cpp - Text as the vocabulary has it ---------------------===//
//
// Each step reads one text and writes another, or says that nothing changes.
// Time is linear in the text.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Normalizer.h"

#include "runtime/text/Matcher.h"
#include "runtime/text/NormalForms.h"
#include "runtime/text/Precompiled.h"
#include "runtime/text/Utf8.h"

#include <algorithm>

using namespace lathe::runtime;
using namespace lathe::runtime::text;

/// Appends what \p map makes of each code point of \p text: map(value, out).
template <typename Map>
static void mapCodePoints(std::string_view text, std::string &out, Map map) {
  const char *at = text.data();
  const char *end = at + text.size();
  while (at < end) {
    CodePoint codePoint = readCodePoint(at, end);
    map(codePoint.value, out);
    at += codePoint.size;
  }
}

/// Drops each code point with \p flag.
static void dropFlagged(const Tables &tables, std::string_view text,
                        CodePointFlag flag, std::string &out) {
  mapCodePoints(text, out, [&](uint32_t value, std::string &out) {
    if (value >= kStrayByte || !(tables.codePoints.at(value) & flag))
      appendCodePoint(out, value);
  });
}

static void cleanBert(const Tables &tables, std::string_view text,
                      std::string &out) {
  mapCodePoints(text, out, [&](uint32_t value, std::string &out) {
    uint8_t flags = tables.codePoints.at(tableIndex(value));
    if (flags & kBertControl)
      return;
    appendCodePoint(out, flags & kWhiteSpace ? ' ' : value);
  });
}

/// The blocks that BERT's authors call Chinese.
static bool isChinese(uint32_t value) {
  return (value >= 0x4E00 && value <= 0x9FFF) ||
         (value >= 0x3400 && value <= 0x4DBF) ||
         (value >= 0x20000 && value <= 0x2A6DF) ||
         (value >= 0x2A700 && value <= 0x2B81F) ||
         (value >= 0x2B920 && value <= 0x2CEAF) ||
         (value >= 0xF900 && value <= 0xFAFF) ||
         (value >= 0x2F800 && value <= 0x2FA1F);
}

static void padChinese(std::string_view text, std::string &out) {
  mapCodePoints(text, out, [](uint32_t value, std::string &out) {
    bool chinese = isChinese(value);
    if (chinese)
      out += ' ';
    appendCodePoint(out, value);
    if (chinese)
      out += ' ';
  });
}

static void lowerCase(const Tables &tables, std::string_view text,
                      std::string &out) {
  mapCodePoints(text, out, [&](uint32_t value, std::string &out) {
    // The one lower case of two characters: i and a dot above.
    if (value == 0x130) {
      out += "i\u0307";
      return;
    }
    if (value < kStrayByte) {
      uint32_t lower = value + uint32_t(tables.lower.at(value));
      // The tables are untrusted.
      if (lower < kStrayByte)
        value = lower;
    }
    appendCodePoint(out, value);
  });
}

/// The normalizer of SentencePiece's "nmt" rules.
static void cleanNmt(std::string_view text, std::string &out) {
  mapCodePoints(text, out, [](uint32_t value, std::string &out) {
    if ((value >= 1 && value <= 8) || value == 0xB ||
        (value >= 0xE && value <= 0x1F) || value == 0x7F || value == 0x8F ||
        value == 0x9F)
      return;
    if (value == 9 || value == 0xA || value == 0xC || value == 0xD ||
        value == 0x1680 || (value >= 0x200B && value <= 0x200F) ||
        value == 0x2028 || value == 0x2029 || value == 0x2581 ||
        value == 0xFEFF || value == 0xFFFD)
      value = ' ';
    appendCodePoint(out, value);
  });
}

static std::string_view strip(const Tables &tables, std::string_view text,
                              uint32_t sides) {
  auto isSpace = [&](CodePoint codePoint) {
    return tables.codePoints.at(tableIndex(codePoint.value)) & kWhiteSpace;
  };
  const char *begin = text.data();
  const char *end = begin + text.size();
  while ((sides & 1) && begin < end) {
    CodePoint first = readCodePoint(begin, end);
    if (!isSpace(first))
      break;
    begin += first.size;
  }
  while ((sides & 2) && begin < end) {
    CodePoint last = readCodePointBefore(begin, end);
    if (!isSpace(last))
      break;
    end -= last.size;
  }
  return {begin, size_t(end - begin)};
}

/// Appends \p text with \p content in place of each match that \p forEach
/// finds.
template <typename ForEach>
static void replace(std::string_view content, std::string &out,
                    ForEach forEach) {
  forEach([&](const char *begin, const char *end, bool isMatch) {
    if (isMatch)
      out += content;
    else
      out.append(begin, end);
  });
}

/// Whether \p step cannot change a text of bytes below 128.
static bool keepsAscii(StepKind kind) {
  return kind == StepKind::BertChinese || kind == StepKind::BertStripAccents ||
         kind == StepKind::StripAccents || kind == StepKind::Nfc ||
         kind == StepKind::Nfd || kind == StepKind::Nfkc ||
         kind == StepKind::Nfkd;
}

/// Writes what \p step makes of \p text to \p out, which is empty.
static void apply(const Tables &tables, const Step &step, std::string_view text,
                  std::string &out) {
  std::string_view content = tables.string(step.content);
  switch (StepKind(step.kind)) {
  case StepKind::BertClean:
    return cleanBert(tables, text, out);
  case StepKind::BertChinese:
    return padChinese(text, out);
  case StepKind::BertStripAccents: {
    std::string decomposed;
    decompose(tables, text, /*compatible=*/false, decomposed);
    return dropFlagged(tables, decomposed, kBertAccent, out);
  }
  case StepKind::StripAccents:
    return dropFlagged(tables, text, kAccent, out);
  case StepKind::Lowercase:
    return lowerCase(tables, text, out);
  case StepKind::Nfd:
    return decompose(tables, text, /*compatible=*/false, out);
  case StepKind::Nfkd:
    return decompose(tables, text, /*compatible=*/true, out);
  case StepKind::Nfc:
    return compose(tables, text, /*compatible=*/false, out);
  case StepKind::Nfkc:
    return compose(tables, text, /*compatible=*/true, out);
  case StepKind::ReplaceText:
    return replace(content, out, [&](auto piece) {
      forEachText(tables.string(step.text), text, piece);
    });
  case StepKind::ReplaceMatches:
    return replace(content, out, [&](auto piece) {
      forEachMatch(tables.matchers[step.number], text, piece);
    });
  case StepKind::Prepend:
    out += content;
    out += text;
    return;
  case StepKind::Nmt:
    return cleanNmt(text, out);
  case StepKind::Charsmap:
    return applyCharsmap(tables, text, out);
  default:
    out += text;
  }
}

std::string_view text::normalize(const Tables &tables, std::string_view text,
                                 std::string &buffer, std::string &spare) {
  for (const Step &step : tables.normalizers) {
    if (text.empty())
      return text;
    StepKind kind = StepKind(step.kind);
    if (kind == StepKind::Strip) {
      text = strip(tables, text, step.number);
      continue;
    }
    if (keepsAscii(kind) && isAscii(text))
      continue;
    spare.clear();
    spare.reserve(text.size() + text.size() / 8 + 16);
    apply(tables, step, text, spare);
    buffer.swap(spare);
    text = buffer;
  }
  return text;
}
