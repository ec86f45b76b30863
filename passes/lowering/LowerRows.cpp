//===- LowerRows.cpp - Row kernels to machine terms -----------------------===//

#include "passes/Passes.h"
#include "passes/lowering/RowBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_LOWERROWS
#include "passes/Passes.h.inc"

namespace {

/// Tokens of one tile where no schedule says how many: small enough to share a
/// short input among threads, large enough to be worth handing out.
constexpr int64_t kDefaultRowBlock = 16;

void lowerRowKernel(func::FuncOp kernel) {
  int64_t block = kDefaultRowBlock;
  if (auto schedule = kernel->getAttrOfType<ScheduleAttr>(kScheduleAttr))
    block = schedule.getRowBlock();

  KernelFrame frame = KernelFrame::open(kernel);
  RowBuilder rows(frame);
  RankedTensorType type = rows.tokenType();
  KernelCode code{frame.builder(), kernel.getLoc()};
  Value count = frame.size(type, 0);
  Value first = code.mul(frame.begin(), block);
  Value last = code.min(code.mul(frame.end(), block), count);
  code.loop(first, last, 1, [&](Value token) { rows.emitToken(token); });
  frame.close(frame.sizeExpr(type, 0).ceilDiv(block), rows.scratchBytes());
}

struct LowerRows : impl::LowerRowsBase<LowerRows> {
  void runOnOperation() override {
    for (auto kernel : getOperation().getOps<func::FuncOp>()) {
      if (!isUnloweredKernel(kernel) || !isRowKernel(kernel))
        continue;
      if (failed(checkRowKernel(kernel)))
        return signalPassFailure();
      lowerRowKernel(kernel);
    }
  }
};

} // namespace
} // namespace lathe
