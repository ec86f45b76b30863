//===- Base64.h - Bytes written as letters ----------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_BASE64_H
#define LATHE_RUNTIME_TEXT_BASE64_H

#include <cstdint>
#include <string>
#include <string_view>

namespace lathe::runtime::text {

/// Writes the bytes of \p text (RFC 4648, padded) to \p bytes. Returns whether
/// it is valid.
inline bool decodeBase64(std::string_view text, std::string &bytes) {
  static constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  bytes.clear();
  if (text.size() % 4 != 0)
    return false;
  for (int i = 0; i < 2 && text.ends_with('='); ++i)
    text.remove_suffix(1);
  bytes.reserve(text.size() / 4 * 3 + 3);
  uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    size_t value = kLetters.find(c);
    if (value == std::string_view::npos)
      return false;
    bits = bits << 6 | uint32_t(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += char(bits >> count & 0xFF);
    }
  }
  return true;
}

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_BASE64_H
