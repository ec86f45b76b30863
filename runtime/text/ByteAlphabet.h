//===- ByteAlphabet.h - GPT-2's spelling of bytes ---------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_BYTEALPHABET_H
#define LATHE_RUNTIME_TEXT_BYTEALPHABET_H

#include "runtime/text/Utf8.h"

namespace lathe::runtime::text {

/// The character that byte-level vocabularies write for \p byte: itself where
/// it can be seen, else one from U+0100 on.
inline uint32_t byteCharacter(uint8_t byte) {
  auto isVisible = [](uint32_t c) {
    return (c >= 0x21 && c <= 0x7E) || (c >= 0xA1 && c <= 0xAC) ||
           (c >= 0xAE && c <= 0xFF);
  };
  if (isVisible(byte))
    return byte;
  uint32_t hidden = 0;
  for (uint32_t c = 0; c < byte; ++c)
    hidden += !isVisible(c);
  return 0x100 + hidden;
}

/// Replaces \p text, if all its characters stand for bytes, by these bytes.
/// Returns whether it did.
inline bool spellBytes(std::string &text) {
  static const auto kBytes = [] {
    struct {
      int16_t of[0x144];
    } table;
    for (int16_t &byte : table.of)
      byte = -1;
    for (uint32_t byte = 0; byte < 256; ++byte)
      table.of[byteCharacter(uint8_t(byte))] = int16_t(byte);
    return table;
  }();
  std::string bytes;
  const char *end = text.data() + text.size();
  for (const char *at = text.data(); at < end;) {
    CodePoint codePoint = readCodePoint(at, end);
    if (codePoint.value >= 0x144 || kBytes.of[codePoint.value] < 0)
      return false;
    bytes += char(kBytes.of[codePoint.value]);
    at += codePoint.size;
  }
  text = std::move(bytes);
  return true;
}

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_BYTEALPHABET_H
