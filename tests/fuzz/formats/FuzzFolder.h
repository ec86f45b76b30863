//===- FuzzFolder.h - A folder of a fuzz target's own -----------*- C++ -*-===//
#ifndef LATHE_TESTS_FUZZ_FORMATS_FUZZFOLDER_H
#define LATHE_TESTS_FUZZ_FORMATS_FUZZFOLDER_H

#include "tests/fuzz/formats/FuzzInput.h"

#include <filesystem>
#include <fstream>
#include <string>

/// A temporary folder, removed at the end. Paths are relative to it.
class FuzzFolder {
public:
  FuzzFolder()
      : root(std::filesystem::temp_directory_path() / "lathe-fuzz-XXXXXX") {
    require(::mkdtemp(root.data()));
  }
  FuzzFolder(const FuzzFolder &) = delete;
  FuzzFolder &operator=(const FuzzFolder &) = delete;
  ~FuzzFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
  }

  const std::string &path() const { return root; }

  void write(const std::string &name, std::string_view text) const {
    std::ofstream file(root + "/" + name, std::ios::binary);
    file << text;
    require(file.good());
  }
  void makeFolder(const std::string &name) const {
    std::filesystem::create_directory(root + "/" + name);
  }

private:
  std::string root;
};

#endif // LATHE_TESTS_FUZZ_FORMATS_FUZZFOLDER_H
