//===- CheckedSize.h - Sizes from files that cannot wrap --------*- C++ -*-===//
#ifndef LATHE_RUNTIME_FORMATS_CHECKEDSIZE_H
#define LATHE_RUNTIME_FORMATS_CHECKEDSIZE_H

#include <cstdint>
#include <optional>
#include <span>

namespace lathe::runtime {

/// An unsigned 64-bit size that remembers if any step of its computation
/// wrapped around. All size arithmetic on numbers from a file is done in it:
///
///     std::optional<uint64_t> end = (CheckedSize(offset) + size).value();
///
/// No member allocates or fails in another way.
class CheckedSize {
public:
  constexpr CheckedSize(uint64_t size) : size(size) {}

  /// The product of \p factors; 1 if there are none. A zero among factors whose
  /// partial product wraps does not make the product valid.
  static constexpr CheckedSize product(std::span<const int64_t> factors) {
    CheckedSize result(1);
    for (int64_t factor : factors) {
      if (factor < 0)
        result.wrapped = true;
      result = result * CheckedSize(static_cast<uint64_t>(factor));
    }
    return result;
  }

  constexpr CheckedSize operator+(CheckedSize other) const {
    CheckedSize result(0);
    result.wrapped = __builtin_add_overflow(size, other.size, &result.size) ||
                     wrapped || other.wrapped;
    return result;
  }

  constexpr CheckedSize operator-(CheckedSize other) const {
    CheckedSize result(0);
    result.wrapped = __builtin_sub_overflow(size, other.size, &result.size) ||
                     wrapped || other.wrapped;
    return result;
  }

  constexpr CheckedSize operator*(CheckedSize other) const {
    CheckedSize result(0);
    result.wrapped = __builtin_mul_overflow(size, other.size, &result.size) ||
                     wrapped || other.wrapped;
    return result;
  }

  /// The smallest multiple of \p alignment, a power of two, that is not below
  /// this size.
  constexpr CheckedSize alignedTo(uint64_t alignment) const {
    CheckedSize result = *this + CheckedSize(alignment - 1);
    result.size &= ~(alignment - 1);
    return result;
  }

  /// The size, or nothing if any step wrapped around.
  constexpr std::optional<uint64_t> value() const {
    if (wrapped)
      return std::nullopt;
    return size;
  }

  /// True if no step wrapped around and the size is at most \p limit.
  constexpr bool isAtMost(uint64_t limit) const {
    return !wrapped && size <= limit;
  }

private:
  uint64_t size;
  bool wrapped = false;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_CHECKEDSIZE_H
