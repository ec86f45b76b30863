//===- GgufTypes.cpp - Kinds of values and tensors in GGUF files ----------===//

#include "runtime/formats/GgufTypes.h"

#include <algorithm>
#include <iterator>

using namespace lathe::runtime;

static constexpr GgmlTypeInfo kTypes[] = {
    {GgmlType::F32, "F32", 1, 4},
    {GgmlType::F16, "F16", 1, 2},
    {GgmlType::Q4_0, "Q4_0", 32, 18},
    {GgmlType::Q4_1, "Q4_1", 32, 20},
    {GgmlType::Q5_0, "Q5_0", 32, 22},
    {GgmlType::Q5_1, "Q5_1", 32, 24},
    {GgmlType::Q8_0, "Q8_0", 32, 34},
    {GgmlType::Q2_K, "Q2_K", 256, 84},
    {GgmlType::Q3_K, "Q3_K", 256, 110},
    {GgmlType::Q4_K, "Q4_K", 256, 144},
    {GgmlType::Q5_K, "Q5_K", 256, 176},
    {GgmlType::Q6_K, "Q6_K", 256, 210},
    {GgmlType::IQ2_XXS, "IQ2_XXS", 256, 66},
    {GgmlType::IQ2_XS, "IQ2_XS", 256, 74},
    {GgmlType::IQ3_XXS, "IQ3_XXS", 256, 98},
    {GgmlType::IQ1_S, "IQ1_S", 256, 50},
    {GgmlType::IQ4_NL, "IQ4_NL", 32, 18},
    {GgmlType::IQ3_S, "IQ3_S", 256, 110},
    {GgmlType::IQ2_S, "IQ2_S", 256, 82},
    {GgmlType::IQ4_XS, "IQ4_XS", 256, 136},
    {GgmlType::I8, "I8", 1, 1},
    {GgmlType::I16, "I16", 1, 2},
    {GgmlType::I32, "I32", 1, 4},
    {GgmlType::I64, "I64", 1, 8},
    {GgmlType::F64, "F64", 1, 8},
    {GgmlType::IQ1_M, "IQ1_M", 256, 56},
    {GgmlType::BF16, "BF16", 1, 2},
    {GgmlType::TQ1_0, "TQ1_0", 256, 54},
    {GgmlType::TQ2_0, "TQ2_0", 256, 66},
    {GgmlType::MXFP4, "MXFP4", 32, 17},
};

std::span<const GgmlTypeInfo> lathe::runtime::ggmlTypes() { return kTypes; }

const GgmlTypeInfo *lathe::runtime::findGgmlType(GgmlType type) {
  auto *row = std::find_if(std::begin(kTypes), std::end(kTypes),
                           [&](const auto &info) { return info.type == type; });
  return row == std::end(kTypes) ? nullptr : row;
}

std::string_view lathe::runtime::ggufKindName(GgufKind kind) {
  static constexpr std::string_view kNames[] = {
      "u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
      "bool", "string", "array", "u64", "i64", "f64"};
  size_t index = static_cast<size_t>(kind);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

uint64_t lathe::runtime::ggufKindBytes(GgufKind kind) {
  switch (kind) {
  case GgufKind::U8:
  case GgufKind::I8:
  case GgufKind::Bool:
    return 1;
  case GgufKind::U16:
  case GgufKind::I16:
    return 2;
  case GgufKind::U32:
  case GgufKind::I32:
  case GgufKind::F32:
    return 4;
  case GgufKind::U64:
  case GgufKind::I64:
  case GgufKind::F64:
    return 8;
  case GgufKind::String:
  case GgufKind::Array:
    return 0;
  }
  return 0;
}

std::string lathe::runtime::ggufShownName(std::string_view name) {
  constexpr size_t kLongest = 100;
  if (name.size() <= kLongest)
    return std::string(name);
  return std::string(name.substr(0, kLongest)) + "...";
}
