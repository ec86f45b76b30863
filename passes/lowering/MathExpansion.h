//===- MathExpansion.h - Functions of float64 -------------------*- C++ -*-===//
//
// Kernels are freestanding: nothing in them may become a call of libm. These
// builders write the functions out as arith ops on f64, a number or a vector of
// any width; each lane is computed by itself.
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

/// Builds erf(\p x) to 1e-15 relative.
mlir::Value buildErf(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);

/// Builds the natural logarithm of \p x to 1e-15 relative: -inf at 0, NaN
/// below.
mlir::Value buildLog(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);

/// Radians up to which buildSin() and buildCos() give numbers. A larger angle
/// gives NaN: it would need more digits of pi.
inline constexpr double kLargestAngle = 1 << 24;

/// Builds sin(\p x) and cos(\p x) to 1e-15 relative for numbers \p x of
/// float32 with |\p x| <= kLargestAngle.
mlir::Value buildSin(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);
mlir::Value buildCos(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x);

/// Builds \p x to the power of \p y with the special cases of C's pow. The
/// relative error is 2e-16 * (2 + |\p y * log \p x|): 3e-14 wherever the
/// result is a number of float32.
mlir::Value buildPow(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value x, mlir::Value y);

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_MATHEXPANSION_H
