//===- KernelAbi.h - Frame of a kernel in machine terms ---------*- C++ -*-===//
//
// What every lowering of a kernel starts and ends with. A kernel comes in as a
// `func.func` on tensors (docs/design.md, 8.2) and goes out as
//
//     func.func @k(%args: !llvm.ptr, %scratch: !llvm.ptr,
//                  %begin: i64, %end: i64) -> i32
//         attributes {lathe.kernel, lathe.tiles = …, lathe.scratch_bytes = …}
//
// the function type of runtime/abi/KernelAbi.h. All sizes and indices are i64,
// all memory is reached by llvm.getelementptr, llvm.load and llvm.store, so
// nothing is left to bufferize.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_KERNELABI_H
#define LATHE_PASSES_LOWERING_KERNELABI_H

#include "dialects/lathe/Lathe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OwningOpRef.h"

namespace lathe {

/// Names of the attributes of kernel functions.
inline constexpr llvm::StringLiteral kKernelAttr = "lathe.kernel";
inline constexpr llvm::StringLiteral kSymbolsAttr = "lathe.symbols";
inline constexpr llvm::StringLiteral kScheduleAttr = "lathe.schedule";
inline constexpr llvm::StringLiteral kTilesAttr = "lathe.tiles";
inline constexpr llvm::StringLiteral kScratchAttr = "lathe.scratch_bytes";
/// On a result: the operand that is updated in place.
inline constexpr llvm::StringLiteral kTiedAttr = "lathe.tied";
/// Most rows of a call that the kernel is for; any number without it.
inline constexpr llvm::StringLiteral kRowLimitAttr = "lathe.row_limit";

/// Rows of a call up to which kernels of their own serve it, that are bound by
/// the weights they read.
inline constexpr int64_t kFewRows = 16;

/// Names of the attributes of launches: kernels for fewer rows than the
/// callee's (an array of rt.variant), and up to which value of which symbol
/// nothing runs.
inline constexpr llvm::StringLiteral kVariantsAttr = "lathe.variants";
inline constexpr llvm::StringLiteral kSkippedAttr = "lathe.skipped_to";
inline constexpr llvm::StringLiteral kSkippedSymbolAttr =
    "lathe.skipped_symbol";

/// True if \p function is a kernel that still is on tensors: the test with
/// which each lowering starts.
bool isUnloweredKernel(mlir::func::FuncOp function);

/// The symbols that the types of \p kernel name, in the order of
/// `LatheKernelArgs.scalars`: its `lathe.symbols`, or, where that is missing,
/// in order of first appearance over operands, then results.
llvm::SmallVector<mlir::StringAttr> kernelSymbols(mlir::func::FuncOp kernel);

/// Rewrites one kernel function in place. open() empties it, the lowering
/// builds the new body through builder(), close() ends it:
///
///     KernelFrame frame = KernelFrame::open(kernel);
///     Value rows = frame.size(inputType, 0);
///     ... frame.builder() ... frame.buffer(frame.source().getArgument(0)) ...
///     frame.close(frame.symbolExpr("tokens").ceilDiv(64), /*scratch=*/0);
///
/// Whatever can make a lowering fail is checked before open(): after it there
/// is no way back.
class KernelFrame {
public:
  static KernelFrame open(mlir::func::FuncOp kernel);

  /// The kernel as it was, detached: its arguments, its ops and its
  /// `func.return`, to read from. Lives as long as the frame.
  mlir::func::FuncOp source() const { return *original; }

  /// Inserts into the new body. After open() it stands in the entry block,
  /// behind the loads of the frame.
  mlir::OpBuilder &builder() { return *body; }

  /// Base address (!llvm.ptr) of the buffer of \p sourceArgument, an argument
  /// of source(). 64-byte aligned, readable 64 bytes past its end.
  mlir::Value buffer(mlir::BlockArgument sourceArgument) const;

  /// Base address of the buffer that result \p index is written to: its own,
  /// or that of the operand it is tied to.
  mlir::Value resultBuffer(unsigned index) const;

  /// Dimension \p dim of \p type as i64: a constant, or the value of its
  /// symbol. Defined in the entry block, so usable everywhere.
  mlir::Value size(mlir::RankedTensorType type, int64_t dim) const;

  /// Value (i64) of the symbol \p name. It must be one of the kernel's.
  mlir::Value symbol(llvm::StringRef name) const;

  /// Dimension \p dim of \p type as an expression over the kernel's symbols,
  /// to build the map of close() from.
  mlir::AffineExpr sizeExpr(mlir::RankedTensorType type, int64_t dim) const;

  /// The function's own arguments.
  mlir::Value scratch() const { return scratchBase; } ///< !llvm.ptr
  mlir::Value begin() const { return firstTile; }     ///< i64
  mlir::Value end() const { return lastTile; }        ///< i64, exclusive

  /// The number of the launch (i64), and the header of the scratch (!llvm.ptr),
  /// where a kernel notes what it has computed once a worker.
  mlir::Value launch() const { return launchNumber; }
  mlir::Value header() const { return scratchHeader; }

  /// Returns 0 at the builder's place, which must be the end of the entry
  /// block, and records how many tiles a launch has, and what scratch a worker
  /// needs in bytes.
  void close(mlir::AffineExpr tiles, int64_t scratchBytes);

private:
  KernelFrame() = default;

  mlir::func::FuncOp kernel;
  mlir::OwningOpRef<mlir::func::FuncOp> original;
  std::unique_ptr<mlir::OpBuilder> body;
  llvm::SmallVector<mlir::Value> buffers; // operands, then untied results
  llvm::SmallVector<unsigned> resultSlots;
  llvm::SmallVector<mlir::StringAttr> symbols;
  llvm::SmallVector<mlir::Value> symbolValues;
  llvm::DenseMap<int64_t, mlir::Value> constants;
  mlir::Value scratchBase, firstTile, lastTile, launchNumber, scratchHeader;
};

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// i64 constant.
mlir::Value buildIndex(mlir::OpBuilder &builder, mlir::Location loc,
                       int64_t value);

/// `base + index * sizeof(element)`, index an i64 counting elements.
mlir::Value buildElementPtr(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::Value base, mlir::Type element,
                            mlir::Value index);

/// The same with a constant index.
mlir::Value buildElementPtr(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::Value base, mlir::Type element,
                            int64_t index);

/// Loads a number or a vector of \p type from \p pointer, which needs only the
/// alignment of an element.
mlir::Value buildLoad(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Type type, mlir::Value pointer);

/// Stores a number or a vector, aligned as an element.
void buildStore(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                mlir::Value pointer);

/// A mask of \p lanes whose lanes l < \p count (i64; may be negative or past
/// `lanes`) are set.
mlir::Value buildPrefixMask(mlir::OpBuilder &builder, mlir::Location loc,
                            int64_t lanes, mlir::Value count);

/// Loads the lanes that \p mask sets; the others are 0 and not read.
mlir::Value buildMaskedLoad(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::VectorType type, mlir::Value pointer,
                            mlir::Value mask);

/// Stores the lanes that \p mask sets.
void buildMaskedStore(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Value value, mlir::Value pointer, mlir::Value mask);

/// Widens \p value, a number or vector of f32, bf16 or f16, to f32, exactly.
/// bf16 is a shift, so that no level needs instructions for it.
mlir::Value buildWiden(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::Value value);

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_KERNELABI_H
