//===- ChildProcess.cpp - Starts lathe-compiler and waits for it ----------===//

#include "runtime/tools/ChildProcess.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace lathe::tools;

extern char **environ;

/// Returns the folder of this program, with a final slash; empty if unknown.
static std::string programDirectory() {
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  if (length <= 0 || static_cast<size_t>(length) == sizeof(path))
    return {};
  std::string result(path, static_cast<size_t>(length));
  return result.substr(0, result.rfind('/') + 1);
}

std::string lathe::tools::cacheDirectory() {
  if (const char *own = std::getenv("LATHE_CACHE_DIR"); own && *own)
    return own;
  if (const char *cache = std::getenv("XDG_CACHE_HOME"); cache && *cache)
    return std::string(cache) + "/lathe";
  if (const char *home = std::getenv("HOME"); home && *home)
    return std::string(home) + "/.cache/lathe";
  return {};
}

/// Returns \p word as one word of a shell command.
static std::string quoted(const std::string &word) {
  std::string result = "'";
  for (char c : word)
    result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

/// Writes the command that crashed into the cache folder; returns its path, or
/// an empty string where it cannot be written.
static std::string writeReproducer(const std::string &program,
                                   const std::vector<std::string> &arguments) {
  std::string folder = cacheDirectory();
  if (folder.empty())
    return {};
  mkdir(folder.c_str(), 0755);
  std::string path = folder + "/crash-" + std::to_string(getpid()) + ".sh";
  char *cwd = getcwd(nullptr, 0);
  std::string text =
      "#!/bin/sh\ncd " + quoted(cwd ? cwd : ".") + "\nexec " + quoted(program);
  free(cwd);
  for (const std::string &argument : arguments)
    text += " " + quoted(argument);
  text += "\n";
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0755);
  if (file < 0)
    return {};
  ssize_t written = write(file, text.data(), text.size());
  close(file);
  return written == static_cast<ssize_t>(text.size()) ? path : std::string();
}

Exit lathe::tools::runCompiler(const std::vector<std::string> &arguments) {
  std::string program = programDirectory() + "lathe-compiler";
  if (access(program.c_str(), X_OK) != 0)
    return fail(Exit::Cannot,
                program + ": not found; this installation holds the runtime "
                          "alone (build with LATHE_BUILD_COMPILER=ON)");

  std::vector<char *> argv;
  argv.push_back(program.data());
  for (const std::string &argument : arguments)
    argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);

  // The terminal sends Ctrl-C to both of us; we outlive the child to report.
  struct sigaction ignore = {}, oldInterrupt, oldQuit;
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGINT, &ignore, &oldInterrupt);
  sigaction(SIGQUIT, &ignore, &oldQuit);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGQUIT);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);

  pid_t child = 0;
  int error = posix_spawn(&child, program.c_str(), nullptr, &attributes,
                          argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  int status = 0;
  if (error == 0)
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
      ;
  sigaction(SIGINT, &oldInterrupt, nullptr);
  sigaction(SIGQUIT, &oldQuit, nullptr);
  if (error != 0)
    return fail(Exit::NoSpace, program + ": " + std::strerror(error));

  // The dynamic loader's own code: it has said what it could not map.
  constexpr int kCannotLoad = 127;
  if (WIFEXITED(status) && WEXITSTATUS(status) == kCannotLoad)
    return fail(Exit::NoSpace, program +
                                   ": could not be loaded (free memory, or "
                                   "repair the installation)");
  if (WIFEXITED(status))
    return static_cast<Exit>(WEXITSTATUS(status));
  int signal = WTERMSIG(status);
  if (signal == SIGINT || signal == SIGTERM)
    return fail(Exit::Interrupted, "compiling was interrupted");
  if (signal == SIGKILL)
    return fail(Exit::NoSpace,
                "the compiler was killed, as a system does that runs out of "
                "memory (close other programs, or lower --jobs)");
  std::string reproducer = writeReproducer(program, arguments);
  return fail(
      Exit::Bug,
      "the compiler crashed with signal " + std::to_string(signal) +
          (reproducer.empty()
               ? "; this is a bug"
               : "; this is a bug, please report it with " + reproducer));
}
