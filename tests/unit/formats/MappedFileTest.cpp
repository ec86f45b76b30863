//===- MappedFileTest.cpp - Tests of runtime/formats/MappedFile.h ---------===//

#include "runtime/formats/MappedFile.h"

#include "tests/unit/formats/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

using namespace lathe::runtime;

namespace {

class MappedFileTest : public testing::Test {
protected:
  TemporaryFolder folder;

  /// Expects that \p path cannot be opened, with a message that begins with it.
  void expectRefused(const std::string &path, StatusCode code) {
    Result<MappedFile> file = MappedFile::open(path);
    ASSERT_FALSE(file.isOk());
    EXPECT_EQ(file.status().code(), code) << file.status().message();
    EXPECT_TRUE(file.status().message().starts_with(path + ": "))
        << file.status().message();
  }
};

TEST_F(MappedFileTest, GivesTheBytes) {
  Result<MappedFile> file = MappedFile::open(folder.write("a", "bytes"));
  ASSERT_TRUE(file.isOk());
  EXPECT_EQ(file->text(), "bytes");
  EXPECT_EQ(file->bytes().size(), 5u);
}

TEST_F(MappedFileTest, MapsAnEmptyFile) {
  Result<MappedFile> file = MappedFile::open(folder.write("a", ""));
  ASSERT_TRUE(file.isOk());
  EXPECT_TRUE(file->bytes().empty());
}

TEST_F(MappedFileTest, KeepsTheAddressWhenMoved) {
  Result<MappedFile> file = MappedFile::open(folder.write("a", "bytes"));
  ASSERT_TRUE(file.isOk());
  const std::byte *address = file->bytes().data();
  MappedFile moved = std::move(*file);
  EXPECT_EQ(moved.bytes().data(), address);
  EXPECT_EQ(moved.text(), "bytes");
}

TEST_F(MappedFileTest, FollowsSymlinksAnywhere) {
  TemporaryFolder elsewhere;
  std::filesystem::create_symlink(elsewhere.write("blob", "bytes"),
                                  folder / "model.safetensors");
  Result<MappedFile> file = MappedFile::open(folder / "model.safetensors");
  ASSERT_TRUE(file.isOk());
  EXPECT_EQ(file->text(), "bytes");
}

TEST_F(MappedFileTest, RefusesWhatIsNoRegularFile) {
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  expectRefused(folder / "fifo", StatusCode::IoError);
  expectRefused(folder.path, StatusCode::IoError);
  expectRefused("/dev/zero", StatusCode::IoError);
}

TEST_F(MappedFileTest, SaysThatAFileIsMissing) {
  expectRefused(folder / "missing", StatusCode::NotFound);
  folder.write("file", "");
  expectRefused(folder / "file/below", StatusCode::NotFound);
}

TEST_F(MappedFileTest, RefusesANameWithANul) {
  folder.write("a", "bytes");
  Result<MappedFile> file =
      MappedFile::open((folder / "a") + std::string("\0b", 2));
  ASSERT_FALSE(file.isOk());
  EXPECT_EQ(file.status().code(), StatusCode::InvalidArgument);
}

} // namespace
