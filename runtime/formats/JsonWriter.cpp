//===- JsonWriter.cpp - Writes JSON text ----------------------------------===//

#include "runtime/formats/JsonWriter.h"

#include <cassert>
#include <charconv>
#include <cmath>
#include <utility>

using namespace lathe::runtime;

/// The length in bytes of the UTF-8 sequence that begins \p text; 0 if none
/// does.
static size_t sequenceLength(std::string_view text) {
  auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  unsigned first = byte(0);
  unsigned second = byte(1);
  if (first < 0x80)
    return 1;
  if (first >= 0xC2 && first <= 0xDF && continues(1))
    return 2;
  if (first >= 0xE0 && first <= 0xEF && continues(1) && continues(2)) {
    bool isOverlong = first == 0xE0 && second < 0xA0;
    bool isSurrogate = first == 0xED && second > 0x9F;
    return isOverlong || isSurrogate ? 0 : 3;
  }
  if (first >= 0xF0 && first <= 0xF4 && continues(1) && continues(2) &&
      continues(3)) {
    bool isOverlong = first == 0xF0 && second < 0x90;
    bool isPastUnicode = first == 0xF4 && second > 0x8F;
    return isOverlong || isPastUnicode ? 0 : 4;
  }
  return 0;
}

static void appendEscape(std::string &out, char c) {
  static constexpr char kDigits[] = "0123456789abcdef";
  switch (c) {
  case '"':
    out += "\\\"";
    return;
  case '\\':
    out += "\\\\";
    return;
  case '\n':
    out += "\\n";
    return;
  case '\r':
    out += "\\r";
    return;
  case '\t':
    out += "\\t";
    return;
  default:
    out += "\\u00";
    out += kDigits[(c >> 4) & 15];
    out += kDigits[c & 15];
  }
}

void lathe::runtime::appendJsonString(std::string &out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    size_t length = sequenceLength(text);
    char c = text[0];
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      length = 1;
    } else if (length == 1 &&
               (c == '"' || c == '\\' || c == 0x7F || (c >= 0 && c < 0x20))) {
      appendEscape(out, c);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  out += '"';
}

void JsonWriter::separate() {
  if (std::exchange(afterKey, false) || hasChild.empty())
    return;
  if (hasChild.back())
    out += ',';
  hasChild.back() = true;
}

JsonWriter &JsonWriter::open(char bracket) {
  separate();
  out += bracket;
  hasChild.push_back(false);
  return *this;
}

JsonWriter &JsonWriter::close(char bracket) {
  assert(!hasChild.empty() && !afterKey && "closes what is not open");
  hasChild.pop_back();
  out += bracket;
  return *this;
}

JsonWriter &JsonWriter::beginObject() { return open('{'); }
JsonWriter &JsonWriter::endObject() { return close('}'); }
JsonWriter &JsonWriter::beginArray() { return open('['); }
JsonWriter &JsonWriter::endArray() { return close(']'); }

JsonWriter &JsonWriter::key(std::string_view name) {
  assert(!afterKey && "a key follows a key");
  separate();
  appendJsonString(out, name);
  out += ':';
  afterKey = true;
  return *this;
}

JsonWriter &JsonWriter::value(std::string_view text) {
  separate();
  appendJsonString(out, text);
  return *this;
}

template <typename T>
static std::string shortest(T real) {
  if (!std::isfinite(real))
    return "null";
  // As "-0" it would be read back as an integer, without its sign.
  if (real == 0 && std::signbit(real))
    return "-0.0";
  char buffer[32];
  std::to_chars_result end =
      std::to_chars(buffer, buffer + sizeof(buffer), real);
  return std::string(buffer, end.ptr);
}

JsonWriter &JsonWriter::value(double real) { return raw(shortest(real)); }
JsonWriter &JsonWriter::value(float real) { return raw(shortest(real)); }

JsonWriter &JsonWriter::raw(std::string_view json) {
  separate();
  out += json;
  return *this;
}

std::string JsonWriter::take() {
  assert(hasChild.empty() && "a bracket is open");
  return std::exchange(out, {});
}
