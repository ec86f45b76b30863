//===- Timing.h - Where the time of a compilation goes ----------*- C++ -*-===//
#ifndef LATHE_COMPILER_TIMING_H
#define LATHE_COMPILER_TIMING_H

#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace lathe {

/// Tells the wall time since it was made.
class StopWatch {
public:
  double seconds() const {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start = Clock::now();
};

/// The table that `lathe compile --timing` prints. Those who do the work add
/// its rows, in the order of the work; not thread-safe.
class TimingTable {
public:
  TimingTable();

  /// Adds a step that took \p seconds of wall time. Steps do not overlap.
  void addStep(std::string name, double seconds, std::string note = "");

  /// Adds a part of the last step, which took \p seconds of one thread. Parts
  /// may overlap, so they have no share of the whole.
  void addPart(std::string name, double seconds, std::string note = "");

  /// Prints the time that the process had taken when the table was made, each
  /// step and its parts, what is left, and the sum.
  void print(llvm::raw_ostream &stream) const;

private:
  struct Row {
    std::string name;
    double seconds;
    std::string note;
    bool isPart;
  };

  /// Of the whole process: to load libraries as large as LLVM takes a while.
  double start;
  StopWatch watch;
  std::vector<Row> rows;
};

/// "638.1 MB, 1.24 GB/s": bytes, and how many of them a second.
std::string bytesAndRate(uint64_t bytes, double seconds);

} // namespace lathe

#endif // LATHE_COMPILER_TIMING_H
