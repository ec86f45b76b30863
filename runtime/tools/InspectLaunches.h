//===- InspectLaunches.h - What launches compute and move -------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TOOLS_INSPECTLAUNCHES_H
#define LATHE_RUNTIME_TOOLS_INSPECTLAUNCHES_H

#include "runtime/formats/JsonWriter.h"
#include "runtime/include/lathe.h"
#include "runtime/tools/Console.h"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace lathe::tools {

struct LaunchesOptions {
  bool launches = false;
  std::string entry;                 ///< Empty: all.
  std::vector<std::string> settings; ///< "tokens=1"; none: two sizes.
  uint64_t past = 0;                 ///< Positions before the call.
};

/// Declares --launches and what it takes.
void addLaunchesFlags(CLI::App &command, LaunchesOptions &options);

/// One command of an entry, at one size.
struct CountedCommand {
  lathe_command_info_t info;
  std::vector<lathe_traffic_t> traffic;
  /// Of what it moves, the bytes that no fusion of launches could save:
  /// weights, states, inputs and outputs, as far as no earlier command moved
  /// them.
  uint64_t leastBytes = 0;
};

/// An entry at one size.
struct CountedEntry {
  std::string name;
  /// The symbols that its calls set.
  std::vector<std::pair<std::string, int64_t>> symbols;
  std::vector<CountedCommand> commands;

  uint64_t bytesOf(lathe_memory_t memory) const;
  uint64_t bytes() const;
  uint64_t leastBytes() const;
  uint64_t flops() const;
  /// Launches of which the file says nothing.
  size_t unknown() const;
};

/// Counts the commands that \p options ask for. Fails with Usage, and a
/// message, on an entry, symbol or value that \p model does not have.
Exit countLaunches(const lathe_model_t *model, const LaunchesOptions &options,
                   std::vector<CountedEntry> &entries);

/// A table an entry and size, for a person.
std::string describeLaunches(const std::vector<CountedEntry> &entries,
                             uint64_t past);

/// The same as the field `launches` of an object.
void writeLaunches(const std::vector<CountedEntry> &entries, uint64_t past,
                   runtime::JsonWriter &json);

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_INSPECTLAUNCHES_H
