//===- TextInput.cpp - Text that a user names by file ---------------------===//

#include "runtime/tools/TextInput.h"

#include "runtime/formats/MappedFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace lathe;
using namespace lathe::tools;

/// Reads \p descriptor to its end.
static Exit readStream(int descriptor, const std::string &name,
                       std::string &text) {
  char buffer[1 << 16];
  while (true) {
    ssize_t count = read(descriptor, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return fail(Exit::BadFile, name + ": " + std::strerror(errno));
    if (count == 0)
      return Exit::Done;
    text.append(buffer, static_cast<size_t>(count));
  }
}

Exit tools::readText(const std::string &path, std::string &text) {
  text.clear();
  if (path == "-")
    return readStream(STDIN_FILENO, "standard input", text);
  // A pipe, as a shell's <(command) makes, is read as standard input is.
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode)) {
    int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
      return fail(Exit::BadFile, path + ": " + std::strerror(errno));
    Exit exit = readStream(descriptor, path, text);
    close(descriptor);
    return exit;
  }
  runtime::Result<runtime::MappedFile> file = runtime::MappedFile::open(path);
  if (!file.isOk())
    return fail(file.takeStatus());
  std::span<const std::byte> bytes = file->bytes();
  text.assign(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  return Exit::Done;
}

std::vector<std::string_view> tools::splitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}
