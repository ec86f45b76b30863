//===- lathe-opt.cpp - Runs any pass on any stage of the IR ---------------===//
//
// As mlir-opt, but for the check of its input: exit code 3 and one line where
// the text nests deeper than MLIR's parser bears, 1 where a pass fails.
//
//===----------------------------------------------------------------------===//

#include "compiler/Compiler.h"
#include "dialects/lathe/Lathe.h"
#include "dialects/rt/Rt.h"
#include "passes/Passes.h"
#include "passes/lowering/Pipeline.h"
#include "runtime/formats/DepthScan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using lathe::runtime::Status;

/// Runs what the command line asks for on \p input, a file or "-".
static int run(StringRef input, StringRef output, DialectRegistry &registry) {
  auto fail = [](const Twine &message, int code) {
    llvm::errs() << "error: " << message << "\n";
    return code;
  };
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> file = openInputFile(input, &message);
  if (!file)
    return fail(message, 3);
  // MLIR's parser recurses: text that nests too deep would end the process.
  std::string name = input == "-" ? "standard input" : input.str();
  Status status = lathe::runtime::scanMlirDepth(file->getBuffer(), name);
  if (!status.isOk())
    return fail(status.message(), 3);
  std::unique_ptr<llvm::ToolOutputFile> target =
      openOutputFile(output, &message);
  if (!target)
    return fail(message, 4);
  if (failed(MlirOptMain(target->os(), std::move(file), registry,
                         MlirOptMainConfig::createFromCLOptions())))
    return 1;
  target->keep();
  return 0;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  DialectRegistry registry;
  registry.insert<arith::ArithDialect, func::FuncDialect, LLVM::LLVMDialect,
                  math::MathDialect, memref::MemRefDialect, scf::SCFDialect,
                  tensor::TensorDialect, vector::VectorDialect,
                  lathe::LatheDialect, lathe::rt::RtDialect>();
  registerTransformsPasses();
  lathe::registerLathePasses();
  lathe::registerKernelPipeline();
  lathe::registerCompilerPipelines();
  auto [input, output] =
      registerAndParseCLIOptions(argc, argv, "lathe pass driver\n", registry);
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  // These read no input.
  if (config.shouldShowDialects() || config.shouldListPasses())
    return asMainReturnCode(MlirOptMain(argc, argv, input, output, registry));
  return run(input, output, registry);
}
