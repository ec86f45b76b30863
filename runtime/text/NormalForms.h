//===- NormalForms.h - Unicode normal forms ---------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_NORMALFORMS_H
#define LATHE_RUNTIME_TEXT_NORMALFORMS_H

#include "runtime/text/Tables.h"

#include <string>

namespace lathe::runtime::text {

/// Appends \p text in normal form D, or KD if \p compatible. Bytes that are no
/// UTF-8 stay. Source: Unicode Standard Annex 15.
void decompose(const Tables &tables, std::string_view text, bool compatible,
               std::string &out);

/// Appends \p text in normal form C, or KC if \p compatible.
void compose(const Tables &tables, std::string_view text, bool compatible,
             std::string &out);

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_NORMALFORMS_H
