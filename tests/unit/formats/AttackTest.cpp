//===- AttackTest.cpp - Bad files through the parsers of formats ----------===//
//
// The files are those of tests/attacks/generate.py, which the build runs; the
// environment's LATHE_ATTACK_FOLDER names others. Their names say what must
// happen: see there. What reads them here is free of LLVM, so the sanitizers
// see all of it.
//
//===----------------------------------------------------------------------===//

#include "frontend/models/ChatTemplates.h"
#include "frontend/models/Family.h"
#include "frontend/models/GenerationConfig.h"
#include "frontend/models/SentenceModules.h"
#include "runtime/formats/Checkpoint.h"
#include "runtime/formats/DepthScan.h"
#include "runtime/formats/Gguf.h"
#include "runtime/formats/Json.h"
#include "runtime/formats/Npy.h"
#include "runtime/formats/SafeTensors.h"
#include "runtime/text/TokenizerBuilder.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
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
Status readConfig(const std::string &path) {
  Result<Json> json = Json::read(path);
  if (!json.isOk())
    return json.takeStatus();
  std::vector<std::string> notes;
  auto config = lathe::readConfig(*json, notes);
  return config.isOk() ? Status::ok() : config.takeStatus();
}
Status readTokenizer(const std::string &path) {
  return statusOf(
      path, [](const std::string &file) { return buildTokenizerTables(file); });
}
Status readGeneration(const std::string &path) {
  lathe::TransformerConfig config;
  auto text = lathe::readGeneration(path, config);
  return text.isOk() ? Status::ok() : text.takeStatus();
}
Status readTemplates(const std::string &path) {
  auto templates = lathe::readChatTemplates(path);
  return templates.isOk() ? Status::ok() : templates.takeStatus();
}
Status readModules(const std::string &path) {
  lathe::TransformerConfig config;
  config.hidden = 16;
  return lathe::readSentenceModules(path, config);
}
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
  const char *given = std::getenv("LATHE_ATTACK_FOLDER");
  std::string folder =
      std::string(given ? given : LATHE_BINARY_DIR "/attack-files") + "/" +
      GetParam().name;
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
    testing::Values(
        Format{"safetensors", readSafeTensors}, Format{"index", readCheckpoint},
        Format{"config", readConfig}, Format{"tokenizer", readTokenizer},
        Format{"sentencepiece", readTokenizer},
        Format{"vocabulary", readTokenizer},
        Format{"generation", readGeneration}, Format{"modules", readModules},
        Format{"templates", readTemplates}, Format{"npy", readNpy},
        Format{"gguf", readGguf}, Format{"mlir", readMlir}),
    [](const auto &info) { return std::string(info.param.name); });

} // namespace
