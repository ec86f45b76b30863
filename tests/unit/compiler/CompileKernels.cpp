//===- CompileKernels.cpp - Kernels of a .mlir file to an ELF image -------===//
//
// lathe-compile-kernels IN.mlir OUT.so [LEVEL [OPT [DUMP_DIR]]]: for tests that
// load an image and call its kernels. One line a kernel goes to standard
// output: its name, its tiles as an affine map, its scratch in bytes.
//
//===----------------------------------------------------------------------===//

#include "compiler/targets/cpu/KernelCompiler.h"
#include "passes/lowering/Pipeline.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

int main(int argc, char **argv) {
  if (argc < 3) {
    llvm::errs() << "usage: lathe-compile-kernels IN.mlir OUT.so "
                    "[LEVEL [OPT [DUMP_DIR]]]\n";
    return 2;
  }
  const lathe::TargetLevel *level =
      argc > 3 ? lathe::findTargetLevel(argv[3]) : lathe::hostLevel();
  lathe::KernelCompileOptions options;
  if (argc > 4 && !llvm::to_integer(argv[4], options.optLevel))
    return 2;
  if (argc > 5)
    options.dumpDir = argv[5];
  options.useCache = false;
  if (!level) {
    llvm::errs() << "error: no such level\n";
    return 2;
  }

  mlir::DialectRegistry registry;
  lathe::registerKernelDialects(registry);
  mlir::MLIRContext context(registry);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceFile<mlir::ModuleOp>(argv[1], &context);
  if (!module)
    return 3;
  lathe::runtime::Result<lathe::KernelImage> image =
      lathe::compileKernels(*module, *level, options);
  if (!image.isOk()) {
    llvm::errs() << "error: " << image.status().message() << '\n';
    return 1;
  }
  std::error_code error;
  llvm::raw_fd_ostream(argv[2], error) << image->elf;
  for (const lathe::CompiledKernel &kernel : image->kernels)
    llvm::outs() << kernel.name << ' ' << kernel.tiles << ' '
                 << kernel.scratchBytes << '\n';
  return error ? 4 : 0;
}
