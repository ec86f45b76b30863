//===- MathExpansion.h - Functions of one float64 number --------*- C++ -*-===//
//
// Kernels are freestanding: nothing in them may become a call of libm. These
// builders write the functions out as arith ops on scalars of type f64.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_MATHEXPANSION_H
#define LATHE_PASSES_LOWERING_MATHEXPANSION_H

#include "mlir/IR/Builders.h"

namespace lathe {

/// Builds exp(\p x) to 2 ulp, the limits of float64 and NaN included.
mlir::Value buildExp(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);

/// Builds tanh(\p x) to 1e-15 relative.
mlir::Value buildTanh(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Value x);

/// Builds erfc(\p x) = 1 - erf(x) to 1e-14 relative for |x| < 6, and to 1e-12
/// in the tail beyond. Source: Shepherd and Laframboise, "Chebyshev
/// approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < inf" (1981).
mlir::Value buildErfc(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Value x);

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_MATHEXPANSION_H
