//===- Utf8.h - Code points in a text ---------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_UTF8_H
#define LATHE_RUNTIME_TEXT_UTF8_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lathe::runtime::text {

/// Bytes that are no UTF-8 are read as this plus the byte, and written back as
/// that byte, so that text passes through unharmed.
inline constexpr uint32_t kStrayByte = 0x110000;
inline constexpr uint32_t kReplacementCharacter = 0xFFFD;

struct CodePoint {
  uint32_t value;
  uint32_t size; ///< Bytes, at least 1.
};

/// The code point at \p at, which is below \p end.
inline CodePoint readCodePoint(const char *at, const char *end) {
  auto byte = [at](size_t i) { return uint32_t(uint8_t(at[i])); };
  auto isTail = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  uint32_t lead = byte(0);
  if (lead < 0x80)
    return {lead, 1};
  size_t left = size_t(end - at);
  if (lead >= 0xC2 && lead < 0xE0 && left >= 2 && isTail(1))
    return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (lead >= 0xE0 && lead < 0xF0 && left >= 3 && isTail(1) && isTail(2)) {
    uint32_t value =
        (lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    if (value >= 0x800 && (value < 0xD800 || value > 0xDFFF))
      return {value, 3};
  }
  if (lead >= 0xF0 && lead < 0xF5 && left >= 4 && isTail(1) && isTail(2) &&
      isTail(3)) {
    uint32_t value = (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 |
                     (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
    if (value >= 0x10000 && value < 0x110000)
      return {value, 4};
  }
  return {kStrayByte + lead, 1};
}

/// The code point that ends at \p end, which is above \p begin.
inline CodePoint readCodePointBefore(const char *begin, const char *end) {
  const char *at = end - 1;
  while (at > begin && end - at < 4 && (uint8_t(*at) & 0xC0) == 0x80)
    --at;
  CodePoint codePoint = readCodePoint(at, end);
  if (at + codePoint.size == end)
    return codePoint;
  return {kStrayByte + uint8_t(end[-1]), 1};
}

/// What tables of code points know of \p value.
inline uint32_t tableIndex(uint32_t value) {
  return value < kStrayByte ? value : kReplacementCharacter;
}

inline void appendCodePoint(std::string &out, uint32_t value) {
  if (value < 0x80) {
    out += char(value);
  } else if (value >= kStrayByte) {
    out += char(value - kStrayByte);
  } else if (value < 0x800) {
    out += char(0xC0 | value >> 6);
    out += char(0x80 | (value & 0x3F));
  } else if (value < 0x10000) {
    out += char(0xE0 | value >> 12);
    out += char(0x80 | (value >> 6 & 0x3F));
    out += char(0x80 | (value & 0x3F));
  } else {
    out += char(0xF0 | value >> 18);
    out += char(0x80 | (value >> 12 & 0x3F));
    out += char(0x80 | (value >> 6 & 0x3F));
    out += char(0x80 | (value & 0x3F));
  }
}

/// Whether all bytes of \p text are below 128.
inline bool isAscii(std::string_view text) {
  unsigned char all = 0;
  for (char c : text)
    all |= uint8_t(c);
  return all < 0x80;
}

/// Whether \p text is UTF-8.
bool isUtf8(std::string_view text);

/// How much of \p text, from its start, later bytes cannot change: all of it
/// but a character whose end is missing.
size_t completeUtf8(std::string_view text);

/// Appends \p text with U+FFFD in place of each longest run of bytes that
/// begins a character but does not end it, or each byte that cannot begin one
/// (as Unicode recommends, section 3.9).
void appendValidUtf8(std::string &out, std::string_view text);

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_UTF8_H
