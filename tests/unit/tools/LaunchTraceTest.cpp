//===- LaunchTraceTest.cpp - Tests of tools/LaunchTrace.h -----------------===//

#include "runtime/tools/LaunchTrace.h"

#include "runtime/formats/MappedFile.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <unistd.h>

using namespace lathe;
using namespace lathe::tools;
using runtime::Result;
using runtime::Status;
using runtime::StatusCode;

namespace {

class LaunchTraceTest : public testing::Test {
protected:
  void SetUp() override {
    path = std::filesystem::temp_directory_path() /
           ("lathe-trace-" + std::to_string(getpid()) + ".json");
  }
  void TearDown() override { std::filesystem::remove(path); }

  /// Adds the launch of command \p command of entry \p entry.
  static void run(LaunchTrace &trace, size_t entry, size_t command) {
    lathe_launch_t launch = LATHE_INIT(lathe_launch_t);
    launch.entry = entry;
    launch.command = command;
    launch.name = "a\"b";
    launch.kernel = "k";
    launch.tiles = 5;
    trace.add(launch);
    launch.finished = 1;
    launch.nanoseconds = 1500;
    launch.has_cost = 1;
    launch.flops = 12;
    launch.bytes_read = 30;
    launch.bytes_written = 4;
    launch.arithmetic = LATHE_ARITHMETIC_BYTES;
    const lathe_worker_t workers[] = {{100, 1400, 5}, {0, 0, 0}};
    launch.workers = workers;
    launch.worker_count = 2;
    trace.add(launch);
  }

  /// The text of the file, with each time as N.
  std::string text() {
    Result<runtime::MappedFile> file = runtime::MappedFile::open(path.string());
    if (!file.isOk())
      return file.status().message();
    return std::regex_replace(std::string(file->text()),
                              std::regex("\"(ts|dur)\":[0-9.]+"), "\"$1\":N");
  }

  std::filesystem::path path;
};

TEST_F(LaunchTraceTest, WritesCallsLaunchesAndWorkers) {
  Result<LaunchTrace> trace = LaunchTrace::create(path.string(), nullptr);
  ASSERT_TRUE(trace.isOk());
  run(*trace, 0, 3);
  ASSERT_TRUE(trace->finish().isOk());
  EXPECT_EQ(
      text(),
      "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
      "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"tid\":0,"
      "\"args\":{\"name\":\"lathe\"}},\n"
      "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":0,"
      "\"args\":{\"name\":\"calls and launches\"}},\n"
      "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":1,"
      "\"args\":{\"name\":\"worker 0\"}},\n"
      "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":2,"
      "\"args\":{\"name\":\"worker 1\"}},\n"
      "{\"name\":\"call\",\"cat\":\"call\",\"ph\":\"X\",\"pid\":1,\"tid\":0,"
      "\"ts\":N,\"dur\":N},\n"
      "{\"name\":\"a\\\"b\",\"cat\":\"launch\",\"ph\":\"X\",\"pid\":1,"
      "\"tid\":0,\"ts\":N,\"dur\":N,\"args\":{\"kernel\":\"k\",\"tiles\":5,"
      "\"bytes\":34,\"flops\":12,\"arithmetic\":\"bytes\"}},\n"
      "{\"name\":\"a\\\"b\",\"cat\":\"worker\",\"ph\":\"X\",\"pid\":1,"
      "\"tid\":1,\"ts\":N,\"dur\":N,\"args\":{\"tiles\":5}}\n"
      "]}\n");
}

TEST_F(LaunchTraceTest, ALowerCommandOrAnotherEntryBeginsACall) {
  Result<LaunchTrace> trace = LaunchTrace::create(path.string(), nullptr);
  ASSERT_TRUE(trace.isOk());
  // Calls: 0 1 | 0 1 | 4 of another entry | 5 of that.
  for (auto [entry, command] : {std::pair<size_t, size_t>{0, 0},
                                {0, 1},
                                {0, 0},
                                {0, 1},
                                {1, 4},
                                {1, 5}})
    run(*trace, entry, command);
  ASSERT_TRUE(trace->finish().isOk());
  std::string written = text();
  std::regex call("\"cat\":\"call\"");
  EXPECT_EQ(
      std::distance(std::sregex_iterator(written.begin(), written.end(), call),
                    std::sregex_iterator()),
      3);
}

TEST_F(LaunchTraceTest, KeepsSoManyLaunchesAndCountsTheOthers) {
  Result<LaunchTrace> trace = LaunchTrace::create(path.string(), nullptr);
  ASSERT_TRUE(trace.isOk());
  for (size_t i = 0; i < LaunchTrace::kMostLaunches + 3; ++i)
    run(*trace, 0, i);
  EXPECT_EQ(trace->dropped(), 3u);
}

TEST_F(LaunchTraceTest, LeavesNoFileWithoutAnEnd) {
  {
    Result<LaunchTrace> trace = LaunchTrace::create(path.string(), nullptr);
    ASSERT_TRUE(trace.isOk());
    run(*trace, 0, 0);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(LaunchTraceTest, RefusesAFolderThatIsNotThere) {
  Result<LaunchTrace> trace = LaunchTrace::create("/none/at/all", nullptr);
  EXPECT_EQ(trace.status().code(), StatusCode::NotFound);
}

} // namespace
