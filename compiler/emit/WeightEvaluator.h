//===- WeightEvaluator.h - The bytes of parameters --------------*- C++ -*-===//
//
// What a program reads of a checkpoint is the value of a `lathe.parameter` or
// of the weight transforms in a `lathe.derived`. This is their plain
// interpreter: one tensor at a time, each dropped after its last use, so that
// memory is bounded by a few times the largest one, whatever the model's size.
// Most transforms take the rows of a tensor one by one. A weight that is made
// by such alone is computed some rows at a time, which stay in a cache on the
// whole way from the file.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_EMIT_WEIGHTEVALUATOR_H
#define LATHE_COMPILER_EMIT_WEIGHTEVALUATOR_H

#include "compiler/emit/HostTensor.h"
#include "dialects/lathe/Lathe.h"
#include "runtime/Status.h"
#include "runtime/formats/Gguf.h"
#include "runtime/formats/SafeOpener.h"
#include "runtime/formats/SafeTensors.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

#include <atomic>
#include <map>
#include <optional>
#include <string>

namespace lathe {

/// Rows [begin, end) of a tensor's first dimension.
struct RowRange {
  int64_t begin = 0;
  int64_t end = 0;

  int64_t size() const { return end - begin; }
};

/// How the rows of a weight may be asked for.
struct RowSteps {
  /// All of them; 0: the weight is to be had as a whole only.
  int64_t rows = 0;
  /// What ranges begin and end on multiples of, but for the last end.
  int64_t step = 1;
  int64_t elementsPerRow = 0;
};

/// Evaluates the parameters of one module. Once checkFiles() has succeeded,
/// evaluate() may be called from several threads.
class WeightEvaluator {
public:
  /// \param module holds `lathe.parameter` and `lathe.derived` ops; it must
  ///   outlive the evaluator and not change.
  /// \param directory the folder that the `from` of parameters is relative to.
  /// \param modulePath the file of the module, which begins the messages about
  ///   its parameters; empty: they begin with the parameter.
  /// \param symlinks in \p directory that are followed.
  WeightEvaluator(mlir::ModuleOp module, std::string directory,
                  std::string modulePath = "",
                  runtime::Symlinks symlinks = runtime::Symlinks::Beneath);

  /// Checks every parameter of the module against its file: that the file is
  /// there, well-formed and beneath the directory, and has the tensor with the
  /// element type and shape that the module says. Maps the files; reads no
  /// tensor. InvalidFile, NotFound, Unsupported or IoError; messages begin with
  /// the module and the parameter.
  runtime::Status checkFiles();

  /// The value of the parameter or derived parameter \p name, quantised rows as
  /// their bytes in memory. It may borrow from a mapped file, and lives as long
  /// as this object. Fails as checkFiles does, and with Unsupported for an op
  /// that is no weight transform or parameters that derive from themselves.
  runtime::Result<HostTensor> evaluate(llvm::StringRef name);

  /// How the rows of \p name may be asked for.
  RowSteps rowSteps(llvm::StringRef name) const;
  /// \p rows of the same value, a range as rowSteps() has it.
  runtime::Result<HostTensor> evaluate(llvm::StringRef name, RowRange rows);

  /// Bytes of the tensors of files that values were made of so far.
  uint64_t bytesRead() const { return readBytes; }

private:
  /// "MODULE: lathe.parameter @NAME", which begins messages.
  std::string fieldOf(ParameterOp parameter) const;
  runtime::Result<runtime::MappedFile> mapFile(ParameterOp parameter);
  runtime::Result<const runtime::SafeTensors *> openFile(ParameterOp parameter);
  runtime::Result<const runtime::Gguf *> openGguf(ParameterOp parameter);
  runtime::Result<HostTensor> readGguf(ParameterOp parameter);
  runtime::Result<HostTensor> readParameter(ParameterOp parameter);
  /// What readParameter gave before, or gives now.
  runtime::Result<HostTensor> valueOf(ParameterOp parameter);

  runtime::Result<HostTensor> evaluateAt(llvm::StringRef name, unsigned depth);
  runtime::Result<HostTensor> evaluateDerived(DerivedOp derived,
                                              unsigned depth);

  bool isByRows(mlir::Value value, unsigned depth) const;
  bool isByRows(llvm::StringRef name, unsigned depth) const;
  runtime::Result<HostTensor> evaluateRows(llvm::StringRef name, RowRange rows);
  runtime::Result<HostTensor> evaluateRows(mlir::Value value, RowRange rows);

  mlir::ModuleOp module;
  /// Not MLIR's table, which makes attributes of names, and so is for one
  /// thread at a time.
  llvm::StringMap<mlir::Operation *> symbols;
  std::string directory;
  std::string modulePath;
  runtime::Symlinks symlinks;
  std::atomic<uint64_t> readBytes = 0;
  std::optional<runtime::SafeOpener> opener;
  /// By the name that parameters give.
  std::map<std::string, runtime::SafeTensors> files;
  std::map<std::string, runtime::Gguf> ggufFiles;
  /// Those that were read.
  llvm::DenseMap<mlir::Operation *, HostTensor> parameters;
};

} // namespace lathe

#endif // LATHE_COMPILER_EMIT_WEIGHTEVALUATOR_H
