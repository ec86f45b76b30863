//===- WeightEvaluator.h - The bytes of parameters --------------*- C++ -*-===//
//
// What a program reads of a checkpoint is the value of a `lathe.parameter` or
// of the weight transforms in a `lathe.derived`. This is their plain
// interpreter: one tensor at a time, each dropped after its last use, so that
// memory is bounded by a few times the largest one, whatever the model's size.
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
#include "mlir/IR/SymbolTable.h"

#include <map>
#include <optional>
#include <string>

namespace lathe {

/// Evaluates the parameters of one module. Not thread-safe.
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
                  runtime::Symlinks symlinks = runtime::Symlinks::Beneath)
      : table(module), directory(std::move(directory)),
        modulePath(std::move(modulePath)), symlinks(symlinks) {}

  /// Checks every parameter of the module against its file: that the file is
  /// there, well-formed and beneath the directory, and has the tensor with the
  /// element type and shape that the module says. Maps the files; reads no
  /// tensor. InvalidFile, NotFound, Unsupported or IoError; messages begin with
  /// the module and the parameter.
  runtime::Status checkFiles();

  /// The value of the parameter or derived parameter \p name, quantised rows as
  /// their bytes in memory. It may borrow
  /// from a mapped file, and lives as long as this object. Fails as checkFiles
  /// does, and with Unsupported for an op that is no weight transform or
  /// parameters that derive from themselves.
  runtime::Result<HostTensor> evaluate(llvm::StringRef name);

private:
  /// "MODULE: lathe.parameter @NAME", which begins messages.
  std::string fieldOf(ParameterOp parameter) const;
  runtime::Result<runtime::MappedFile> mapFile(ParameterOp parameter);
  runtime::Result<const runtime::SafeTensors *> openFile(ParameterOp parameter);
  runtime::Result<const runtime::Gguf *> openGguf(ParameterOp parameter);
  runtime::Result<HostTensor> readGguf(ParameterOp parameter);
  runtime::Result<HostTensor> readParameter(ParameterOp parameter);
  runtime::Result<HostTensor> evaluateAt(llvm::StringRef name, unsigned depth);
  runtime::Result<HostTensor> evaluateDerived(DerivedOp derived,
                                              unsigned depth);

  mlir::SymbolTable table;
  std::string directory;
  std::string modulePath;
  runtime::Symlinks symlinks;
  std::optional<runtime::SafeOpener> opener;
  /// By the name that parameters give.
  std::map<std::string, runtime::SafeTensors> files;
  std::map<std::string, runtime::Gguf> ggufFiles;
};

} // namespace lathe

#endif // LATHE_COMPILER_EMIT_WEIGHTEVALUATOR_H
