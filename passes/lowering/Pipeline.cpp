//===- Pipeline.cpp - From one kernel on tensors to LLVM ------------------===//
//
// Each lowering takes the kernels whose root is its own and leaves the others
// alone, so their order does not matter. A kernel that none of them took is
// found by lathe-verify-lowered.
//
//===----------------------------------------------------------------------===//

#include "passes/lowering/Pipeline.h"

#include "passes/Passes.h"

#include "dialects/lathe/Lathe.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace lathe {

void buildKernelLowering(OpPassManager &pm, StringRef level, int optLevel) {
  if (optLevel > 0) {
    pm.addPass(createAssignSchedules({/*level=*/level.str()}));
    pm.addNestedPass<func::FuncOp>(createLowerContraction());
    pm.addPass(createLowerRows());
    pm.addPass(createLowerAttention());
  } else {
    pm.addPass(createLowerToLoops());
  }
  pm.addNestedPass<func::FuncOp>(createVerifyLowered());
}

void buildLlvmLowering(OpPassManager &pm) {
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createUBToLLVMConversionPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

void buildKernelPipeline(OpPassManager &pm, StringRef level, int optLevel) {
  buildKernelLowering(pm, level, optLevel);
  buildLlvmLowering(pm);
}

void registerKernelDialects(DialectRegistry &registry) {
  registry.insert<LatheDialect, arith::ArithDialect, cf::ControlFlowDialect,
                  func::FuncDialect, LLVM::LLVMDialect, math::MathDialect,
                  memref::MemRefDialect, scf::SCFDialect, tensor::TensorDialect,
                  ub::UBDialect, vector::VectorDialect>();
}

namespace {
struct KernelPipelineOptions : PassPipelineOptions<KernelPipelineOptions> {
  Option<std::string> level{*this, "level",
                            llvm::cl::desc("level of the schedule table"),
                            llvm::cl::init("x86-64-v4")};
  Option<int> opt{*this, "opt",
                  llvm::cl::desc("0: the slow twin; 3: the fast kernels"),
                  llvm::cl::init(3)};
};
} // namespace

void registerKernelPipeline() {
  PassPipelineRegistration<KernelPipelineOptions>(
      "lathe-kernel-pipeline", "Lower kernels on tensors to the llvm dialect",
      [](OpPassManager &pm, const KernelPipelineOptions &options) {
        buildKernelPipeline(pm, options.level, options.opt);
      });
}

} // namespace lathe
