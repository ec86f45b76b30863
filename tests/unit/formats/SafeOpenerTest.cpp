//===- SafeOpenerTest.cpp - Tests of runtime/formats/SafeOpener.h ---------===//

#include "runtime/formats/SafeOpener.h"

#include "tests/unit/formats/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

using namespace lathe::runtime;

namespace {

class SafeOpenerTest : public testing::Test {
protected:
  void SetUp() override {
    std::filesystem::create_directories(folder / "inside/below");
    folder.write("secret", "secret");
    folder.write("inside/a", "a");
    folder.write("inside/below/b", "b");
  }

  /// The bytes of \p name beneath `inside`, or the error.
  Result<std::string> read(std::string_view name) {
    Result<SafeOpener> opener = SafeOpener::create(folder / "inside", symlinks);
    if (!opener.isOk())
      return opener.takeStatus();
    Result<MappedFile> file = opener->map(name, "index.json: weight_map");
    if (!file.isOk())
      return file.takeStatus();
    return std::string(file->text());
  }

  void expectRefused(std::string_view name, StatusCode code) {
    Result<std::string> bytes = read(name);
    ASSERT_FALSE(bytes.isOk()) << name;
    EXPECT_EQ(bytes.status().code(), code) << bytes.status().message();
  }

  TemporaryFolder folder;
  Symlinks symlinks = Symlinks::Beneath;
};

TEST_F(SafeOpenerTest, OpensFilesBeneath) {
  EXPECT_EQ(*read("a"), "a");
  EXPECT_EQ(*read("./a"), "a");
  EXPECT_EQ(*read("below/b"), "b");
  EXPECT_EQ(*read("below//b"), "b");
}

TEST_F(SafeOpenerTest, RefusesNamesThatLeadOut) {
  for (std::string_view name :
       {"../secret", "below/../../secret", "below/../a", "..", "/etc/passwd",
        "//etc/passwd", "/proc/self/environ"})
    expectRefused(name, StatusCode::InvalidFile);
}

TEST_F(SafeOpenerTest, RefusesNamesThatAreNone) {
  expectRefused("", StatusCode::InvalidFile);
  expectRefused(std::string_view("a\0b", 3), StatusCode::InvalidFile);
  expectRefused(std::string(4097, 'a'), StatusCode::InvalidFile);
}

TEST_F(SafeOpenerTest, RefusesSymlinksThatLeadOut) {
  std::filesystem::create_symlink("../secret", folder / "inside/relative");
  std::filesystem::create_symlink(folder / "secret",
                                  folder / "inside/absolute");
  std::filesystem::create_directory_symlink("..", folder / "inside/parent");
  std::filesystem::create_directory_symlink("/proc/self",
                                            folder / "inside/self");
  expectRefused("relative", StatusCode::InvalidFile);
  expectRefused("absolute", StatusCode::InvalidFile);
  expectRefused("parent/secret", StatusCode::InvalidFile);
  expectRefused("self/environ", StatusCode::InvalidFile);
}

TEST_F(SafeOpenerTest, RefusesASymlinkToItself) {
  std::filesystem::create_symlink("loop", folder / "inside/loop");
  expectRefused("loop", StatusCode::InvalidFile);
}

TEST_F(SafeOpenerTest, RefusesWhatIsNoRegularFileWithoutWaiting) {
  ASSERT_EQ(::mkfifo((folder / "inside/fifo").c_str(), 0600), 0);
  expectRefused("fifo", StatusCode::IoError);
  expectRefused("below", StatusCode::IoError);
  expectRefused(".", StatusCode::IoError);
}

TEST_F(SafeOpenerTest, NamesTheFileThatIsMissing) {
  Result<std::string> bytes = read("missing");
  ASSERT_FALSE(bytes.isOk());
  EXPECT_EQ(bytes.status().code(), StatusCode::NotFound);
  EXPECT_EQ(bytes.status().message(),
            "index.json: weight_map: " + (folder / "inside/missing") +
                ": cannot open: no such file or directory");
}

TEST_F(SafeOpenerTest, FollowsSymlinksOfEntriesWhereAsked) {
  symlinks = Symlinks::OfEntries;
  std::filesystem::create_symlink("../secret", folder / "inside/relative");
  std::filesystem::create_symlink("relative", folder / "inside/twice");
  EXPECT_EQ(*read("a"), "a");
  EXPECT_EQ(*read("below/b"), "b");
  EXPECT_EQ(*read("relative"), "secret");
  EXPECT_EQ(*read("twice"), "secret");
}

TEST_F(SafeOpenerTest, FollowsNothingElseOfEntries) {
  symlinks = Symlinks::OfEntries;
  std::filesystem::create_symlink("../../secret", folder / "inside/below/out");
  std::filesystem::create_directory_symlink("..", folder / "inside/parent");
  std::filesystem::create_symlink("loop", folder / "inside/loop");
  std::filesystem::create_symlink("/dev/zero", folder / "inside/device");
  for (std::string_view name : {"below/out", "parent/secret", "./parent/secret",
                                "loop", "../secret", "..", "/etc/passwd", ""})
    expectRefused(name, StatusCode::InvalidFile);
  expectRefused("device", StatusCode::IoError);
  expectRefused("parent", StatusCode::IoError);
}

TEST_F(SafeOpenerTest, SaysWhatNamesTheFile) {
  EXPECT_EQ(read(".").status().message(),
            "index.json: weight_map: " + (folder / "inside/.") +
                ": is a directory, not a regular file");
  EXPECT_EQ(read("../secret").status().message(),
            "index.json: weight_map: the file name '../secret' has a component "
            "'..' (name a file beside this one)");
}

TEST_F(SafeOpenerTest, NeedsADirectory) {
  EXPECT_EQ(SafeOpener::create(folder / "missing").status().code(),
            StatusCode::NotFound);
  EXPECT_FALSE(SafeOpener::create(folder / "secret").isOk());
}

} // namespace
