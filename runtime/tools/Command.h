//===- Command.h - The sub-commands of the lathe program ------------------===//
//
// Each sub-command is one file with one function, which declares the flags on
// a CLI11 application and says what to do. The chosen command's exit code ends
// up in `result`.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TOOLS_COMMAND_H
#define LATHE_RUNTIME_TOOLS_COMMAND_H

#include "runtime/tools/Console.h"

#include <CLI/CLI.hpp>

namespace lathe::tools {

void addCompileCommand(CLI::App &app, Exit &result);
void addImportCommand(CLI::App &app, Exit &result);
void addGenerateCommand(CLI::App &app, Exit &result);
void addEmbedCommand(CLI::App &app, Exit &result);
void addRunCommand(CLI::App &app, Exit &result);
void addEvalCommand(CLI::App &app, Exit &result);
void addBenchCommand(CLI::App &app, Exit &result);
void addTokenizeCommand(CLI::App &app, Exit &result);
void addInspectCommand(CLI::App &app, Exit &result);
void addEnvCommand(CLI::App &app, Exit &result);

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_COMMAND_H
