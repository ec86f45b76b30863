//===- LatheVerifiers.h - What verifiers of several ops ask -----*- C++ -*-===//
#ifndef LATHE_DIALECTS_LATHE_LATHEVERIFIERS_H
#define LATHE_DIALECTS_LATHE_LATHEVERIFIERS_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

inline bool isPacked(mlir::RankedTensorType type) {
  return llvm::isa_and_nonnull<PackedAttr>(type.getEncoding());
}

inline bool isFiniteAbove0(const llvm::APFloat &value) {
  return value.isFiniteNonZero() && !value.isNegative();
}

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_LATHEVERIFIERS_H
