//===- Utf8.cpp - Code points in a text -----------------------------------===//
#include "runtime/text/Utf8.h"

using namespace lathe::runtime;
using namespace lathe::runtime::text;

bool text::isUtf8(std::string_view text) {
  const char *at = text.data();
  const char *end = at + text.size();
  while (at < end) {
    CodePoint codePoint = readCodePoint(at, end);
    if (codePoint.value >= kStrayByte)
      return false;
    at += codePoint.size;
  }
  return true;
}

/// How many bytes at \p at, which begin no whole character, begin one: at least
/// 1. \p wanted is the size of the character, 1 if no character begins so.
static size_t partialSize(const char *at, const char *end, size_t &wanted) {
  uint8_t lead = uint8_t(*at);
  wanted = 1;
  if (lead < 0xC2 || lead > 0xF4)
    return 1;
  wanted = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  uint8_t lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  uint8_t highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  size_t size = 1;
  while (size < wanted && at + size < end && uint8_t(at[size]) >= lowest &&
         uint8_t(at[size]) <= highest) {
    ++size;
    lowest = 0x80;
    highest = 0xBF;
  }
  return size;
}

size_t text::completeUtf8(std::string_view text) {
  const char *begin = text.data();
  const char *end = begin + text.size();
  // An unfinished character has at most three bytes.
  for (size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const char *at = end - back;
    if ((uint8_t(*at) & 0xC0) == 0x80)
      continue;
    size_t wanted = 1;
    size_t size = partialSize(at, end, wanted);
    return size == back && size < wanted ? text.size() - back : text.size();
  }
  return text.size();
}

void text::appendValidUtf8(std::string &out, std::string_view text) {
  const char *at = text.data();
  const char *end = at + text.size();
  const char *copied = at;
  while (at < end) {
    CodePoint codePoint = readCodePoint(at, end);
    if (codePoint.value < kStrayByte) {
      at += codePoint.size;
      continue;
    }
    out.append(copied, at);
    appendCodePoint(out, kReplacementCharacter);
    size_t wanted = 1;
    at += partialSize(at, end, wanted);
    copied = at;
  }
  out.append(copied, end);
}
