//===- TemporaryFolder.h - A folder that a test fills -----------*- C++ -*-===//
#ifndef LATHE_TESTS_UNIT_FORMATS_TEMPORARYFOLDER_H
#define LATHE_TESTS_UNIT_FORMATS_TEMPORARYFOLDER_H

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

/// An empty folder that is removed with all it holds at the end.
struct TemporaryFolder {
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "lathe-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  std::string operator/(std::string_view name) const {
    return path + "/" + std::string(name);
  }

  /// Writes a file and gives its path.
  std::string write(std::string_view name, std::string_view bytes) const {
    std::string file = *this / name;
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }

  /// The bytes of a file here.
  std::string read(std::string_view name) const {
    std::ifstream file(*this / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  /// How many names the folder holds.
  size_t count() const {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(path), {}));
  }

  std::string path;
};

#endif // LATHE_TESTS_UNIT_FORMATS_TEMPORARYFOLDER_H
