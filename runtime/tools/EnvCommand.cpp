//===- EnvCommand.cpp - lathe env: versions and CPU features --------------===//

#include "runtime/formats/JsonWriter.h"
#include "runtime/include/lathe.h"
#include "runtime/tools/ChildProcess.h"
#include "runtime/tools/Command.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sys/utsname.h>
#include <thread>

using namespace lathe;
using namespace lathe::tools;

/// The value of the first line of /proc/cpuinfo that begins with \p key.
static std::string cpuInfo(const std::string &key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key))
      if (size_t colon = line.find(": "); colon != std::string::npos)
        return line.substr(colon + 2);
  return "unknown";
}

/// The targets that this machine runs, the best one first.
static std::string machineTargets() {
  std::string targets;
  for (size_t i = 0; const char *target = lathe_machine_target(i); ++i)
    targets += (i ? ", " : "") + std::string(target);
  return targets;
}

static Exit printEnvironment(bool asJson) {
  struct utsname system = {};
  uname(&system);
  const char *forced = std::getenv("LATHE_CPU");
  std::pair<const char *, std::string> facts[] = {
      {"version", lathe_version()},
      {"system", std::string(system.sysname) + " " + system.release},
      {"machine", system.machine},
      {"cpu", cpuInfo("model name")},
      {"targets", machineTargets()},
      {"cpu_forced", forced ? forced : ""},
      {"threads", std::to_string(std::thread::hardware_concurrency())},
      {"cache", cacheDirectory()},
  };
  std::string out;
  if (asJson) {
    runtime::JsonWriter json;
    json.beginObject().field("schema", "lathe.env.v1");
    for (const auto &[name, value] : facts)
      json.field(name, value);
    out = json.endObject().take() + "\n";
  } else {
    for (const auto &[name, value] : facts)
      if (!value.empty())
        out += std::string(name) + ": " + value + "\n";
  }
  return print(out);
}

void tools::addEnvCommand(CLI::App &app, Exit &result) {
  CLI::App *command =
      app.add_subcommand("env", "Print versions and what this machine can do");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "Print one JSON object");
  command->callback([json, &result] { result = printEnvironment(*json); });
}
