//===- Normalizer.h - Text as the vocabulary has it -------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_NORMALIZER_H
#define LATHE_RUNTIME_TEXT_NORMALIZER_H

#include "runtime/text/Tables.h"

#include <string>

namespace lathe::runtime::text {

/// Applies all normalizers of \p tables to \p text. Returns \p text itself if
/// nothing changes, else a view of \p buffer. \p spare is overwritten.
std::string_view normalize(const Tables &tables, std::string_view text,
                           std::string &buffer, std::string &spare);

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_NORMALIZER_H
