//===- Expression.cpp - Sizes as functions of the symbols -----------------===//

#include "runtime/Expression.h"

#include "runtime/schema/artifact_generated.h"

#include <algorithm>
#include <array>
#include <optional>

using namespace lathe::runtime;

static Status invalid(std::string message) {
  return Status::error(StatusCode::InvalidFile, std::move(message));
}

/// Quotient towards minus infinity; \p divisor is above 0.
static int64_t divideDown(int64_t value, int64_t divisor) {
  int64_t quotient = value / divisor;
  return quotient - (value % divisor < 0);
}

/// Quotient towards plus infinity; \p divisor is above 0.
static int64_t divideUp(int64_t value, int64_t divisor) {
  int64_t quotient = value / divisor;
  return quotient + (value % divisor > 0);
}

/// The value of an operation, or nothing where it overflows or is undefined.
static std::optional<int64_t> apply(Opcode opcode, int64_t lhs, int64_t rhs) {
  int64_t result = 0;
  switch (opcode) {
  case Opcode::Add:
    if (__builtin_add_overflow(lhs, rhs, &result))
      return std::nullopt;
    return result;
  case Opcode::Multiply:
    if (__builtin_mul_overflow(lhs, rhs, &result))
      return std::nullopt;
    return result;
  case Opcode::DivideUp:
    if (rhs <= 0)
      return std::nullopt;
    return divideUp(lhs, rhs);
  case Opcode::DivideDown:
    if (rhs <= 0)
      return std::nullopt;
    return divideDown(lhs, rhs);
  case Opcode::Remainder:
    if (rhs <= 0 || lhs < 0)
      return std::nullopt;
    return lhs % rhs;
  case Opcode::Smaller:
    return std::min(lhs, rhs);
  case Opcode::Larger:
    return std::max(lhs, rhs);
  default:
    return std::nullopt;
  }
}

/// All values that an operation can have, or nothing where one is undefined.
static std::optional<Interval> applyToIntervals(Opcode opcode, Interval lhs,
                                                Interval rhs) {
  bool isDivision = opcode == Opcode::DivideUp ||
                    opcode == Opcode::DivideDown || opcode == Opcode::Remainder;
  // The corners alone do not show a divisor of 0 between -1 and 1.
  if (isDivision && rhs.minimum <= 0)
    return std::nullopt;
  // A remainder is not monotonic: its corners bound nothing.
  if (opcode == Opcode::Remainder &&
      (lhs.minimum != lhs.maximum || rhs.minimum != rhs.maximum)) {
    if (lhs.minimum < 0)
      return std::nullopt;
    return Interval{0, std::min(lhs.maximum, rhs.maximum - 1)};
  }

  // Every other operation is monotonic in each operand while the other one is
  // fixed, so its extremes are at corners.
  std::optional<Interval> bounds;
  for (int64_t left : {lhs.minimum, lhs.maximum})
    for (int64_t right : {rhs.minimum, rhs.maximum}) {
      std::optional<int64_t> value = apply(opcode, left, right);
      if (!value)
        return std::nullopt;
      if (!bounds)
        bounds = Interval{*value, *value};
      bounds->minimum = std::min(bounds->minimum, *value);
      bounds->maximum = std::max(bounds->maximum, *value);
    }
  return bounds;
}

Result<Interval>
lathe::runtime::boundExpression(const artifact::Expression &expression,
                                std::span<const Interval> symbols) {
  const flatbuffers::Vector<int64_t> &code = *expression.code();
  // The FlatBuffers verifier looks at the alignment of a list's length only.
  if (reinterpret_cast<uintptr_t>(code.Data()) % alignof(int64_t) != 0)
    return invalid("an expression is not aligned");
  if (code.size() % 2 != 0 || code.size() == 0 ||
      code.size() > 2 * kMaxExpressionPairs)
    return invalid("an expression has " + std::to_string(code.size()) +
                   " numbers, expected pairs, 1 to " +
                   std::to_string(kMaxExpressionPairs));

  std::array<Interval, kMaxExpressionStack> stack;
  size_t depth = 0;
  for (flatbuffers::uoffset_t i = 0; i < code.size(); i += 2) {
    int64_t value = code.Get(i + 1);
    Opcode opcode = static_cast<Opcode>(code.Get(i));
    if (opcode == Opcode::PushValue || opcode == Opcode::PushSymbol) {
      if (depth == stack.size())
        return invalid("an expression needs a stack of more than " +
                       std::to_string(stack.size()) + " values");
      if (opcode == Opcode::PushValue) {
        stack[depth++] = {value, value};
        continue;
      }
      if (value < 0 || static_cast<uint64_t>(value) >= symbols.size())
        return invalid("an expression names symbol " + std::to_string(value) +
                       " of " + std::to_string(symbols.size()));
      stack[depth++] = symbols[static_cast<size_t>(value)];
      continue;
    }
    if (code.Get(i) < 0 || opcode > Opcode::Larger || value != 0 || depth < 2)
      return invalid("an expression has the operation " +
                     std::to_string(code.Get(i)) + " of value " +
                     std::to_string(value) + " on a stack of " +
                     std::to_string(depth));
    std::optional<Interval> result =
        applyToIntervals(opcode, stack[depth - 2], stack[depth - 1]);
    if (!result)
      return invalid("an expression can overflow or divide by 0 or less");
    --depth;
    stack[depth - 1] = *result;
  }
  if (depth != 1)
    return invalid("an expression leaves " + std::to_string(depth) +
                   " values, expected 1");
  return stack[0];
}

int64_t
lathe::runtime::evaluateExpression(const artifact::Expression &expression,
                                   std::span<const int64_t> symbols) {
  const flatbuffers::Vector<int64_t> &code = *expression.code();
  std::array<int64_t, kMaxExpressionStack> stack = {};
  size_t depth = 0;
  for (flatbuffers::uoffset_t i = 0; i < code.size(); i += 2) {
    int64_t value = code.Get(i + 1);
    Opcode opcode = static_cast<Opcode>(code.Get(i));
    if (opcode == Opcode::PushValue) {
      stack[depth++] = value;
      continue;
    }
    if (opcode == Opcode::PushSymbol) {
      stack[depth++] = symbols[static_cast<size_t>(value)];
      continue;
    }
    --depth;
    // boundExpression showed that there is a value, so the 0 is never taken.
    stack[depth - 1] =
        apply(opcode, stack[depth - 1], stack[depth]).value_or(0);
  }
  return stack[0];
}

int64_t
lathe::runtime::symbolOfExpression(const artifact::Expression &expression) {
  const flatbuffers::Vector<int64_t> &code = *expression.code();
  if (code.size() != 2 ||
      code.Get(0) != static_cast<int64_t>(Opcode::PushSymbol))
    return -1;
  return code.Get(1);
}
