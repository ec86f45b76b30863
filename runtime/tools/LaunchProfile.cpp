//===- LaunchProfile.cpp - Where the time of a call goes ------------------===//

#include "runtime/tools/LaunchProfile.h"

#include <cstdio>

using namespace lathe::tools;

void LaunchProfile::observe(lathe_context_t *context) {
  lathe_context_observe(context, onLaunch, this);
}

void LaunchProfile::onLaunch(void *self, const lathe_launch_t *launch) {
  if (!launch->finished)
    return;
  Launch &entry = static_cast<LaunchProfile *>(self)->launches[launch->command];
  entry.name = launch->name;
  entry.kernel = launch->kernel;
  entry.tiles = launch->tiles;
  entry.nanoseconds += launch->nanoseconds;
  ++entry.calls;
}

void LaunchProfile::print() const {
  uint64_t total = 0;
  std::map<std::string, std::pair<uint64_t, uint64_t>> byKernel;
  for (const auto &[command, launch] : launches) {
    total += launch.nanoseconds;
    byKernel[launch.kernel].first += launch.nanoseconds;
    byKernel[launch.kernel].second += launch.calls;
  }
  double share = total ? 100.0 / static_cast<double>(total) : 0.0;
  std::fprintf(stderr, "%12s %6s %8s  %-28s %s\n", "us", "%", "tiles", "kernel",
               "value");
  for (const auto &[command, launch] : launches)
    std::fprintf(stderr, "%12.1f %6.1f %8lld  %-28s %s\n",
                 launch.nanoseconds * 1e-3, launch.nanoseconds * share,
                 static_cast<long long>(launch.tiles), launch.kernel.c_str(),
                 launch.name.c_str());
  std::fprintf(stderr, "\n%12s %6s %8s  %s\n", "us", "%", "launches", "kernel");
  for (const auto &[kernel, sum] : byKernel)
    std::fprintf(stderr, "%12.1f %6.1f %8llu  %s\n", sum.first * 1e-3,
                 sum.first * share, static_cast<unsigned long long>(sum.second),
                 kernel.c_str());
  std::fprintf(stderr, "%12.1f  all launches\n", total * 1e-3);
}
