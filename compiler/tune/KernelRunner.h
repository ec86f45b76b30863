//===- KernelRunner.h - Times variants of a kernel --------------*- C++ -*-===//
//
// The one place where the compiler runs what it compiles: on the runtime's CPU
// device, with its pool of threads.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_KERNELRUNNER_H
#define LATHE_COMPILER_TUNE_KERNELRUNNER_H

#include "compiler/targets/cpu/KernelCompiler.h"
#include "runtime/Device.h"
#include "runtime/ThreadPool.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

#include <memory>

namespace lathe {

/// Bytes that stand for weights, more than caches hold, so that launches find
/// their weights in memory as a model's do. Any number of any type that is read
/// in them is an ordinary one.
class WeightPool {
public:
  /// Fails with ResourceExhausted.
  static runtime::Result<WeightPool> create();

  /// \p size bytes, others than those of the last calls where that can be;
  /// valid until the next call. Fails with ResourceExhausted.
  runtime::Result<std::byte *> take(size_t size);

private:
  runtime::Status allocate(size_t size);

  std::unique_ptr<runtime::DeviceMemory> memory;
  size_t next = 0;
};

/// Makes \p tokens the positions of tokens of one sequence, in order, in the
/// middle of a cache of \p positions, so that there are keys before them. Those
/// that it has no place for are at its last one.
void placeTokens(llvm::MutableArrayRef<int32_t> tokens, int64_t positions);

/// Variants of one kernel, compiled, and operands for them. Not thread-safe.
class KernelRunner {
public:
  /// \p kernel is what the variants in \p image were made of, not lowered;
  /// \p maxima are the largest values of the program's symbols. The others must
  /// outlive the runner.
  ///
  /// Fails with Unsupported where the kernel has a size or an operand that it
  /// does not know how to make up, and as the device does.
  static runtime::Result<KernelRunner>
  create(mlir::func::FuncOp kernel, const KernelImage &image,
         const llvm::StringMap<int64_t> &maxima, runtime::ThreadPool &pool,
         WeightPool &weights);

  /// The numbers of rows that the kernel is worth timing with.
  llvm::ArrayRef<int64_t> rowCounts() const { return rows; }

  /// Seconds of a launch of variant \p variant of the image on
  /// rowCounts()[\p rowCount] rows: the mean of a few.
  runtime::Result<double> time(size_t variant, size_t rowCount);

private:
  KernelRunner(const KernelImage &image, runtime::ThreadPool &pool,
               WeightPool &weights)
      : image(image), pool(pool), weights(weights) {}

  runtime::Status chooseSizes(mlir::func::FuncOp kernel,
                              const llvm::StringMap<int64_t> &maxima);
  runtime::Status addBuffers(mlir::func::FuncOp kernel);
  runtime::Status addBuffer(size_t bytes);
  void fillIndices(mlir::func::FuncOp kernel);
  runtime::Status launch(size_t variant, size_t rowCount);

  const KernelImage &image;
  runtime::ThreadPool &pool;
  WeightPool &weights;
  std::unique_ptr<runtime::DeviceCode> code;
  llvm::SmallVector<int64_t> rows;
  /// Of each number of rows: the values of the kernel's symbols.
  llvm::SmallVector<llvm::SmallVector<long long>> scalars;
  std::vector<std::unique_ptr<runtime::DeviceMemory>> memory;
  llvm::SmallVector<void *> buffers;
  /// The buffers that say where tokens are, and the positions of the cache.
  llvm::SmallVector<size_t> positionBuffers;
  int64_t positions = 0;
  /// The buffer that holds the weight, and its bytes; they come from the pool.
  std::optional<size_t> weight;
  size_t weightBytes = 0;
  std::unique_ptr<runtime::DeviceMemory> scratch;
  size_t scratchStride = 0;
  uint64_t launches = 0;
};

} // namespace lathe

#endif // LATHE_COMPILER_TUNE_KERNELRUNNER_H
