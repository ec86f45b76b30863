//===- ChildProcess.cpp - Starts lathe-compiler and waits for it ----------===//

#include "runtime/tools/ChildProcess.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
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
static std::string writeReproducer(const std::vector<std::string> &words) {
  std::string folder = cacheDirectory();
  if (folder.empty())
    return {};
  mkdir(folder.c_str(), 0755);
  std::string path = folder + "/crash-" + std::to_string(getpid()) + ".sh";
  char *cwd = getcwd(nullptr, 0);
  std::string text = "#!/bin/sh\ncd " + quoted(cwd ? cwd : ".") + "\nexec";
  free(cwd);
  for (const std::string &word : words)
    text += " " + quoted(word);
  text += "\n";
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0755);
  if (file < 0)
    return {};
  ssize_t written = write(file, text.data(), text.size());
  close(file);
  return written == static_cast<ssize_t>(text.size()) ? path : std::string();
}

namespace {

/// A folder for the temporary files of the child, which may be killed before it
/// can remove them.
class ScratchFolder {
public:
  ScratchFolder() {
    const char *base = std::getenv("TMPDIR");
    std::string pattern =
        std::string(base && *base ? base : "/tmp") + "/lathe-XXXXXX";
    if (mkdtemp(pattern.data()))
      path = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path.empty())
      std::filesystem::remove_all(path, ignored);
  }
  ScratchFolder(const ScratchFolder &) = delete;
  ScratchFolder &operator=(const ScratchFolder &) = delete;

  /// Our environment with TMPDIR leading here, unless there is no such folder:
  /// the child then says what it cannot write.
  std::vector<std::string> environment() const {
    std::vector<std::string> variables;
    for (char **variable = environ; *variable; ++variable)
      if (path.empty() || !std::string_view(*variable).starts_with("TMPDIR="))
        variables.push_back(*variable);
    if (!path.empty())
      variables.push_back("TMPDIR=" + path);
    return variables;
  }

private:
  std::string path;
};

/// While it lives, signals that end us go to the child instead: the terminal
/// sends Ctrl-C to both, SIGTERM is passed on. We outlive the child to report.
class LeaveSignalsToChild {
public:
  LeaveSignalsToChild() {
    struct sigaction action = {};
    action.sa_handler = SIG_IGN;
    sigaction(SIGINT, &action, &oldInterrupt);
    sigaction(SIGQUIT, &action, &oldQuit);
    action.sa_handler = [](int) {
      isAsked = 1;
      passOn();
    };
    sigaction(SIGTERM, &action, &oldTerminate);
  }
  ~LeaveSignalsToChild() {
    sigaction(SIGINT, &oldInterrupt, nullptr);
    sigaction(SIGQUIT, &oldQuit, nullptr);
    sigaction(SIGTERM, &oldTerminate, nullptr);
    child = 0;
  }
  LeaveSignalsToChild(const LeaveSignalsToChild &) = delete;
  LeaveSignalsToChild &operator=(const LeaveSignalsToChild &) = delete;

  /// Names the child; it gets a SIGTERM that came before it was there.
  void setChild(pid_t pid) {
    child = pid;
    if (isAsked)
      passOn();
  }

private:
  static void passOn() {
    if (pid_t pid = child)
      kill(pid, SIGTERM);
  }
  static inline std::atomic<pid_t> child = 0;
  static inline volatile std::sig_atomic_t isAsked = 0;
  struct sigaction oldInterrupt, oldQuit, oldTerminate;
};

} // namespace

/// The words as the array that a new process gets.
static std::vector<char *> pointersTo(std::vector<std::string> &words) {
  std::vector<char *> pointers;
  for (std::string &word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Starts \p words[0] and waits for it; \p status gets what waitpid says.
/// Returns an errno.
static int runChild(std::vector<std::string> words, int &status) {
  ScratchFolder scratch;
  std::vector<std::string> variables = scratch.environment();
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGQUIT);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);

  LeaveSignalsToChild signals;
  pid_t child = 0;
  int error =
      posix_spawn(&child, words[0].c_str(), nullptr, &attributes,
                  pointersTo(words).data(), pointersTo(variables).data());
  posix_spawnattr_destroy(&attributes);
  if (error != 0)
    return error;
  signals.setChild(child);
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  return 0;
}

/// Says how the compiler that \p words started ended, where it did not itself.
static Exit reportEnd(const std::vector<std::string> &words, int status) {
  // The dynamic loader's own code: it has said what it could not map.
  constexpr int kCannotLoad = 127;
  if (WIFEXITED(status) && WEXITSTATUS(status) == kCannotLoad)
    return fail(Exit::NoSpace, words[0] +
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
  if (signal == SIGPIPE)
    return fail(Exit::Interrupted,
                "standard output was closed before all was written");
  std::string reproducer = writeReproducer(words);
  return fail(
      Exit::Bug,
      "the compiler crashed with signal " + std::to_string(signal) +
          (reproducer.empty()
               ? "; this is a bug"
               : "; this is a bug, please report it with " + reproducer));
}

Exit lathe::tools::runCompiler(const std::vector<std::string> &arguments) {
  std::vector<std::string> words = {programDirectory() + "lathe-compiler"};
  if (access(words[0].c_str(), X_OK) != 0)
    return fail(Exit::Cannot,
                words[0] + ": not found; this installation holds the runtime "
                           "alone (build with LATHE_BUILD_COMPILER=ON)");
  words.insert(words.end(), arguments.begin(), arguments.end());
  int status = 0;
  if (int error = runChild(words, status))
    return fail(Exit::NoSpace, words[0] + ": " + std::strerror(error));
  return reportEnd(words, status);
}
