//===- lathe-compiler.cpp - The child of `lathe compile` and `import` -----===//
//
// The one program that is linked with LLVM. It takes the flags that `lathe`
// has checked, so its own help is short. Messages are one line on standard
// error; exit codes are those of the lathe program (docs/cli.md).
//
//===----------------------------------------------------------------------===//

#include "compiler/Compiler.h"
#include "compiler/Timing.h"
#include "compiler/tools/CommandLine.h"
#include "compiler/tools/ModuleSource.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

#include <csignal>

using namespace lathe;
using lathe::runtime::Status;
using lathe::runtime::StatusCode;

/// The exit code of the lathe program that stands for \p code.
static int exitOf(StatusCode code) {
  switch (code) {
  case StatusCode::Ok:
    return 0;
  case StatusCode::Unsupported:
  case StatusCode::InvalidArgument:
    return 1;
  case StatusCode::InvalidFile:
  case StatusCode::NotFound:
  case StatusCode::IoError:
    return 3;
  case StatusCode::ResourceExhausted:
    return 4;
  case StatusCode::Cancelled:
    return 6;
  case StatusCode::DeviceError:
    return 70;
  }
  return 70;
}

static int report(const Status &status) {
  if (status.isOk())
    return 0;
  printMessage("error", status.message());
  return exitOf(status.code());
}

static Status compile(const CommandLine &line, TimingTable &timing,
                      mlir::MLIRContext &context) {
  StopWatch watch;
  runtime::Result<ModuleSource> source = ModuleSource::load(context, line);
  if (!source.isOk())
    return source.takeStatus();
  LATHE_RETURN_IF_ERROR(source->refuseOutput(line));
  timing.addStep("import", watch.seconds());
  CompileOptions options = line.compile;
  options.timing = &timing;
  options.moduleDirectory = source->directory;
  options.modulePath = source->path;
  options.moduleSymlinks = source->path.empty() ? runtime::Symlinks::OfEntries
                                                : runtime::Symlinks::Beneath;
  options.tokenizerTables = std::move(source->tokenizerTables);
  LATHE_RETURN_IF_ERROR(compileModule(*source->module, options, line.output));
  if (line.timing)
    timing.print(llvm::errs());
  return Status::ok();
}

static Status import(const CommandLine &line, mlir::MLIRContext &context) {
  runtime::Result<ModuleSource> source = ModuleSource::load(context, line);
  if (!source.isOk())
    return source.takeStatus();
  LATHE_RETURN_IF_ERROR(source->refuseOutput(line));
  return source->writeModule(line.output);
}

int main(int argc, char **argv) {
  // A limit on the size of files ends in a failed write, not in a signal.
  std::signal(SIGXFSZ, SIG_IGN);
  TimingTable timing;
  runtime::Result<CommandLine> line = parseCommandLine(argc, argv);
  if (!line.isOk()) {
    printMessage("error", line.status().message());
    return 2;
  }
  mlir::DialectRegistry registry;
  registerCompilerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  DiagnosticPrinter diagnostics(context, line->verbose);
  Status status =
      line->isImport ? import(*line, context) : compile(*line, timing, context);
  // The Status of a failed pass repeats what the handler has printed.
  if (!status.isOk() && diagnostics.hasErrors())
    return exitOf(status.code());
  return report(status);
}
