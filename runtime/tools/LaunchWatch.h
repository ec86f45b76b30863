//===- LaunchWatch.h - What --profile sees -----------------------*- C++
//-*-===//
#ifndef LATHE_RUNTIME_TOOLS_LAUNCHWATCH_H
#define LATHE_RUNTIME_TOOLS_LAUNCHWATCH_H

#include "runtime/tools/Console.h"
#include "runtime/tools/LaunchProfile.h"

#include <optional>

namespace lathe::tools {

struct WatchOptions {
  bool profile = false;
};

/// Looks at the launches of a context; it must live as long as that is used.
class LaunchWatch {
public:
  /// Begins what \p options ask for on \p context, of \p model.
  Exit begin(const WatchOptions &options, const lathe_model_t *model,
             lathe_context_t *context);

  /// Ends it: measures the machine.
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
  MachineLimits limits;
};

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_LAUNCHWATCH_H
