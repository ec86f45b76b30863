//===- ElementTypes.h - MLIR's element types as the schema's ----*- C++ -*-===//
#ifndef LATHE_COMPILER_EMIT_ELEMENTTYPES_H
#define LATHE_COMPILER_EMIT_ELEMENTTYPES_H

#include "runtime/formats/ElementType.h"

#include "mlir/IR/BuiltinTypes.h"

#include <optional>

namespace lathe {

/// The element type of files and artifacts that \p type is, if there is one.
inline std::optional<runtime::ElementType> elementTypeOf(mlir::Type type) {
  using runtime::ElementType;
  if (type.isF32())
    return ElementType::F32;
  if (type.isF16())
    return ElementType::F16;
  if (type.isBF16())
    return ElementType::BF16;
  if (type.isF64())
    return ElementType::F64;
  if (type.isUnsignedInteger(8))
    return ElementType::U8;
  if (type.isInteger(8))
    return ElementType::I8;
  if (type.isInteger(32))
    return ElementType::I32;
  if (type.isInteger(64))
    return ElementType::I64;
  return std::nullopt;
}

} // namespace lathe

#endif // LATHE_COMPILER_EMIT_ELEMENTTYPES_H
