//===- GgufEncoding.h - GGUF's element types as MLIR's ----------*- C++ -*-===//
#ifndef LATHE_FRONTEND_WEIGHTS_GGUFENCODING_H
#define LATHE_FRONTEND_WEIGHTS_GGUFENCODING_H

#include "runtime/formats/GgufTypes.h"

#include "mlir/IR/BuiltinTypes.h"

#include <span>

namespace lathe {

/// The type of a parameter that is stored as \p type, of the sizes \p dims,
/// innermost first as the file has them: an f32, f16 or bf16 tensor, or an f32
/// tensor whose encoding is the #lathe.quant of the blocks. Null for types that
/// are not supported.
mlir::RankedTensorType parameterType(mlir::MLIRContext *context,
                                     runtime::GgmlType type,
                                     std::span<const int64_t> dims);

} // namespace lathe

#endif // LATHE_FRONTEND_WEIGHTS_GGUFENCODING_H
