//===- AtomicFileTest.cpp - Tests of runtime/formats/AtomicFile.h ---------===//

#include "runtime/formats/AtomicFile.h"

#include "tests/unit/formats/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <csignal>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace lathe::runtime;

namespace {

class AtomicFileTest : public testing::Test {
protected:
  TemporaryFolder folder;
};

TEST_F(AtomicFileTest, WritesWhenCommitted) {
  Result<AtomicFile> file = AtomicFile::create(folder / "out");
  ASSERT_TRUE(file.isOk());
  ASSERT_TRUE(file->write("hello, ").isOk());
  ASSERT_TRUE(file->write("world").isOk());
  EXPECT_EQ(file->size(), 12u);
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
  ASSERT_TRUE(file->commit().isOk());
  EXPECT_EQ(folder.read("out"), "hello, world");
  EXPECT_EQ(folder.count(), 1u);
}

TEST_F(AtomicFileTest, LeavesNothingWithoutACommit) {
  folder.write("out", "old");
  {
    Result<AtomicFile> file = AtomicFile::create(folder / "out");
    ASSERT_TRUE(file.isOk());
    ASSERT_TRUE(file->write("new").isOk());
  }
  EXPECT_EQ(folder.read("out"), "old");
  EXPECT_EQ(folder.count(), 1u);
}

TEST_F(AtomicFileTest, LeavesNothingWhenTheProcessIsKilled) {
  if (int probe = ::open(folder.path.c_str(), O_TMPFILE | O_RDWR, 0666);
      probe >= 0)
    ::close(probe);
  else
    GTEST_SKIP() << "the file system has no files without a name";
  folder.write("out", "old");
  pid_t child = ::fork();
  if (child == 0) {
    Result<AtomicFile> file = AtomicFile::create(folder / "out");
    if (file.isOk() && file->write("new").isOk())
      ::kill(::getpid(), SIGKILL);
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(folder.read("out"), "old");
  EXPECT_EQ(folder.count(), 1u);
}

TEST_F(AtomicFileTest, LeavesNothingWhenReplacedByAnother) {
  Result<AtomicFile> file = AtomicFile::create(folder / "a");
  Result<AtomicFile> other = AtomicFile::create(folder / "b");
  ASSERT_TRUE(file.isOk() && other.isOk());
  ASSERT_TRUE(other->write("b").isOk());
  *file = std::move(*other);
  ASSERT_TRUE(file->commit().isOk());
  EXPECT_EQ(folder.count(), 1u);
  EXPECT_EQ(folder.read("b"), "b");
}

TEST_F(AtomicFileTest, KeepsPermissionsAndSymlinks) {
  folder.write("target", "old");
  ASSERT_EQ(::chmod((folder / "target").c_str(), 0640), 0);
  std::filesystem::create_symlink("target", folder / "link");
  ASSERT_TRUE(writeFile(folder / "link", "new").isOk());

  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(folder.read("target"), "new");
  struct stat information;
  ASSERT_EQ(::stat((folder / "target").c_str(), &information), 0);
  EXPECT_EQ(information.st_mode & 0777, 0640u);
}

TEST_F(AtomicFileTest, OverwritesWithinWhatWasWritten) {
  Result<AtomicFile> file = AtomicFile::create(folder / "out");
  ASSERT_TRUE(file.isOk());
  ASSERT_TRUE(file->write("0123456789").isOk());
  std::span<const std::byte> two = std::as_bytes(std::span("ab", 2));
  EXPECT_TRUE(file->overwrite(8, two).isOk());
  EXPECT_EQ(file->overwrite(9, two).code(), StatusCode::InvalidArgument);
  EXPECT_EQ(file->overwrite(UINT64_MAX, two).code(),
            StatusCode::InvalidArgument);
  ASSERT_TRUE(file->write("z").isOk());
  ASSERT_TRUE(file->commit().isOk());
  EXPECT_EQ(folder.read("out"), "01234567abz");
}

TEST_F(AtomicFileTest, WritesDevicesDirectly) {
  EXPECT_TRUE(writeFile("/dev/null", "lost").isOk());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(AtomicFileTest, SaysThatTheDiskIsFull) {
  Result<AtomicFile> file = AtomicFile::create("/dev/full");
  ASSERT_TRUE(file.isOk());
  Status status = file->write("bytes");
  EXPECT_EQ(status.code(), StatusCode::ResourceExhausted);
  EXPECT_EQ(status.message(),
            "/dev/full: cannot write: no space left on device");
}

TEST_F(AtomicFileTest, KeepsTheOldFileWhenALimitIsReached) {
  folder.write("out", "old");
  struct rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = {4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_TRUE(writeFile(folder / "fits", std::string(4096, 'x')).isOk());
  Status status = writeFile(folder / "out", std::string(4097, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);

  EXPECT_EQ(status.code(), StatusCode::ResourceExhausted) << status.message();
  EXPECT_EQ(folder.read("out"), "old");
  EXPECT_EQ(folder.count(), 2u);
}

TEST_F(AtomicFileTest, RefusesWhatCannotBeWritten) {
  EXPECT_EQ(AtomicFile::create(folder.path).status().code(),
            StatusCode::IoError);
  EXPECT_EQ(AtomicFile::create(folder / "missing/out").status().code(),
            StatusCode::NotFound);
  EXPECT_EQ(AtomicFile::create("").status().code(),
            StatusCode::InvalidArgument);
  EXPECT_EQ(folder.count(), 0u);
}

TEST_F(AtomicFileTest, RefusesAFolderWithoutPermission) {
  if (::geteuid() == 0)
    GTEST_SKIP() << "root may write everywhere";
  ASSERT_EQ(::chmod(folder.path.c_str(), 0500), 0);
  Result<AtomicFile> file = AtomicFile::create(folder / "out");
  ASSERT_EQ(::chmod(folder.path.c_str(), 0700), 0);
  ASSERT_FALSE(file.isOk());
  EXPECT_EQ(file.status().message(),
            (folder / "out") + ": cannot write: permission denied");
}

} // namespace
