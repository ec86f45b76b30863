//===- lathe-opt.cpp - Runs any pass on any stage of the IR ---------------===//

#include "compiler/Compiler.h"
#include "dialects/lathe/Lathe.h"
#include "dialects/rt/Rt.h"
#include "passes/Passes.h"
#include "passes/lowering/Pipeline.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<mlir::arith::ArithDialect, mlir::func::FuncDialect,
                  mlir::LLVM::LLVMDialect, mlir::math::MathDialect,
                  mlir::memref::MemRefDialect, mlir::scf::SCFDialect,
                  mlir::tensor::TensorDialect, mlir::vector::VectorDialect,
                  lathe::LatheDialect, lathe::rt::RtDialect>();
  mlir::registerTransformsPasses();
  lathe::registerLathePasses();
  lathe::registerKernelPipeline();
  lathe::registerCompilerPipelines();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "lathe pass driver\n", registry));
}
