//===- CommandLine.h - Flags and messages of lathe-compiler ---------------===//
#ifndef LATHE_COMPILER_TOOLS_COMMANDLINE_H
#define LATHE_COMPILER_TOOLS_COMMANDLINE_H

#include "compiler/Compiler.h"

#include "mlir/IR/Diagnostics.h"

#include <optional>
#include <string>

namespace lathe {

/// What the command line says.
struct CommandLine {
  bool isImport = false; ///< `import`, not `compile`.
  std::string model;
  std::string output;
  std::string dtype = "f32";
  std::string weights;     ///< Empty: as the checkpoint stores them.
  std::string activations; ///< Empty: f32.
  std::string cacheType = "f32";
  int64_t context = 0; ///< 0: the model's.
  bool verbose = false;
  bool timing = false;
  CompileOptions compile;
};

/// Reads `compile|import MODEL -o FILE [flags]`. Fails with InvalidArgument.
runtime::Result<CommandLine> parseCommandLine(int argc, char **argv);

/// Prints "KIND: MESSAGE" as one line on standard error, control bytes escaped,
/// at most 2,000 characters.
void printMessage(llvm::StringRef kind, llvm::StringRef message);

/// Prints the diagnostics of \p context as such lines, with their place.
class DiagnosticPrinter {
public:
  DiagnosticPrinter(mlir::MLIRContext &context, bool verbose);
  bool hasErrors() const { return errors > 0; }

private:
  mlir::LogicalResult print(mlir::Diagnostic &diagnostic);

  bool verbose;
  int errors = 0;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace lathe

#endif // LATHE_COMPILER_TOOLS_COMMANDLINE_H
