//===- Precompiled.h - SentencePiece's character maps -----------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_PRECOMPILED_H
#define LATHE_RUNTIME_TEXT_PRECOMPILED_H

#include "runtime/text/Tables.h"

#include <string>

namespace lathe::runtime::text {

/// Appends \p text after the character map of \p tables, as the reference
/// applies it: to whole grapheme clusters of less than 6 bytes, else to single
/// characters.
void applyCharsmap(const Tables &tables, std::string_view text,
                   std::string &out);

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_PRECOMPILED_H
