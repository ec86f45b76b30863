//===- ModuleSource.h - The module that lathe-compiler works on -----------===//
#ifndef LATHE_COMPILER_TOOLS_MODULESOURCE_H
#define LATHE_COMPILER_TOOLS_MODULESOURCE_H

#include "compiler/tools/CommandLine.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <cstddef>
#include <vector>

namespace lathe {

/// A module, and what lies beside it.
struct ModuleSource {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// Folder that the `from` of parameters is relative to.
  std::string directory;
  /// The .mlir file; empty for a checkpoint directory.
  std::string path;
  /// Tables of runtime/text; empty where there is no tokenizer.
  std::vector<std::byte> tokenizerTables;

  /// Imports the checkpoint directory, or parses the .mlir file, that \p line
  /// names. Fails with NotFound, IoError, InvalidFile, Unsupported.
  static runtime::Result<ModuleSource> load(mlir::MLIRContext &context,
                                            const CommandLine &line);

  /// Fails with InvalidArgument if the output that \p line names is a file that
  /// the model is read from.
  runtime::Status refuseOutput(const CommandLine &line) const;

  /// Writes the module as text to \p path, so that it compiles from there: what
  /// it needs is linked or copied into the folder `STEM.files` beside it where
  /// it lies in another folder or is a symlink, which a module's parameters may
  /// not follow. A folder made for a module that fails is removed. Fails with
  /// IoError, ResourceExhausted.
  runtime::Status writeModule(const std::string &path);

private:
  /// Links or copies what the module needs into the folder \p files in
  /// \p folder, and makes the module name them there.
  runtime::Status gatherFiles(const std::string &folder,
                              const std::string &files);
};

} // namespace lathe

#endif // LATHE_COMPILER_TOOLS_MODULESOURCE_H
