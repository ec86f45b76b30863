//===- Console.h - Exit codes and messages of the lathe program -----------===//
//
// Standard output is data only. Everything for a person goes through here to
// standard error: one line a message, control bytes escaped.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TOOLS_CONSOLE_H
#define LATHE_RUNTIME_TOOLS_CONSOLE_H

#include "runtime/Status.h"

#include <string>
#include <string_view>

namespace lathe::tools {

/// What the program returns; stable, documented in docs/cli.md.
enum class Exit : int {
  Done = 0,
  /// Well-formed, but the model or program cannot be done.
  Cannot = 1,
  Usage = 2,
  /// The bytes of a file break its format, or it cannot be read.
  BadFile = 3,
  /// Out of memory, disk or device.
  NoSpace = 4,
  /// It ran, but a check failed.
  CheckFailed = 5,
  Interrupted = 6,
  /// Our bug.
  Bug = 70,
};

/// Returns the exit code that stands for \p code.
Exit exitOf(runtime::StatusCode code);

/// Returns \p text with control characters, format characters such as U+202E
/// and broken UTF-8 escaped as \xNN, cut after 2,000 characters.
std::string escaped(std::string_view text);

/// Prints "error: MESSAGE" on standard error and returns \p exit.
Exit fail(Exit exit, std::string_view message);

/// Prints the message of \p status, which is a failure, and returns its exit
/// code.
Exit fail(const runtime::Status &status);

/// Prints "warning: MESSAGE" on standard error.
void warn(std::string_view message);

/// Whether `note:` lines are wanted: standard error is a terminal, or -v.
void setVerbose(bool verbose);
bool isVerbose();

/// Prints "note: MESSAGE" on standard error where notes are wanted.
void note(std::string_view message);

/// Writes all of \p text to standard output. NoSpace, with a message, once that
/// cannot be written: it is closed, or the disk is full.
Exit print(std::string_view text);

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_CONSOLE_H
