//===- PathFlag.h - What a flag that names a file accepts -------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TOOLS_PATHFLAG_H
#define LATHE_RUNTIME_TOOLS_PATHFLAG_H

#include <CLI/CLI.hpp>

#include <string>

namespace lathe::tools {

/// Accepts any path but '', which a flag that is not given would be.
inline CLI::Validator nonEmptyPath() {
  return {[](const std::string &path) {
            return path.empty() ? "expected a path, got ''" : std::string();
          },
          ""};
}

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_PATHFLAG_H
