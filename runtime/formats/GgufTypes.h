//===- GgufTypes.h - Kinds of values and tensors in GGUF files --*- C++ -*-===//
#ifndef LATHE_RUNTIME_FORMATS_GGUFTYPES_H
#define LATHE_RUNTIME_FORMATS_GGUFTYPES_H

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lathe::runtime {

/// What a value of the metadata is; the numbers are those of the file.
enum class GgufKind : uint32_t {
  U8 = 0,
  I8 = 1,
  U16 = 2,
  I16 = 3,
  U32 = 4,
  I32 = 5,
  F32 = 6,
  Bool = 7,
  String = 8,
  Array = 9,
  U64 = 10,
  I64 = 11,
  F64 = 12,
};

/// What the elements of a tensor are; the numbers are those of the file. The
/// retired ones (4, 5, 31 to 33, 36 to 38) and those of activations only (9,
/// 15) are not here.
enum class GgmlType : uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  IQ2_XXS = 16,
  IQ2_XS = 17,
  IQ3_XXS = 18,
  IQ1_S = 19,
  IQ4_NL = 20,
  IQ3_S = 21,
  IQ2_S = 22,
  IQ4_XS = 23,
  I8 = 24,
  I16 = 25,
  I32 = 26,
  I64 = 27,
  F64 = 28,
  IQ1_M = 29,
  BF16 = 30,
  TQ1_0 = 34,
  TQ2_0 = 35,
  MXFP4 = 39,
};

/// How a tensor of some type lies in memory: blocks of consecutive elements of
/// one row, each of so many bytes.
struct GgmlTypeInfo {
  GgmlType type;
  std::string_view name; ///< Such as "Q4_K".
  uint32_t blockElements;
  uint32_t blockBytes;
};

/// All types, by their numbers.
std::span<const GgmlTypeInfo> ggmlTypes();

/// The row of \p type, or null where the number is not in the enumeration.
const GgmlTypeInfo *findGgmlType(GgmlType type);

/// "u32", "string", …; "unknown" for a number that is not in the enumeration.
std::string_view ggufKindName(GgufKind kind);

/// Bytes of one value of \p kind; 0 where that depends on the value (strings,
/// arrays) or for a number that is not in the enumeration.
uint64_t ggufKindBytes(GgufKind kind);

/// \p name as messages show it: at most its first 100 bytes.
std::string ggufShownName(std::string_view name);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_GGUFTYPES_H
