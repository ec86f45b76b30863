//===- Lathe.h - The lathe dialect: Transformer blocks on tensors ---------===//
#ifndef LATHE_DIALECTS_LATHE_LATHE_H
#define LATHE_DIALECTS_LATHE_LATHE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/lathe/LatheDialect.h.inc"
#include "dialects/lathe/LatheEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/lathe/LatheAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/lathe/LatheOps.h.inc"

namespace lathe {

/// Positions that one page of a key-value cache holds.
inline constexpr int64_t kPagePositions = 32;

/// Columns of a panel, of packed weights as of lathe.panel_argmax.
inline constexpr int64_t kPanelColumns = 32;

/// Keys that attention treats as one chunk of its ordered sum.
inline constexpr int64_t kAttentionChunk = 128;

/// Returns `tensor<shape x element>` whose dynamic sizes are named by
/// \p symbols, one for each kDynamic of \p shape, in order; without an encoding
/// where \p shape is static.
mlir::RankedTensorType tensorType(llvm::ArrayRef<int64_t> shape,
                                  mlir::Type element,
                                  llvm::ArrayRef<llvm::StringRef> symbols = {});

/// Returns the symbol that names dynamic dimension \p dim of \p type, or an
/// empty string where the dimension is static or unnamed.
llvm::StringRef symbolOfDim(mlir::RankedTensorType type, int64_t dim);

/// How the rows of \p type (the heads of pages) are quantised: its encoding, or
/// the quant of its `#lathe.dims`; null where they are plain or packed.
QuantAttr rowQuantOf(mlir::RankedTensorType type);

/// \p type, neither packed nor of a file, with its rows quantised by \p quant;
/// plain where that is null.
mlir::RankedTensorType withRowQuant(mlir::RankedTensorType type,
                                    QuantAttr quant);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_LATHE_H
