//===- VectorMath.h - Functions of f32 numbers and vectors ------*- C++ -*-===//
//
// Kernels are freestanding and must give the same bits wherever they run, so no
// function in them may become a call of libm or a reciprocal approximation.
// These builders write the functions out as arith ops and fma on f32, a number
// or a vector of any width, without fast-math flags. Each lane is computed by
// itself, by the same operations at every width.
//
// Errors are in units of the last place, measured over the floats by
// tests/reference/check_vector_math.py.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_VECTORMATH_H
#define LATHE_PASSES_LOWERING_VECTORMATH_H

#include "dialects/lathe/Lathe.h"

#include "mlir/IR/Builders.h"

namespace lathe {

/// Builds a constant of \p type, f32 or a vector of it.
mlir::Value buildFloat(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::Type type, float value);

/// Builds fma(\p a, \p b, \p c) of numbers or vectors: one rounding.
mlir::Value buildFma(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value a, mlir::Value b, mlir::Value c);

/// Builds exp(\p x) to 2 ulp, with inf, 0, subnormals and NaN as they should
/// be.
mlir::Value buildExpF32(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value x);

/// Builds exp(\p x) for \p x <= 0, as a softmax needs it: cheaper, and 0
/// below -87. exp(0) is 1.
mlir::Value buildExpNonPositive(mlir::OpBuilder &builder, mlir::Location loc,
                                mlir::Value x);

/// \p sum, f32 lanes, and the products of the pairs of bf16 in the i32 lanes of
/// \p a and \p b: first those of the odd terms, then those of the even ones,
/// each rounded. An instruction of AVX-512 BF16.
mlir::Value buildPairDot(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value a, mlir::Value b, mlir::Value sum);

/// 2^x for x <= 1, to 1 ulp; 0 for x < -125.
mlir::Value buildExp2F32(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value x);

/// Builds tanh(\p x) to 2 ulp.
mlir::Value buildTanhF32(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value x);

/// Builds sqrt(\p x), correctly rounded. 1 / sqrt is its exact quotient.
mlir::Value buildSqrtF32(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value x);

/// Functions that only the modules of users ask for are computed in float64, by
/// MathExpansion, and rounded once: to 0.51 ulp. sin and cos are NaN past
/// kLargestAngle.
mlir::Value buildErfF32(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value x);
mlir::Value buildLogF32(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value x);
mlir::Value buildSinF32(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value x);
mlir::Value buildCosF32(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value x);
mlir::Value buildPowF32(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value x, mlir::Value y);

/// Builds \p kind of \p x to 2 ulp; a negative tail below 2^-120 may be 0. With
/// \p isRounded to what `rounded` of ActivationOp allows.
mlir::Value buildActivation(mlir::OpBuilder &builder, mlir::Location loc,
                            ActivationKind kind, mlir::Value x,
                            bool isRounded = false);

/// Builds cap * tanh(\p x / \p cap) to 4 ulp; where \p x is
/// subnormal, to cap / 2 of the smallest number.
mlir::Value buildSoftcap(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value x, float cap);

/// Builds the sum of the 16 lanes of \p lanes by the fixed tree of
/// docs/design.md, 8.3: (l, l+8), (l, l+4), (l, l+2), (l, l+1).
mlir::Value buildLaneSum(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value lanes);

/// Builds the maximum of the lanes of \p lanes, a power of two of them, by the
/// same tree.
mlir::Value buildLaneMax(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value lanes);

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_VECTORMATH_H
