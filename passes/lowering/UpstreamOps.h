//===- UpstreamOps.h - Elementwise ops of other dialects --------*- C++ -*-===//
//
// What arith and math offer for tensors is no op of ours: users' modules hold
// it as it is. Each lowering computes the same set, listed here.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_UPSTREAMOPS_H
#define LATHE_PASSES_LOWERING_UPSTREAMOPS_H

#include "mlir/IR/Builders.h"

namespace lathe {

/// True if every lowering computes element i of the result of \p op from
/// elements i of its operands: ops of arith and math on tensors of floats,
/// arith.cmpf, arith.select by what an arith.cmpf gives, and arith.sitofp from
/// i32. False for an op on scalars.
bool isUpstreamElementwise(mlir::Operation *op);

/// Builds what \p op computes from \p operands: f32 numbers or vectors of one
/// width, i1 for the condition of a select and i32 for arith.sitofp. Gives f32,
/// or i1 for arith.cmpf. The caller rounds to the type of the result. Only for
/// ops that isUpstreamElementwise() accepts. Errors: VectorMath.h; what stands
/// in one instruction is rounded correctly.
mlir::Value buildUpstreamF32(mlir::OpBuilder &builder, mlir::Location loc,
                             mlir::Operation *op,
                             llvm::ArrayRef<mlir::Value> operands);

/// The same in f64 for one number, as the slow twin has it; integers are i64.
mlir::Value buildUpstreamF64(mlir::OpBuilder &builder, mlir::Location loc,
                             mlir::Operation *op,
                             llvm::ArrayRef<mlir::Value> operands);

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_UPSTREAMOPS_H
