//===- DepthScan.h - Bounds MLIR text before it is parsed -------*- C++ -*-===//
//
// MLIR's parser recurses on brackets, on operators in affine expressions and on
// aliases that name aliases, and overflows the stack on 100,000 of any of them.
// This scan reads the text once, without recursion, and refuses what nests too
// deep. It is no parser: what it accepts may still be no MLIR.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_FORMATS_DEPTHSCAN_H
#define LATHE_RUNTIME_FORMATS_DEPTHSCAN_H

#include "runtime/Status.h"

#include <cstddef>
#include <string_view>

namespace lathe::runtime {

/// What MLIR text may hold at most.
struct DepthLimits {
  /// Open brackets of all kinds, those in the aliases that are used included.
  size_t depth = 256;
  /// Characters between two commas of one bracket that is not a brace, without
  /// white space, comments, strings and nested brackets.
  size_t expression = 2048;
  /// Uses of aliases once each is written out, those inside other aliases
  /// included, beyond 16 for each byte of the text.
  size_t expansion = size_t(1) << 18;
  /// Definitions of attribute and type aliases.
  size_t aliases = size_t(1) << 18;
  /// Bytes of the whole text.
  size_t size = size_t(1) << 26;
};

/// Checks \p text against \p limits; it may hold no NUL byte either, and each
/// string must end on its line. \p file begins the messages, which are
/// InvalidFile and name the line, or Unsupported for a text too large.
/// Memory: about 128 bytes an alias.
Status scanMlirDepth(std::string_view text, std::string_view file,
                     const DepthLimits &limits = {});

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_DEPTHSCAN_H
