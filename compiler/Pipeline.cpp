//===- Pipeline.cpp - The passes of the compiler, in order ----------------===//
//
//     import -> graph -> kernels -> plan -> (machine code) -> rt -> (file)
//
// What happens to one kernel on its way to machine code is in
// passes/lowering/Pipeline.cpp; what is in brackets, in Compiler.cpp.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pipeline.h"

#include "compiler/Compiler.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace lathe;

static void verifyStage(OpPassManager &pm, StringRef stage) {
  VerifyStageOptions options;
  options.stage = stage;
  pm.addPass(createVerifyStage(options));
}

void lathe::buildImportPasses(OpPassManager &pm) {
  verifyStage(pm, "import");
  pm.addPass(createVerifyEntries());
  pm.addPass(createNameValues());
}

void lathe::buildGraphPasses(OpPassManager &pm, int optLevel,
                             const Precision &precision) {
  if (precision.weights == "q8" || precision.weights == "q4") {
    QuantizeWeightsOptions options;
    options.bits = precision.weights == "q8" ? 8 : 4;
    pm.addPass(createQuantizeWeights(options));
  } else if (!precision.weights.empty()) {
    ConvertWeightsOptions options;
    options.element = precision.weights;
    options.tables = options.pooled = precision.convertsAll;
    pm.addPass(createConvertWeights(options));
  }
  if (precision.activations == "bf16")
    pm.addPass(createNarrowActivations());
  if (precision.activations == "q8") {
    QuantizeActivationsOptions options;
    options.stored = optLevel > 0;
    pm.addPass(createQuantizeActivations(options));
  }
  if (optLevel > 0) {
    pm.addNestedPass<func::FuncOp>(createRelaxActivations());
    pm.addPass(createCSEPass());
    pm.addPass(createMergeProjections());
  }
  if (precision.narrowsAttention)
    pm.addNestedPass<func::FuncOp>(createNarrowAttention());
  if (optLevel > 0) {
    pm.addPass(createFuseResidualNorm());
    pm.addPass(createSplitArgmax());
    pm.addPass(createPackWeights());
  }
  verifyStage(pm, "graph");
}

void lathe::buildKernelPasses(OpPassManager &pm, int optLevel) {
  FormKernelsOptions options;
  options.fuse = optLevel > 0;
  pm.addPass(createFormKernels(options));
  if (optLevel > 0)
    pm.addPass(createFormVariants());
  verifyStage(pm, "kernels");
}

void lathe::buildPlanPasses(OpPassManager &pm) {
  pm.addPass(createConvertToRt());
  pm.addPass(createPlanMemory());
  verifyStage(pm, "plan");
}

void lathe::buildRtPasses(OpPassManager &pm) { verifyStage(pm, "rt"); }

namespace {
struct InferenceOptions : PassPipelineOptions<InferenceOptions> {
  Option<int> optLevel{
      *this, "opt", llvm::cl::init(3),
      llvm::cl::desc("0 for mandatory passes only, 1 to 3 for all")};
};
} // namespace

void lathe::registerCompilerPipelines() {
  static PassPipelineRegistration<InferenceOptions> inference(
      "lathe-inference", "From an imported module to launches of kernels",
      [](OpPassManager &pm, const InferenceOptions &options) {
        buildImportPasses(pm);
        buildGraphPasses(pm, options.optLevel);
        buildKernelPasses(pm, options.optLevel);
      });
  static PassPipelineRegistration<> plan(
      "lathe-plan", "From launches of kernels to the rt dialect",
      [](OpPassManager &pm) { buildPlanPasses(pm); });
}
