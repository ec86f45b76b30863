//===- Checkpoint.h - The weights in a checkpoint directory -----*- C++ -*-===//
#ifndef LATHE_RUNTIME_FORMATS_CHECKPOINT_H
#define LATHE_RUNTIME_FORMATS_CHECKPOINT_H

#include "runtime/Status.h"
#include "runtime/formats/SafeTensors.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::runtime {

/// A tensor and the file that holds it.
struct CheckpointTensor {
  const Tensor *tensor;
  /// Relative to the directory, such as "model-00001-of-00003.safetensors".
  std::string_view file;
};

/// The weights of a directory as Hugging Face writes it: `model.safetensors`,
/// or else `model.safetensors.index.json` and the shards that it names. The
/// directory's entries may be symlinks, as in the caches of model hubs. Files
/// stay mapped as long as this lives; what it gives lives as long, also after a
/// move. Reading is const and may be done from several threads.
class Checkpoint {
public:
  /// Most shards an index may name.
  static constexpr size_t kMaximumShards = 4096;

  /// Maps and checks the files of \p directory. NotFound if it has no weights
  /// at all; Unsupported if it has them in another format only (.bin, .pt,
  /// .gguf …); InvalidFile if the index names files outside the directory,
  /// tensors that a shard lacks, or if a tensor is in two shards; else as
  /// SafeTensors::open. Tensors of a shard that the index does not name are
  /// left out.
  static Result<Checkpoint> open(const std::string &directory);

  /// All tensors, sorted by name.
  std::span<const CheckpointTensor> tensors() const { return all; }
  /// The tensor \p name; null in both fields if there is none.
  CheckpointTensor find(std::string_view name) const;

private:
  struct Shard {
    std::string name;
    SafeTensors file;
  };

  Status openSingle(const std::string &path);
  Status openShards(const std::string &directory, const std::string &index);
  Status addNamed(JsonValue weightMap);

  std::vector<Shard> shards; ///< Sorted by name; complete before `all` is.
  std::vector<CheckpointTensor> all;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_CHECKPOINT_H
