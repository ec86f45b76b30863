//===- JsonScan.h - Bounds of a JSON text before it is parsed ---*- C++ -*-===//
#ifndef LATHE_RUNTIME_FORMATS_JSONSCAN_H
#define LATHE_RUNTIME_FORMATS_JSONSCAN_H

#include "runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lathe::runtime {

/// Upper bounds of what a JSON text holds.
struct JsonScan {
  /// Brackets, colons, commas, strings and scalars.
  uint64_t tokens = 0;
  /// Values and keys.
  uint64_t values = 0;
  /// Keys alone.
  uint64_t keys = 0;
};

/// Walks over \p text once, without recursion, and checks that brackets match,
/// nest at most \p maximumDepth deep, and that strings end. \p file begins the
/// messages, which are InvalidFile. It is no parser: what it accepts may still
/// be no JSON.
Result<JsonScan> scanJson(std::string_view text, size_t maximumDepth,
                          std::string_view file);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_JSONSCAN_H
