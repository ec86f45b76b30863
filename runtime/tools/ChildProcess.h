//===- ChildProcess.h - Starts lathe-compiler and waits for it ------------===//
#ifndef LATHE_RUNTIME_TOOLS_CHILDPROCESS_H
#define LATHE_RUNTIME_TOOLS_CHILDPROCESS_H

#include "runtime/tools/Console.h"

#include <string>
#include <vector>

namespace lathe::tools {

/// Runs `lathe-compiler`, which lies beside this program, with \p arguments.
/// Its standard streams are ours. Ctrl-C and SIGTERM reach it and it is waited
/// for, so that it can remove what it has begun. Returns its exit code; Bug,
/// with a message that names \p reproducer, when it crashed.
Exit runCompiler(const std::vector<std::string> &arguments);

/// Returns the folder of every cache: $LATHE_CACHE_DIR, else
/// $XDG_CACHE_HOME/lathe, else ~/.cache/lathe. Empty where none is set.
std::string cacheDirectory();

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_CHILDPROCESS_H
