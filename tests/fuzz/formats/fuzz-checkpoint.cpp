//===- fuzz-checkpoint.cpp - Any bytes as an index of shards --------------===//
//
// The index lies in a folder with one good shard, "a.safetensors", that holds
// one tensor "w", and beside it is a shard that it must never reach.
//
//===----------------------------------------------------------------------===//

#include "runtime/formats/Checkpoint.h"

#include "tests/fuzz/formats/FuzzInput.h"

#include <filesystem>
#include <fstream>
#include <string>

using namespace lathe::runtime;

static std::string root;

static void removeRoot() {
  std::error_code ignored;
  std::filesystem::remove_all(root, ignored);
}

static void writeShard(const std::string &path, const char *tensor) {
  TensorSpec spec = {tensor, ElementType::U8, {1}};
  Result<SafeTensorsWriter> writer =
      SafeTensorsWriter::create(path, std::span(&spec, 1));
  require(writer.isOk());
  std::byte byte = {};
  require(writer->write({&byte, 1}).isOk() && writer->finish().isOk());
}

extern "C" int LLVMFuzzerInitialize(int *, char ***) {
  root = std::filesystem::temp_directory_path() / "lathe-fuzz-XXXXXX";
  require(::mkdtemp(root.data()));
  std::atexit(removeRoot);
  std::filesystem::create_directory(root + "/c");
  writeShard(root + "/c/a.safetensors", "w");
  writeShard(root + "/b.safetensors", "secret");
  std::filesystem::create_symlink("../b.safetensors",
                                  root + "/c/link.safetensors");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::ofstream(root + "/c/model.safetensors.index.json", std::ios::binary)
      << asText(data, size);
  Result<Checkpoint> checkpoint = Checkpoint::open(root + "/c");
  if (!checkpoint.isOk()) {
    require(checkpoint.status().message().starts_with(root + "/c/"));
    return 0;
  }
  for (const CheckpointTensor &held : checkpoint->tensors())
    require(held.tensor->name == "w");
  return 0;
}
