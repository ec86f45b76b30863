//===- fuzz-checkpoint.cpp - Any bytes as an index of shards --------------===//
//
// The index lies in a folder with one good shard, "a.safetensors", that holds
// one tensor "w", and beside the folder is a shard that no name reaches. (What
// the folder itself links to would be its owner's choice.)
//
//===----------------------------------------------------------------------===//

#include "runtime/formats/Checkpoint.h"

#include "tests/fuzz/formats/FuzzFolder.h"

#include <string>

using namespace lathe::runtime;

static void writeShard(const std::string &path, const char *tensor) {
  TensorSpec spec = {tensor, ElementType::U8, {1}};
  Result<SafeTensorsWriter> writer =
      SafeTensorsWriter::create(path, std::span(&spec, 1));
  require(writer.isOk());
  std::byte byte = {};
  require(writer->write({&byte, 1}).isOk() && writer->finish().isOk());
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const FuzzFolder folder;
  static const std::string root = [] {
    folder.makeFolder("c");
    writeShard(folder.path() + "/c/a.safetensors", "w");
    writeShard(folder.path() + "/b.safetensors", "secret");
    return folder.path();
  }();
  folder.write("c/model.safetensors.index.json", asText(data, size));
  Result<Checkpoint> checkpoint = Checkpoint::open(root + "/c");
  if (!checkpoint.isOk()) {
    require(checkpoint.status().message().starts_with(root + "/c/"));
    return 0;
  }
  for (const CheckpointTensor &held : checkpoint->tensors())
    require(held.tensor->name == "w");
  return 0;
}
