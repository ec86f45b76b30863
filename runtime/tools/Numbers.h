//===- Numbers.h - What a numeric flag accepts ----------------------------===//
//
// CLI11's own ranges let "nan" and numbers too large for 64 bits through.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TOOLS_NUMBERS_H
#define LATHE_RUNTIME_TOOLS_NUMBERS_H

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace lathe::tools {

/// Accepts decimal digits that say a number from \p minimum to \p maximum, so
/// that it fits the flag's type where \p maximum does.
CLI::Validator wholeNumber(uint64_t minimum, uint64_t maximum);

/// Accepts one such number, or several with a comma between each two.
CLI::Validator wholeNumbers(uint64_t minimum, uint64_t maximum);

/// The numbers of a text that wholeNumbers accepted, with a maximum that fits.
std::vector<int64_t> parseWholeNumbers(std::string_view text);

/// Accepts a finite decimal number from \p minimum to \p maximum.
CLI::Validator number(double minimum, double maximum);

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_NUMBERS_H
