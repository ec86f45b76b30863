//===- LaunchProfile.h - Where the time of a call goes ----------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TOOLS_LAUNCHPROFILE_H
#define LATHE_RUNTIME_TOOLS_LAUNCHPROFILE_H

#include "runtime/formats/JsonWriter.h"
#include "runtime/include/lathe.h"
#include "runtime/tools/Roofline.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace lathe::tools {

/// Collects the time and the work of launches, and tells of them launch by
/// launch and kernel by kernel, the longest first.
class LaunchProfile {
public:
  /// Counts \p launch, once it has finished.
  void add(const lathe_launch_t &launch);

  /// Two tables for a person, of at most 120 columns where names are not long.
  std::string describe(const MachineLimits &limits) const;

  /// The same as one JSON object; `json` stands where a value may.
  void write(const MachineLimits &limits, runtime::JsonWriter &json) const;

private:
  /// What the runs of a launch, or of a kernel's launches, did together.
  struct Work {
    uint64_t count = 0;
    uint64_t nanoseconds = 0;
    bool hasCost = true;
    double flops = 0;
    double bytesRead = 0;
    double bytesWritten = 0;
    /// What the machine needs for it at least, launch by launch.
    double leastSeconds = 0;

    double seconds() const { return nanoseconds * 1e-9; }
    double bytes() const { return bytesRead + bytesWritten; }
    void add(const Work &other);
  };
  struct Launch {
    size_t command = 0;
    std::string name;
    std::string kernel;
    int64_t tiles = 0;
    lathe_arithmetic_t arithmetic = LATHE_ARITHMETIC_F32;
    Work work;
  };
  using NamedWork = std::pair<std::string, Work>;

  std::vector<Launch> sortedLaunches(const MachineLimits &limits) const;
  static std::vector<NamedWork> sumByKernel(const std::vector<Launch> &sorted);
  static std::string describeLimits(const MachineLimits &limits,
                                    const std::vector<Launch> &launches);
  static std::string describeWork(const Work &work, double totalSeconds);
  static void writeWork(const Work &work, runtime::JsonWriter &json);

  std::map<std::pair<size_t, size_t>, Launch> launches; ///< [entry, command].
};

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_LAUNCHPROFILE_H
