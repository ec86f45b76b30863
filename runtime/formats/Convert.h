//===- Convert.h - Between f32 and its 16-bit forms -------------*- C++ -*-===//
//
// Formula: IEEE 754-2019, roundTiesToEven. A NaN stays a NaN with its sign and
// the high bits of its payload, and widening then narrowing gives every 16-bit
// code back, signalling ones too. All functions are pure.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_FORMATS_CONVERT_H
#define LATHE_RUNTIME_FORMATS_CONVERT_H

#include "runtime/formats/ElementType.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lathe::runtime {

/// The value of an IEEE binary16 code; exact.
constexpr float halfToFloat(uint16_t code) {
  uint32_t sign = static_cast<uint32_t>(code & 0x8000) << 16;
  uint32_t magnitude = code & 0x7FFF;
  if (magnitude >= 0x7C00) // Infinity or NaN.
    return std::bit_cast<float>(sign | 0x7F800000 |
                                ((magnitude & 0x3FF) << 13));
  if (magnitude >= 0x0400) // Normal: the exponent's bias goes from 15 to 127.
    return std::bit_cast<float>(sign | ((magnitude << 13) + (112u << 23)));
  // Subnormal or zero: a multiple of 2^-24, which f32 holds exactly.
  float value = static_cast<float>(magnitude) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(value));
}

/// The nearest binary16 code of \p value, ties to even; infinity from 65,520.
constexpr uint16_t floatToHalf(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) {
    // A payload that lies in the low bits only must not become infinity.
    uint32_t payload = (magnitude >> 13) & 0x3FF;
    return static_cast<uint16_t>(sign | 0x7C00 | (payload ? payload : 0x200));
  }
  if (magnitude >= 0x477FF000) // 65,520: half-way past the largest.
    return static_cast<uint16_t>(sign | 0x7C00);
  if (magnitude >= 0x38800000) { // 2^-14, the least normal one.
    uint32_t rebiased = magnitude - (112u << 23);
    uint32_t rounded = rebiased + 0xFFF + ((rebiased >> 13) & 1);
    return static_cast<uint16_t>(sign | (rounded >> 13));
  }
  // Adding 0.5 leaves the multiple of 2^-24 in the low bits, and rounds it.
  float shifted = std::bit_cast<float>(magnitude) + 0.5f;
  return static_cast<uint16_t>(sign |
                               (std::bit_cast<uint32_t>(shifted) - 0x3F000000));
}

/// The value of a bfloat16 code; exact.
constexpr float bfloatToFloat(uint16_t code) {
  return std::bit_cast<float>(static_cast<uint32_t>(code) << 16);
}

/// The nearest bfloat16 code of \p value, ties to even.
constexpr uint16_t floatToBfloat(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint16_t high = static_cast<uint16_t>(bits >> 16);
  if ((bits & 0x7FFFFFFF) > 0x7F800000)
    // A payload that lies in the low bits only must not become infinity.
    return (high & 0x7F) ? high : static_cast<uint16_t>(high | 0x40);
  // At most 0x7F800000 + 0x8000: cannot wrap.
  return static_cast<uint16_t>((bits + 0x7FFF + (high & 1)) >> 16);
}

/// Converts element by element; both spans have the same size.
void halfToFloat(std::span<const uint16_t> codes, std::span<float> values);
void floatToHalf(std::span<const float> values, std::span<uint16_t> codes);
void bfloatToFloat(std::span<const uint16_t> codes, std::span<float> values);
void floatToBfloat(std::span<const float> values, std::span<uint16_t> codes);

/// Fills \p values from \p bytes, at any alignment, elements of \p type: F32,
/// F16, BF16, or F64 (rounded to nearest). False, with nothing done, for other
/// types or if \p bytes does not hold exactly as many elements.
[[nodiscard]] bool readFloats(ElementType type,
                              std::span<const std::byte> bytes,
                              std::span<float> values);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_CONVERT_H
