//===- EntryConverter.h - One entry in the rt dialect -----------*- C++ -*-===//
#ifndef LATHE_PASSES_PLAN_ENTRYCONVERTER_H
#define LATHE_PASSES_PLAN_ENTRYCONVERTER_H

#include "dialects/lathe/Lathe.h"
#include "dialects/rt/Rt.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

#include <optional>

namespace lathe {

/// What the conversion of every entry needs to know of the module, and adds to.
struct RtProgram {
  llvm::SmallVector<mlir::StringAttr> symbols;
  llvm::SmallVector<int64_t> maxima;
  /// Parameters and states that entries read, in the order of their first use.
  llvm::SetVector<mlir::Operation *> weights, states;
};

/// Converts one entry: a function of launches into an rt.entry in its place.
/// Values become buffers. Errors are emitted at the op that cannot be
/// converted.
class EntryConverter {
public:
  EntryConverter(mlir::func::FuncOp entry, RtProgram &program,
                 mlir::SymbolTable &table)
      : entry(entry), program(program), table(table),
        buffers(entry.getContext()), commands(entry.getContext()),
        bindings(entry.getContext()) {}

  mlir::LogicalResult convert();

private:
  /// A buffer, and the values that have lain in it.
  struct Buffer {
    rt::BufferOp op;
    llvm::SmallVector<mlir::Value, 2> values;
  };
  using BufferIndex = unsigned;

  mlir::FailureOr<BufferIndex>
  addBuffer(mlir::Value value, llvm::StringRef name, rt::BufferKind kind);
  mlir::FailureOr<mlir::AffineExpr> symbolLimit(unsigned input,
                                                llvm::StringRef attribute);
  mlir::LogicalResult addInput(mlir::BlockArgument argument);
  mlir::LogicalResult addSymbolValue(mlir::Operation *op,
                                     mlir::FlatSymbolRefAttr symbol,
                                     rt::BufferKind kind);
  mlir::LogicalResult convertCall(mlir::func::CallOp call);
  mlir::ArrayAttr variantsOf(mlir::func::CallOp call,
                             mlir::func::FuncOp kernel) const;
  mlir::FailureOr<BufferIndex> placeResult(mlir::func::CallOp call,
                                           unsigned number);
  mlir::FailureOr<BufferIndex> placeTied(mlir::func::CallOp call,
                                         unsigned number, unsigned operand);
  mlir::LogicalResult convertSetState(SetStateOp set);
  mlir::LogicalResult convertReturn(mlir::func::ReturnOp op);
  mlir::LogicalResult convertOp(mlir::Operation &op);
  bool isReadAfter(const Buffer &buffer, mlir::Operation *op) const;
  bool keepsState(mlir::Value value, BufferIndex state) const;
  void copy(mlir::Location loc, BufferIndex source, BufferIndex target);
  rt::BufferKind kindOfResult(mlir::OpResult result) const;
  mlir::FlatSymbolRefAttr refTo(BufferIndex index) {
    return mlir::FlatSymbolRefAttr::get(all[index].op.getSymNameAttr());
  }

  mlir::func::FuncOp entry;
  RtProgram &program;
  mlir::SymbolTable &table;
  /// Three places in the rt.entry: buffers, then bindings, then commands.
  mlir::OpBuilder buffers, commands, bindings;
  llvm::SmallVector<Buffer> all;
  llvm::DenseMap<mlir::Value, BufferIndex> bufferOf;
  llvm::DenseMap<mlir::Attribute, BufferIndex> bufferOfSymbol;
  llvm::StringSet<> names;
  unsigned duplicates = 0;
};

} // namespace lathe

#endif // LATHE_PASSES_PLAN_ENTRYCONVERTER_H
