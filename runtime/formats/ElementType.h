//===- ElementType.h - What one element of a tensor is ----------*- C++ -*-===//
#ifndef LATHE_RUNTIME_FORMATS_ELEMENTTYPE_H
#define LATHE_RUNTIME_FORMATS_ELEMENTTYPE_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lathe::runtime {

/// The first eight values are those of ElementType in schema/artifact.fbs; the
/// others occur in files only.
enum class ElementType : uint8_t {
  F32 = 0,
  F16 = 1,
  BF16 = 2,
  F64 = 3,
  I8 = 4,
  U8 = 5,
  I32 = 6,
  I64 = 7,

  Bool = 64,
  I16 = 65,
  F8E4M3 = 66,
  F8E5M2 = 67,
};

/// Bytes of one element; 0 for a value that is not in the enumeration.
constexpr size_t elementBytes(ElementType type) {
  switch (type) {
  case ElementType::F64:
  case ElementType::I64:
    return 8;
  case ElementType::F32:
  case ElementType::I32:
    return 4;
  case ElementType::F16:
  case ElementType::BF16:
  case ElementType::I16:
    return 2;
  case ElementType::I8:
  case ElementType::U8:
  case ElementType::Bool:
  case ElementType::F8E4M3:
  case ElementType::F8E5M2:
    return 1;
  }
  return 0;
}

/// The name in safetensors files, such as "BF16" or "F8_E4M3"; empty for a
/// value that is not in the enumeration.
constexpr std::string_view elementName(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return "F32";
  case ElementType::F16:
    return "F16";
  case ElementType::BF16:
    return "BF16";
  case ElementType::F64:
    return "F64";
  case ElementType::I8:
    return "I8";
  case ElementType::U8:
    return "U8";
  case ElementType::I32:
    return "I32";
  case ElementType::I64:
    return "I64";
  case ElementType::Bool:
    return "BOOL";
  case ElementType::I16:
    return "I16";
  case ElementType::F8E4M3:
    return "F8_E4M3";
  case ElementType::F8E5M2:
    return "F8_E5M2";
  }
  return "";
}

/// The inverse of elementName; nothing for another name.
constexpr std::optional<ElementType> elementFromName(std::string_view name) {
  for (ElementType type :
       {ElementType::F32, ElementType::F16, ElementType::BF16, ElementType::F64,
        ElementType::I8, ElementType::U8, ElementType::I32, ElementType::I64,
        ElementType::Bool, ElementType::I16, ElementType::F8E4M3,
        ElementType::F8E5M2})
    if (elementName(type) == name)
      return type;
  return std::nullopt;
}

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FORMATS_ELEMENTTYPE_H
