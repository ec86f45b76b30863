//===- LaunchProfile.h - Where the time of a call goes --------------------===//
#ifndef LATHE_RUNTIME_TOOLS_LAUNCHPROFILE_H
#define LATHE_RUNTIME_TOOLS_LAUNCHPROFILE_H

#include "runtime/include/lathe.h"

#include <map>
#include <string>
#include <vector>

namespace lathe::tools {

/// Collects the time of each launch of a context and prints a table. Must live
/// as long as the context is observed.
class LaunchProfile {
public:
  /// Becomes the observer of \p context.
  void observe(lathe_context_t *context);

  /// Prints one line a launch, in order, and a sum a kernel, on standard error.
  void print() const;

private:
  struct Launch {
    std::string name;
    std::string kernel;
    int64_t tiles = 0;
    uint64_t nanoseconds = 0;
    uint64_t calls = 0;
  };
  static void onLaunch(void *self, const lathe_launch_t *launch);

  std::map<size_t, Launch> launches; ///< By the command's index.
};

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_LAUNCHPROFILE_H
