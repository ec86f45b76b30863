//===- CheckpointTest.cpp - Tests of runtime/formats/Checkpoint.h ---------===//

#include "runtime/formats/Checkpoint.h"

#include "tests/unit/formats/TemporaryFolder.h"

#include <gtest/gtest.h>

using namespace lathe::runtime;

namespace {

class CheckpointTest : public testing::Test {
protected:
  /// Writes a file of tensors of one byte each.
  void writeShard(std::string_view name, std::vector<std::string> tensors) {
    std::vector<TensorSpec> specs;
    for (const std::string &tensor : tensors)
      specs.push_back({tensor, ElementType::U8, {1}});
    Result<SafeTensorsWriter> writer =
        SafeTensorsWriter::create(folder / name, specs);
    ASSERT_TRUE(writer.isOk());
    std::vector<std::byte> data(specs.size());
    ASSERT_TRUE(writer->write(data).isOk());
    ASSERT_TRUE(writer->finish().isOk());
  }

  void writeIndex(std::string_view weightMap) {
    folder.write("model.safetensors.index.json",
                 "{\"metadata\":{\"total_size\":2},\"weight_map\":" +
                     std::string(weightMap) + "}");
  }

  /// The message after the index's path.
  std::string faultOfIndex(std::string_view weightMap) {
    writeIndex(weightMap);
    Result<Checkpoint> checkpoint = Checkpoint::open(folder.path);
    if (checkpoint.isOk())
      return "";
    EXPECT_EQ(checkpoint.status().code(), StatusCode::InvalidFile);
    std::string prefix = (folder / "model.safetensors.index.json") + ": ";
    EXPECT_TRUE(checkpoint.status().message().starts_with(prefix));
    return checkpoint.status().message().substr(prefix.size());
  }

  TemporaryFolder folder;
};

TEST_F(CheckpointTest, ReadsASingleFile) {
  writeShard("model.safetensors", {"b", "a"});
  Result<Checkpoint> checkpoint = Checkpoint::open(folder.path);
  ASSERT_TRUE(checkpoint.isOk()) << checkpoint.status().message();
  ASSERT_EQ(checkpoint->tensors().size(), 2u);
  EXPECT_EQ(checkpoint->tensors()[0].tensor->name, "a");
  EXPECT_EQ(checkpoint->find("b").file, "model.safetensors");
  EXPECT_EQ(checkpoint->find("c").tensor, nullptr);
}

TEST_F(CheckpointTest, ReadsShards) {
  writeShard("one.safetensors", {"a", "unnamed"});
  writeShard("two.safetensors", {"b"});
  writeIndex(R"({"a":"one.safetensors","b":"two.safetensors"})");
  Result<Checkpoint> opened = Checkpoint::open(folder.path);
  ASSERT_TRUE(opened.isOk()) << opened.status().message();
  Checkpoint checkpoint = std::move(*opened);
  EXPECT_EQ(checkpoint.tensors().size(), 2u);
  EXPECT_EQ(checkpoint.find("a").file, "one.safetensors");
  EXPECT_EQ(checkpoint.find("b").file, "two.safetensors");
  EXPECT_EQ(checkpoint.find("b").tensor->bytes.size(), 1u);
  EXPECT_EQ(checkpoint.find("unnamed").tensor, nullptr);
}

TEST_F(CheckpointTest, PrefersTheSingleFile) {
  writeShard("model.safetensors", {"a"});
  writeIndex("\"broken\"");
  EXPECT_TRUE(Checkpoint::open(folder.path).isOk());
}

TEST_F(CheckpointTest, FollowsASymlinkToTheSingleFile) {
  // As caches of model hubs lie on disk.
  std::filesystem::create_directories(folder / "snapshot");
  writeShard("blob", {"a"});
  std::filesystem::create_symlink("../blob",
                                  folder / "snapshot/model.safetensors");
  EXPECT_TRUE(Checkpoint::open(folder / "snapshot").isOk());
}

TEST_F(CheckpointTest, FollowsSymlinksToShards) {
  std::filesystem::create_directories(folder / "snapshot");
  writeShard("blob", {"a"});
  std::filesystem::create_symlink("../blob",
                                  folder / "snapshot/one.safetensors");
  folder.write("index", R"({"weight_map":{"a":"one.safetensors"}})");
  std::filesystem::create_symlink(
      "../index", folder / "snapshot/model.safetensors.index.json");
  Result<Checkpoint> checkpoint = Checkpoint::open(folder / "snapshot");
  ASSERT_TRUE(checkpoint.isOk()) << checkpoint.status().message();
  EXPECT_EQ(checkpoint->find("a").file, "one.safetensors");
}

TEST_F(CheckpointTest, RefusesATensorThatItsShardLacks) {
  writeShard("one.safetensors", {"a"});
  EXPECT_EQ(faultOfIndex(R"({"b":"one.safetensors"})"),
            "weight_map.b: is not in one.safetensors");
}

TEST_F(CheckpointTest, RefusesATensorInTwoShards) {
  writeShard("one.safetensors", {"a", "c"});
  writeShard("two.safetensors", {"b", "c"});
  EXPECT_EQ(faultOfIndex(R"({"a":"one.safetensors","b":"two.safetensors"})"),
            "weight_map: the tensor 'c' is in one.safetensors and in "
            "two.safetensors");
}

TEST_F(CheckpointTest, RefusesShardsOutsideTheDirectory) {
  std::filesystem::create_directories(folder / "outside");
  writeShard("outside/one.safetensors", {"a"});
  std::filesystem::create_directories(folder / "inside/below");
  std::filesystem::create_symlink("../../outside/one.safetensors",
                                  folder / "inside/below/link.safetensors");
  for (std::string_view name :
       {"../outside/one.safetensors", "below/link.safetensors", "/dev/zero"}) {
    folder.write("inside/model.safetensors.index.json",
                 "{\"weight_map\":{\"a\":\"" + std::string(name) + "\"}}");
    EXPECT_EQ(Checkpoint::open(folder / "inside").status().code(),
              StatusCode::InvalidFile)
        << name;
  }
}

TEST_F(CheckpointTest, RefusesAnIndexThatIsNone) {
  for (std::string_view weightMap :
       {"[]", "{}", "{\"a\":1}", "{\"a\":\"\"}", "null", "{"})
    EXPECT_NE(faultOfIndex(weightMap), "") << weightMap;
  folder.write("model.safetensors.index.json", "{}");
  EXPECT_FALSE(Checkpoint::open(folder.path).isOk());
}

TEST_F(CheckpointTest, NamesAShardThatIsMissing) {
  writeIndex(R"({"a":"one.safetensors"})");
  Result<Checkpoint> checkpoint = Checkpoint::open(folder.path);
  ASSERT_FALSE(checkpoint.isOk());
  EXPECT_EQ(checkpoint.status().code(), StatusCode::NotFound);
  EXPECT_EQ(checkpoint.status().message(),
            (folder / "model.safetensors.index.json") +
                ": weight_map: " + (folder / "one.safetensors") +
                ": cannot open: no such file or directory");
}

TEST_F(CheckpointTest, LimitsTheShards) {
  std::string weightMap = "{";
  for (size_t i = 0; i <= Checkpoint::kMaximumShards; ++i)
    weightMap += (i ? ",\"t" : "\"t") + std::to_string(i) + "\":\"s" +
                 std::to_string(i) + "\"";
  EXPECT_EQ(faultOfIndex(weightMap + "}"),
            "weight_map: names 4097 files, expected 1 to 4096");
}

TEST_F(CheckpointTest, ExplainsWhatItDoesNotRead) {
  EXPECT_EQ(Checkpoint::open(folder.path).status().code(),
            StatusCode::NotFound);
  folder.write("pytorch_model.bin", "x");
  Result<Checkpoint> checkpoint = Checkpoint::open(folder.path);
  EXPECT_EQ(checkpoint.status().code(), StatusCode::Unsupported);
  EXPECT_EQ(checkpoint.status().message(),
            (folder / "pytorch_model.bin") +
                ": weights in this format are not read (convert them to "
                "safetensors)");
  EXPECT_EQ(Checkpoint::open(folder / "missing").status().code(),
            StatusCode::NotFound);
  EXPECT_EQ(Checkpoint::open(folder / "pytorch_model.bin").status().code(),
            StatusCode::InvalidArgument);
}

} // namespace
