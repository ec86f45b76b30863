//===- Expression.h - Sizes as functions of the symbols ---------*- C++ -*-===//
//
// The artifact gives every size as a small program in reverse Polish notation
// (table Expression of the schema). Here it is checked, evaluated, and bounded:
// an interval evaluation says at load how large a size can get, so that the run
// loop needs no checks.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_EXPRESSION_H
#define LATHE_RUNTIME_EXPRESSION_H

#include "runtime/Status.h"

#include <cstdint>
#include <span>

namespace lathe::artifact {
struct Expression;
} // namespace lathe::artifact

namespace lathe::runtime {

/// The opcodes of Expression.code, as the schema numbers them.
enum class Opcode : int64_t {
  PushValue = 0,
  PushSymbol = 1,
  Add = 2,
  Multiply = 3,
  DivideUp = 4,
  DivideDown = 5,
  Remainder = 6,
  Smaller = 7,
  Larger = 8,
};

/// The values that a size or symbol can have, both ends included.
struct Interval {
  int64_t minimum = 0;
  int64_t maximum = 0;
};

/// Most (opcode, value) pairs of an expression, and values on its stack.
inline constexpr size_t kMaxExpressionPairs = 64;
inline constexpr size_t kMaxExpressionStack = 16;

/// Bounds of \p expression while each symbol stays in its interval. Holds for
/// every choice of symbol values; exact where each symbol occurs once.
/// Fails with InvalidFile: code that is malformed, names no symbol of
/// \p symbols, or can overflow or divide by 0 or less in these intervals.
Result<Interval> boundExpression(const artifact::Expression &expression,
                                 std::span<const Interval> symbols);

/// The value of \p expression, which boundExpression accepted for intervals
/// that hold \p symbols. Allocates nothing.
int64_t evaluateExpression(const artifact::Expression &expression,
                           std::span<const int64_t> symbols);

/// The symbol that \p expression is, or -1 if it is anything else.
int64_t symbolOfExpression(const artifact::Expression &expression);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_EXPRESSION_H
