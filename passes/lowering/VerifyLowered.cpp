//===- VerifyLowered.cpp - No kernel is left on tensors -------------------===//

#include "passes/Passes.h"

#include "passes/lowering/KernelAbi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_VERIFYLOWERED
#include "passes/Passes.h.inc"

namespace {
struct VerifyLowered : impl::VerifyLoweredBase<VerifyLowered> {
  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!isUnloweredKernel(kernel))
      return;
    InFlightDiagnostic error = kernel.emitError("expects a kernel that a "
                                                "lowering knows, got one of");
    for (Operation &op : kernel.getBody().front().without_terminator())
      error << " " << op.getName();
    signalPassFailure();
  }
};
} // namespace
} // namespace lathe
