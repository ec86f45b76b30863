//===- Rt.h - The rt dialect: an artifact as IR ---------------------------===//
#ifndef LATHE_DIALECTS_RT_RT_H
#define LATHE_DIALECTS_RT_RT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"

#include "dialects/rt/RtDialect.h.inc"
#include "dialects/rt/RtEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/rt/RtAttrs.h.inc"

namespace lathe::rt {
class EntryOp;
class KernelOp;
} // namespace lathe::rt

#define GET_OP_CLASSES
#include "dialects/rt/RtOps.h.inc"

namespace lathe::rt {

/// Names of the nested modules of a module on this level.
inline constexpr llvm::StringLiteral kWeightsModule = "weights";
inline constexpr llvm::StringLiteral kKernelsModule = "kernels";

/// Whether the schema's ElementType has \p type.
bool isElementType(mlir::Type type);

} // namespace lathe::rt

#endif // LATHE_DIALECTS_RT_RT_H
