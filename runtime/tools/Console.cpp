//===- Console.cpp - Exit codes and messages of the lathe program ---------===//

#include "runtime/tools/Console.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unistd.h>

using namespace lathe;
using namespace lathe::tools;

/// Longest message, in characters; more helps nobody and floods a log.
static constexpr size_t kLongestMessage = 2000;

static bool verbose = false;

Exit tools::exitOf(runtime::StatusCode code) {
  using runtime::StatusCode;
  switch (code) {
  case StatusCode::Ok:
    return Exit::Done;
  case StatusCode::InvalidFile:
  case StatusCode::NotFound:
  case StatusCode::IoError:
    return Exit::BadFile;
  case StatusCode::Unsupported:
  case StatusCode::InvalidArgument:
    return Exit::Cannot;
  case StatusCode::ResourceExhausted:
    return Exit::NoSpace;
  case StatusCode::Cancelled:
    return Exit::Interrupted;
  case StatusCode::DeviceError:
    return Exit::Bug;
  }
  return Exit::Bug;
}

/// Returns the length of the well-formed UTF-8 sequence at the start of
/// \p text, 0 if there is none.
static size_t utf8Length(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(0);
  if (first < 0x80)
    return 1;
  size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length)
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80)
      return 0;
  // Overlong forms, surrogates, and what lies past U+10FFFF.
  unsigned char second = byte(1);
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
      (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F))
    return 0;
  return length;
}

/// Whether \p character, well-formed UTF-8, is a control or format character
/// that shows nothing, or shows what stands around it in another order.
static bool isInvisible(std::string_view character) {
  auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1)
    return first < 0x20 || first == 0x7F;
  uint32_t value = first & (0xFFu >> (character.size() + 1));
  for (char c : character.substr(1))
    value = value << 6 | (static_cast<unsigned char>(c) & 0x3F);
  struct Range {
    uint32_t first;
    uint32_t last;
  };
  static constexpr Range kRanges[] = {
      {0x80, 0x9F},      // Controls.
      {0xAD, 0xAD},      // Soft hyphen.
      {0x61C, 0x61C},    // Arabic letter mark.
      {0x180E, 0x180E},  // Mongolian vowel separator.
      {0x200B, 0x200F},  // Of no width; marks of direction.
      {0x2028, 0x202E},  // Separators of lines; embeddings and overrides.
      {0x2060, 0x206F},  // Joiners; isolates.
      {0xFEFF, 0xFEFF},  // Byte order mark.
      {0xFFF9, 0xFFFB},  // Annotations.
      {0xE0000, 0xE007F} // Tags.
  };
  for (Range range : kRanges)
    if (value >= range.first && value <= range.last)
      return true;
  return false;
}

std::string tools::escaped(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string result;
  size_t characters = 0;
  while (!text.empty()) {
    if (++characters > kLongestMessage) {
      result += " ...";
      break;
    }
    size_t length = utf8Length(text);
    if (length == 0 || isInvisible(text.substr(0, length))) {
      for (size_t i = 0; i < (length ? length : 1); ++i) {
        auto byte = static_cast<unsigned char>(text[i]);
        result += "\\x";
        result += kHex[byte >> 4];
        result += kHex[byte & 15];
      }
      text.remove_prefix(length ? length : 1);
      continue;
    }
    result.append(text.substr(0, length));
    text.remove_prefix(length);
  }
  return result;
}

static void printLine(std::string_view kind, std::string_view message) {
  std::string line(kind);
  line += ": ";
  line += escaped(message);
  line += '\n';
  // Unbuffered and in one piece, so that lines of several processes do not mix.
  std::fwrite(line.data(), 1, line.size(), stderr);
}

Exit tools::fail(Exit exit, std::string_view message) {
  printLine("error", message);
  return exit;
}

Exit tools::fail(const runtime::Status &status) {
  return fail(exitOf(status.code()), status.message());
}

void tools::warn(std::string_view message) { printLine("warning", message); }

void tools::setVerbose(bool value) { verbose = value; }

bool tools::isVerbose() { return verbose || isatty(STDERR_FILENO); }

void tools::note(std::string_view message) {
  if (isVerbose())
    printLine("note", message);
}

Exit tools::print(std::string_view text) {
  while (!text.empty()) {
    ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return fail(Exit::NoSpace,
                  std::string("standard output: cannot be written: ") +
                      std::strerror(errno));
    text.remove_prefix(static_cast<size_t>(written));
  }
  return Exit::Done;
}
