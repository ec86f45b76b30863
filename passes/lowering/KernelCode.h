//===- KernelCode.h - Shorthand for writing kernel bodies -------*- C++ -*-===//
//
// A kernel body is mostly index arithmetic, loops and vectors of 16 floats.
// This gives each a short name, so that a lowering reads like the loop that it
// writes.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_KERNELCODE_H
#define LATHE_PASSES_LOWERING_KERNELCODE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace lathe {

/// Lanes of every vector of a row or attention kernel, whatever the target: the
/// order of sums is that of 16 lanes (docs/design.md, 8.3), and LLVM splits the
/// vectors where they are too wide.
inline constexpr int64_t kLanes = 16;

/// Writes code at the place of a builder. Indices and sizes are i64.
struct KernelCode {
  mlir::OpBuilder &builder;
  mlir::Location loc;

  mlir::Type i64() const { return builder.getI64Type(); }
  mlir::Type f32() const { return builder.getF32Type(); }
  /// vector<16 x \p element>.
  mlir::VectorType lanes(mlir::Type element) const {
    return mlir::VectorType::get(kLanes, element);
  }

  // Index arithmetic. A constant 0 or 1 that changes nothing writes nothing.
  mlir::Value index(int64_t value) const;
  mlir::Value add(mlir::Value a, mlir::Value b) const;
  mlir::Value add(mlir::Value a, int64_t b) const;
  mlir::Value sub(mlir::Value a, mlir::Value b) const;
  mlir::Value mul(mlir::Value a, mlir::Value b) const;
  mlir::Value mul(mlir::Value a, int64_t b) const;
  /// Quotient and remainder of numbers that are not negative.
  mlir::Value div(mlir::Value a, int64_t b) const;
  mlir::Value rem(mlir::Value a, int64_t b) const;
  mlir::Value min(mlir::Value a, mlir::Value b) const;
  mlir::Value max(mlir::Value a, mlir::Value b) const;
  mlir::Value less(mlir::Value a, mlir::Value b) const; ///< Signed.
  mlir::Value both(mlir::Value a, mlir::Value b) const; ///< Of i1.
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b) const;

  // Numbers and vectors of f32.
  mlir::Value splat(float value) const; ///< A vector of 16.
  mlir::Value broadcast(mlir::Value scalar) const;
  mlir::Value addf(mlir::Value a, mlir::Value b) const;
  mlir::Value subf(mlir::Value a, mlir::Value b) const;
  mlir::Value mulf(mlir::Value a, mlir::Value b) const;
  mlir::Value divf(mlir::Value a, mlir::Value b) const;
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c) const;
  /// b where a < b, else a: a NaN in b gives a.
  mlir::Value maxf(mlir::Value a, mlir::Value b) const;
  /// The lanes below \p count of \p vector, \p other in the rest.
  mlir::Value keepLanes(mlir::Value vector, int64_t count, float other) const;

  /// Element \p index of the i32 array \p base, as i64.
  mlir::Value loadIndex(mlir::Value base, mlir::Value index) const;
  /// One number of type \p element at \p base[index], widened to f32.
  mlir::Value loadNumber(mlir::Value base, mlir::Type element,
                         mlir::Value index) const;
  /// 16 numbers of type \p element from \p base[index] on, widened to f32;
  /// integers as they are. May read up to 64 bytes past a buffer's end.
  mlir::Value loadLanes(mlir::Value base, mlir::Type element,
                        mlir::Value index) const;
  /// Stores the first \p count lanes of \p vector, rounded to \p element, to
  /// \p base[index] on, and no byte more.
  void storeLanes(mlir::Value vector, mlir::Value base, mlir::Type element,
                  mlir::Value index, int64_t count) const;
  /// f32, a number or a vector, rounded to \p element, ties to even.
  mlir::Value narrow(mlir::Value value, mlir::Type element) const;

  /// Asks for the line of memory at \p pointer, which need not be anybody's.
  void prefetch(mlir::Value pointer, bool isForWriting) const;

  /// for (i = \p begin; i < \p end; i += \p step) \p body(i)
  void loop(mlir::Value begin, mlir::Value end, int64_t step,
            llvm::function_ref<void(mlir::Value)> body) const;

  using Values = llvm::SmallVector<mlir::Value>;
  /// The same with values carried from round to round. Returns the last ones.
  Values
  loop(mlir::Value begin, mlir::Value end, int64_t step,
       mlir::ValueRange carried,
       llvm::function_ref<Values(mlir::Value, mlir::ValueRange)> body) const;

  /// if (\p condition) \p body()
  void when(mlir::Value condition, llvm::function_ref<void()> body) const;

  /// The first of the ascending i32 numbers \p array[0 .. \p count) that is not
  /// below \p target, by binary search; \p count if there is none.
  mlir::Value lowerBound(mlir::Value array, mlir::Value count,
                         mlir::Value target) const;
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_KERNELCODE_H
