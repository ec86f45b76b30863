//===- Model.h - An artifact with its code, ready for contexts --*- C++ -*-===//
#ifndef LATHE_RUNTIME_MODEL_H
#define LATHE_RUNTIME_MODEL_H

#include "runtime/Artifact.h"
#include "runtime/Device.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lathe::runtime {

class Tokenizer;

struct ModelOptions {
  /// Device to run on.
  std::string device = "cpu";
  /// Target to run; empty: LATHE_CPU of the environment, else the best.
  std::string target;
  /// Loads no code: for looking inside, on any machine.
  bool inspectOnly = false;
};

/// What contexts share. Immutable, so any number of threads may use it.
class Model {
public:
  /// Loads the code of the best target and the tokenizer's tables. Fails with
  /// NotFound (no such device), Unsupported, InvalidFile, ResourceExhausted.
  static Result<std::shared_ptr<const Model>>
  create(std::shared_ptr<const Artifact> artifact,
         const ModelOptions &options = {});
  ~Model();

  const Artifact &artifact() const { return *file; }
  const artifact::Program &program() const { return file->program(); }
  const Device &device() const { return *machine; }
  const DeviceCode &code() const { return *kernels; }
  /// False for a model to look inside: code() and what follows from it are not
  /// there, and no context can be made.
  bool isRunnable() const { return kernels != nullptr; }
  /// Index of the running target in Program.targets; none where the model is
  /// not runnable and no target would run here.
  std::optional<size_t> target() const { return targetIndex; }
  /// Address on the device of weight \p index.
  const std::byte *weight(size_t index) const { return weights[index]; }
  /// Largest scratch of any kernel on this target, in bytes a worker.
  size_t scratchBytes() const { return scratch; }
  /// Index into Kernel.code of kernel \p index for the running target.
  size_t codeIndex(size_t kernel) const { return codeIndices[kernel]; }
  /// Null where the artifact has none.
  const Tokenizer *tokenizer() const { return words.get(); }

private:
  Model() = default;
  Status chooseTarget(const ModelOptions &options);
  Status loadKernels(const ModelOptions &options);
  Status mapWeights(const ModelOptions &options);
  Status loadTokenizer(const ModelOptions &options);

  /// First, so that it outlives what points into it.
  std::shared_ptr<const Artifact> file;
  const Device *machine = nullptr;
  std::unique_ptr<DeviceCode> kernels;
  std::optional<size_t> targetIndex;
  size_t scratch = 0;
  std::vector<size_t> codeIndices;
  std::vector<const std::byte *> weights;
  std::unique_ptr<const Tokenizer> words;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_MODEL_H
