//===- TextInput.h - Text that a user names by file -----------------------===//
#ifndef LATHE_RUNTIME_TOOLS_TEXTINPUT_H
#define LATHE_RUNTIME_TOOLS_TEXTINPUT_H

#include "runtime/tools/Console.h"

#include <string>
#include <string_view>
#include <vector>

namespace lathe::tools {

/// Reads the whole file \p path, or standard input where it is "-".
Exit readText(const std::string &path, std::string &text);

/// The lines of \p text without their ends (LF or CRLF); no empty last line
/// after a final line end. The views live as long as the text.
std::vector<std::string_view> splitLines(std::string_view text);

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_TEXTINPUT_H
