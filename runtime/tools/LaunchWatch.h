//===- LaunchWatch.h - What --profile and --trace see -----------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TOOLS_LAUNCHWATCH_H
#define LATHE_RUNTIME_TOOLS_LAUNCHWATCH_H

#include "runtime/tools/Console.h"
#include "runtime/tools/LaunchProfile.h"
#include "runtime/tools/LaunchTrace.h"

#include <CLI/CLI.hpp>

#include <optional>
#include <string>

namespace lathe::tools {

struct WatchOptions {
  bool profile = false;
  std::string trace; ///< A file; empty: none.
};

/// Declares --trace.
CLI::Option *addTraceFlag(CLI::App &command, WatchOptions &options);

/// Looks at the launches of a context; it must live as long as that is used.
class LaunchWatch {
public:
  /// Begins what \p options ask for on \p context, of \p model. Fails, with a
  /// message, where the trace's file cannot be made.
  Exit begin(const WatchOptions &options, const lathe_model_t *model,
             lathe_context_t *context);

  /// Ends it: writes the trace, and measures the machine for the profile.
  Exit end();

  /// Prints the profile, if there is one, on standard error.
  void print() const;
  /// Adds the profile, if there is one, as the field `profile`.
  void write(runtime::JsonWriter &json) const;

private:
  static void onLaunch(void *self, const lathe_launch_t *launch);

  const lathe_model_t *model = nullptr;
  lathe_context_t *context = nullptr;
  std::optional<LaunchProfile> profile;
  std::optional<LaunchTrace> trace;
  MachineLimits limits;
};

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_LAUNCHWATCH_H
