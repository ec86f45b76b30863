//===- AttackTest.cpp - Bad files through the parsers of formats ----------===//
//
// The files are those of tests/attacks/generate.py, which the build runs. Their
// names say what must happen: see there.
//
//===----------------------------------------------------------------------===//

#include "runtime/formats/Checkpoint.h"
#include "runtime/formats/DepthScan.h"
#include "runtime/formats/Gguf.h"
#include "runtime/formats/Json.h"
#include "runtime/formats/Npy.h"
#include "runtime/formats/SafeTensors.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>

using namespace lathe::runtime;

namespace {

/// The Status of opening \p path through \p open.
template <typename Open>
Status statusOf(const std::string &path, Open open) {
  auto result = open(path);
  return result.isOk() ? Status::ok() : result.takeStatus();
}

Status readSafeTensors(const std::string &path) {
  return statusOf(path, SafeTensors::open);
}
Status readCheckpoint(const std::string &path) {
  return statusOf(path, Checkpoint::open);
}
Status readJson(const std::string &path) { return statusOf(path, Json::read); }
Status readNpy(const std::string &path) { return statusOf(path, Npy::open); }
Status readGguf(const std::string &path) { return statusOf(path, Gguf::open); }
Status readMlir(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file.isOk())
    return file.takeStatus();
  return scanMlirDepth(file->text(), path);
}

struct Format {
  const char *name;
  Status (*read)(const std::string &path);
};

class AttackTest : public testing::TestWithParam<Format> {};

TEST_P(AttackTest, GetsACleanStatus) {
  std::string folder =
      std::string(LATHE_BINARY_DIR "/tests/attacks/") + GetParam().name;
  size_t count = 0;
  size_t refused = 0;
  for (const auto &entry : std::filesystem::directory_iterator(folder)) {
    std::string path = entry.path();
    SCOPED_TRACE(path);
    auto begin = std::chrono::steady_clock::now();
    Status status = GetParam().read(path);
    auto time = std::chrono::steady_clock::now() - begin;
    // A second is the promise; sanitizers and busy machines take their share.
    EXPECT_LT(time, std::chrono::seconds(10));
    ++count;
    if (status.isOk()) {
      EXPECT_EQ(path.find("-bad-"), std::string::npos) << "was accepted";
      continue;
    }
    ++refused;
    EXPECT_TRUE(status.message().starts_with(path)) << status.message();
    EXPECT_GT(status.message().size(), path.size() + 2);
    EXPECT_LE(status.message().size(), 2000u);
    EXPECT_NE(status.code(), StatusCode::InvalidArgument);
  }
  EXPECT_GE(count, 100u);
  EXPECT_GE(refused, 20u);
}

INSTANTIATE_TEST_SUITE_P(
    Formats, AttackTest,
    testing::Values(Format{"safetensors", readSafeTensors},
                    Format{"index", readCheckpoint}, Format{"config", readJson},
                    Format{"tokenizer", readJson}, Format{"npy", readNpy},
                    Format{"gguf", readGguf}, Format{"mlir", readMlir}),
    [](const auto &info) { return std::string(info.param.name); });

} // namespace
