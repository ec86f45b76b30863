//===- ImportTool.cpp - Prints the module of a checkpoint directory -------===//
//
// What the lit tests of frontend/ run: lathe-import-test MODEL [CONTEXT
// [CACHE_TYPE]] prints the imported module on standard output and notes on
// standard error. MODEL is a checkpoint directory or a .gguf file, a CONTEXT of
// 0 the model's own.
//
//===----------------------------------------------------------------------===//

#include "frontend/Import.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <string>

using namespace lathe;

static runtime::Result<mlir::OwningOpRef<mlir::ModuleOp>>
importModel(mlir::MLIRContext &context, const std::string &path,
            const ImportOptions &options) {
  if (!path.ends_with(".gguf"))
    return importCheckpoint(context, path, options);
  auto file = runtime::Gguf::open(path);
  if (!file.isOk())
    return file.takeStatus();
  return importGguf(context, *file, "model.gguf", options);
}

int main(int argc, char **argv) {
  if (argc < 2 || argc > 4) {
    llvm::errs() << "usage: lathe-import-test MODEL [CONTEXT [CACHE_TYPE]]\n";
    return 2;
  }
  std::vector<std::string> notes;
  ImportOptions options;
  options.notes = &notes;
  if (int64_t length = argc > 2 ? std::strtoll(argv[2], nullptr, 10) : 0)
    options.context = length;
  if (argc > 3)
    options.cacheType = argv[3];
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto module = importModel(context, argv[1], options);
  if (!module.isOk()) {
    llvm::errs() << "error: " << module.status().message() << "\n";
    bool invalid = module.status().code() == runtime::StatusCode::InvalidFile;
    return invalid ? 3 : 1;
  }
  for (const std::string &note : notes)
    llvm::errs() << "note: " << note << "\n";
  (*module)->print(llvm::outs());
  llvm::outs() << "\n";
  return 0;
}
