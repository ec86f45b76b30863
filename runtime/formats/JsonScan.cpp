//===- JsonScan.cpp - Bounds of a JSON text before it is parsed -----------===//

#include "runtime/formats/JsonScan.h"

#include <algorithm>
#include <string>

using namespace lathe::runtime;

/// The offset of the quote that ends the string whose first byte is at
/// \p begin; npos if it does not end.
static size_t findStringEnd(std::string_view text, size_t begin) {
  for (size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i;
  }
  return std::string_view::npos;
}

Result<JsonScan> lathe::runtime::scanJson(std::string_view text,
                                          size_t maximumDepth,
                                          std::string_view file) {
  auto fail = [&](size_t offset, const std::string &fault) {
    auto line = std::count(text.begin(), text.begin() + offset, '\n') + 1;
    return Status::error(StatusCode::InvalidFile,
                         std::string(file) + ": line " + std::to_string(line) +
                             ": " + fault);
  };

  // A scalar at the root has no bracket or comma before it.
  JsonScan scan{.tokens = 1, .values = 1};
  std::string closers; // What closes each open bracket.
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') {
      size_t end = findStringEnd(text, i + 1);
      if (end == std::string_view::npos)
        return fail(i, "a string does not end");
      i = end;
    } else if (c == '[' || c == '{') {
      if (closers.size() == maximumDepth)
        return fail(i, "brackets nest deeper than " +
                           std::to_string(maximumDepth));
      closers.push_back(c == '[' ? ']' : '}');
      scan.tokens += 2;
      scan.values += 1;
    } else if (c == ']' || c == '}') {
      if (closers.empty() || closers.back() != c)
        return fail(i, std::string("a '") + c + "' closes no bracket");
      closers.pop_back();
      scan.tokens += 1;
    } else if (c == ',' || c == ':') {
      scan.tokens += 2;
      scan.values += 1;
      scan.keys += c == ':';
    }
  }
  if (!closers.empty())
    return fail(text.size(),
                std::string("the text ends before a '") + closers.back() + "'");
  return scan;
}
