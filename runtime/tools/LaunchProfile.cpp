//===- LaunchProfile.cpp - Where the time of a call goes ------------------===//

#include "runtime/tools/LaunchProfile.h"

#include "runtime/tools/KernelNames.h"

#include <algorithm>
#include <cstdio>
#include <tuple>

using namespace lathe;
using namespace lathe::tools;

void LaunchProfile::Work::add(const Work &other) {
  count += other.count;
  nanoseconds += other.nanoseconds;
  hasCost &= other.hasCost;
  flops += other.flops;
  bytesRead += other.bytesRead;
  bytesWritten += other.bytesWritten;
  leastSeconds += other.leastSeconds;
}

void LaunchProfile::add(const lathe_launch_t &launch) {
  if (!launch.finished)
    return;
  Launch &entry = launches[{launch.entry, launch.command}];
  entry.command = launch.command;
  entry.name = launch.name;
  entry.kernel = launch.kernel;
  entry.tiles = launch.tiles;
  entry.arithmetic = launch.arithmetic;
  entry.work.add({1, launch.nanoseconds, launch.has_cost != 0,
                  static_cast<double>(launch.flops),
                  static_cast<double>(launch.bytes_read),
                  static_cast<double>(launch.bytes_written)});
}

std::vector<LaunchProfile::Launch>
LaunchProfile::sortedLaunches(const MachineLimits &limits) const {
  std::vector<Launch> sorted;
  for (const auto &[place, launch] : launches) {
    sorted.push_back(launch);
    Work &work = sorted.back().work;
    work.leastSeconds =
        limits.leastSeconds(launch.arithmetic, work.flops, work.bytes());
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const Launch &first, const Launch &second) {
              // The program's order among equals.
              return std::tuple(second.work.nanoseconds, first.command) <
                     std::tuple(first.work.nanoseconds, second.command);
            });
  return sorted;
}

std::vector<LaunchProfile::NamedWork>
LaunchProfile::sumByKernel(const std::vector<Launch> &sorted) {
  std::map<std::string, Work> sums;
  for (const Launch &launch : sorted)
    sums[launch.kernel].add(launch.work);
  std::vector<NamedWork> kernels(sums.begin(), sums.end());
  std::sort(kernels.begin(), kernels.end(),
            [](const NamedWork &first, const NamedWork &second) {
              return std::tie(second.second.nanoseconds, first.first) <
                     std::tie(first.second.nanoseconds, second.first);
            });
  return kernels;
}

//===----------------------------------------------------------------------===//
// For a person
//===----------------------------------------------------------------------===//

static constexpr char kHeader[] =
    "       us      %  count        MB   GB/s  GFLOP/s  roof%  ";

/// The columns of kHeader.
std::string LaunchProfile::describeWork(const Work &work, double totalSeconds) {
  double seconds = std::max(work.seconds(), 1e-9);
  char text[128];
  std::snprintf(text, sizeof(text), "%9.1f %6.1f %6llu ", work.seconds() * 1e6,
                totalSeconds > 0 ? 100 * work.seconds() / totalSeconds : 0.0,
                static_cast<unsigned long long>(work.count));
  std::string line = text;
  if (!work.hasCost)
    return line + "        -      -        -      -  ";
  std::snprintf(text, sizeof(text), "%9.3f %6.1f %8.1f ", work.bytes() * 1e-6,
                work.bytes() / seconds * 1e-9, work.flops / seconds * 1e-9);
  line += text;
  if (work.leastSeconds <= 0)
    return line + "     -  ";
  std::snprintf(text, sizeof(text), "%6.1f  ",
                100 * work.leastSeconds / seconds);
  return line + text;
}

/// The limits that the shares of \p launches are of.
std::string LaunchProfile::describeLimits(const MachineLimits &limits,
                                          const std::vector<Launch> &launches) {
  std::string out = "roof:";
  const char *unit = " GFLOP/s";
  char text[96];
  for (size_t i = 0; i < kArithmetics; ++i) {
    auto arithmetic = static_cast<lathe_arithmetic_t>(i);
    bool isUsed = std::any_of(
        launches.begin(), launches.end(), [&](const Launch &launch) {
          return launch.work.hasCost &&
                 limits.measuredFor(launch.arithmetic) == arithmetic;
        });
    if (!isUsed)
      continue;
    std::snprintf(text, sizeof(text), " %.1f%s in %s,", limits.flops[i] * 1e-9,
                  unit, arithmeticName(arithmetic));
    out += text;
    unit = "";
  }
  std::snprintf(text, sizeof(text), " %.1f GB/s from memory (%u %s, ",
                limits.bytes * 1e-9, limits.threads,
                limits.threads == 1 ? "thread" : "threads");
  return out + text + limits.target + ")\n";
}

std::string LaunchProfile::describe(const MachineLimits &limits) const {
  std::vector<Launch> sorted = sortedLaunches(limits);
  Work total;
  for (const Launch &launch : sorted)
    total.add(launch.work);

  std::string out = std::string(kHeader) + "value (kernel)\n";
  for (const Launch &launch : sorted)
    out += describeWork(launch.work, total.seconds()) + launch.name + " (" +
           shortKernelName(launch.kernel) + ")\n";
  out += "\n" + std::string(kHeader) + "kernel\n";
  for (const auto &[kernel, work] : sumByKernel(sorted))
    out += describeWork(work, total.seconds()) + kernel + "\n";
  out += describeWork(total, total.seconds()) + "all launches\n\n";
  return out + describeLimits(limits, sorted);
}

//===----------------------------------------------------------------------===//
// For a program
//===----------------------------------------------------------------------===//

void LaunchProfile::writeWork(const Work &work, runtime::JsonWriter &json) {
  json.field("count", work.count).field("seconds", work.seconds());
  if (!work.hasCost)
    return;
  json.field("flops", work.flops)
      .field("bytes_read", work.bytesRead)
      .field("bytes_written", work.bytesWritten);
  if (work.leastSeconds > 0 && work.nanoseconds > 0)
    json.field("roofline_share", work.leastSeconds / work.seconds());
}

void LaunchProfile::write(const MachineLimits &limits,
                          runtime::JsonWriter &json) const {
  std::vector<Launch> sorted = sortedLaunches(limits);
  json.beginObject().key("machine").beginObject();
  json.field("target", limits.target).field("threads", limits.threads);
  json.field("flops_per_second", limits.flops[LATHE_ARITHMETIC_F32])
      .field("bytes_per_second", limits.bytes);
  for (lathe_arithmetic_t narrow :
       {LATHE_ARITHMETIC_BF16, LATHE_ARITHMETIC_BYTES})
    if (limits.flops[narrow] > 0)
      json.field(std::string("flops_per_second_") + arithmeticName(narrow),
                 limits.flops[narrow]);
  json.endObject();
  Work total;
  json.key("launches").beginArray();
  for (const Launch &launch : sorted) {
    total.add(launch.work);
    json.beginObject()
        .field("name", launch.name)
        .field("kernel", launch.kernel);
    json.field("command", launch.command).field("tiles", launch.tiles);
    if (launch.work.hasCost)
      json.field("arithmetic", arithmeticName(launch.arithmetic));
    writeWork(launch.work, json);
    json.endObject();
  }
  json.endArray().key("kernels").beginArray();
  for (const auto &[kernel, work] : sumByKernel(sorted)) {
    json.beginObject().field("kernel", kernel);
    writeWork(work, json);
    json.endObject();
  }
  json.endArray().key("total").beginObject();
  writeWork(total, json);
  json.endObject().endObject();
}
