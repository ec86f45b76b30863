//===- RowBuilder.h - Kernels that work row by row --------------*- C++ -*-===//
//
// Everything that is neither a contraction nor attention treats each token by
// itself: norms, activations, embeddings, rotation, pooling, the writing of a
// cache. A kernel of such ops is written token by token, 16 columns at a time:
//
// 1. ops that need a whole row before they give their first number (norms,
//    argmax) run their sums, and park an input that is itself computed;
// 2. the results are computed and stored, all of one shape in one loop.
//
// All other ops are evaluated where they are used. Views cost nothing: a column
// is counted from the start of the token, whatever the shape around it.
//
// The same code serves a contraction: its input, computed row by row into
// scratch before the sums, and what is done to the heads of its result, a few
// columns of which are at hand as sums.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_ROWBUILDER_H
#define LATHE_PASSES_LOWERING_ROWBUILDER_H

#include "passes/lowering/KernelAbi.h"
#include "passes/lowering/KernelCode.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"

namespace lathe {

class QuantRows;

/// True if \p kernel has no op with a lowering of its own: no linear layer and
/// no attention.
bool isRowKernel(mlir::func::FuncOp kernel);

/// Checks that RowBuilder can write \p kernel; an error names the op that it
/// cannot.
mlir::LogicalResult checkRowKernel(mlir::func::FuncOp kernel);

/// Checks that RowBuilder can write the values \p targets of \p kernel, which
/// are computed by row ops from arguments and from \p root (may be null).
mlir::LogicalResult checkRowValues(mlir::func::FuncOp kernel,
                                   llvm::ArrayRef<mlir::Value> targets,
                                   mlir::Value root);

/// Writes a row kernel, or values of another kernel that are computed row by
/// row. Only for what checkRowKernel() or checkRowValues() accepts.
class RowBuilder {
public:
  /// A value to write, and the address (!llvm.ptr) of its token 0.
  struct Target {
    mlir::Value value, base;
  };

  /// For all results of the kernel.
  explicit RowBuilder(KernelFrame &frame);
  /// For \p targets, with scratch from \p scratch on.
  RowBuilder(KernelFrame &frame, llvm::ArrayRef<Target> targets,
             mlir::Value scratch);

  /// The type whose first dimension counts the kernel's tokens.
  mlir::RankedTensorType tokenType() const { return countedType; }

  /// Writes all of \p token (i64).
  void emitToken(mlir::Value token);

  /// Columns [begin, end) (i64) of the matrix `value`, whole heads of what is
  /// computed from it; column c of the token at hand is at `row`[c] (f32).
  struct Columns {
    mlir::Value value, row, begin, end;
  };
  /// Writes what of \p token is computed from \p columns. All targets are.
  void emitColumns(mlir::Value token, const Columns &columns);

  /// What the code written so far needs.
  int64_t scratchBytes() const { return usedScratch; }

private:
  /// 16 neighbouring numbers of a row. `lanes` of them count.
  struct Place {
    mlir::Value token;   ///< First index.
    mlir::Value column;  ///< Counted from the start of the token.
    mlir::Value inRow;   ///< Counted from the start of the row (of the head).
    int64_t segment = 0; ///< A column of the row from which this loop started.
    int64_t lanes = kLanes;
  };

  /// A value that was written to memory and is read back from there.
  struct Parked {
    mlir::Value base;
    mlir::Type element;
    bool isRowOnly; ///< One row, of f32, in scratch; else a whole tensor.
  };

  /// What a norm found out about its row: factors as vectors.
  struct RowFacts {
    mlir::Value mean;  ///< Null for norms without one.
    mlir::Value scale; ///< 1 / deviation; for l2_normalize the length.
  };

  /// Something that is stored where it is computed: a target, or the new key or
  /// value of an append.
  struct Store {
    enum class Kind { Target, Key, Value } kind;
    mlir::Value source; ///< What is evaluated.
    mlir::Value target; ///< The target, or the pages after the append.
  };
  /// Stores of one shape, computed together, from `firstColumn` on of the
  /// matrix that emitColumns() is given.
  struct Group {
    mlir::RankedTensorType shape;
    int64_t firstColumn;
    llvm::SmallVector<Store> stores;
  };
  /// Heads of a group (i64).
  struct Heads {
    mlir::Value begin, end;
  };

  void collectGroups();
  void addStore(mlir::RankedTensorType shape, const Store &store);
  mlir::Value baseOf(mlir::Value target) const;
  void emitTokenFacts(mlir::Value token);
  void emitGroup(const Group &group, mlir::Value token, const Heads &heads);
  void emitRow(const Group &group, mlir::Value token, mlir::Value head);
  void storeAt(const Group &group, llvm::ArrayRef<Place> places);
  void storeTarget(mlir::Value target, mlir::Value numbers, const Place &place);
  void storeAppended(const Store &store, mlir::Value numbers,
                     const Place &place);
  /// Rounds the head that storeAppended() has kept of \p store, and stores it.
  void storeQuantised(const Store &store, mlir::Value head);
  static llvm::SmallVector<mlir::Value> sourcesOf(const Group &group);
  int64_t rotatedHalf(const Group &group) const;

  void emitWholeRow(mlir::Operation *op, mlir::Value token, mlir::Value head);
  /// The lanes' sums of a norm's row, or of its squares; parks what it
  /// computes.
  mlir::Value sumRow(mlir::Operation *norm, mlir::Value token,
                     mlir::Value head);
  void emitNorm(mlir::Operation *op, mlir::Value token, mlir::Value head);
  void emitArgmax(ArgmaxOp op, mlir::Value token);
  void emitPanelArgmax(PanelArgmaxOp op, mlir::Value token);
  /// Stores \p number to element \p index (i64) of \p target.
  void storeScalar(mlir::Value number, mlir::Value target, mlir::Value index);

  struct QuantTarget;
  void emitQuantize(mlir::Operation *op, mlir::Value token);
  void quantizeRow(QuantizeOp op, mlir::Value token, const QuantTarget &target);
  void quantizeGroups(QuantizeOp op, mlir::Value token,
                      const QuantTarget &target);
  void storeQuanta(const QuantTarget &target, mlir::Value quanta,
                   mlir::Value scale, const Place &place);
  void storeScale(const QuantTarget &target, mlir::Value scale,
                  mlir::Value group);
  void storeQuantaSum(const QuantTarget &target, mlir::Value quanta,
                      mlir::Value index);

  mlir::Value meanOf(mlir::Value sum, int64_t size);
  mlir::Value park(mlir::Value value, int64_t size);
  void parkAt(mlir::Value value, mlir::Value numbers, const Place &place);
  /// From now on reads \p value, all of whose row parkAt() has stored.
  void notePark(mlir::Value value);

  /// Calls \p body for each 16 columns of [\p first, \p last) of a row, with
  /// \p carried from one to the next.
  KernelCode::Values overColumns(
      mlir::RankedTensorType shape, mlir::Value token, mlir::Value head,
      int64_t first, int64_t last, mlir::ValueRange carried,
      llvm::function_ref<KernelCode::Values(const Place &, mlir::ValueRange)>
          body);

  /// \p value at \p place, as 16 x f32.
  mlir::Value evaluate(mlir::Value value, const Place &place);
  mlir::Value evaluateOp(mlir::OpResult value, const Place &place);
  mlir::Value evaluateArith(mlir::Operation *op, const Place &place);
  mlir::Value evaluateNorm(mlir::Operation *op, const Place &place);
  mlir::Value evaluateGather(GatherOp op, const Place &place);
  mlir::Value loadQuantised(mlir::Value base, mlir::RankedTensorType type,
                            mlir::Value row, const Place &place);
  mlir::Value loadBytes(mlir::Value base, const QuantRows &layout,
                        mlir::Value start, const Place &place);
  mlir::Value loadPacked(mlir::Value base, mlir::RankedTensorType type,
                         mlir::Value start, const Place &place);
  mlir::Value evaluateRope(RopeOp op, const Place &place);
  mlir::Value evaluatePool(PoolOp op, const Place &place);
  mlir::Value loadTensor(mlir::Value base, mlir::RankedTensorType type,
                         const Place &place);
  mlir::Value loadRow(mlir::Value row, mlir::Value inRow);

  KernelFrame &frame;
  KernelCode code;
  mlir::RankedTensorType countedType;
  llvm::SmallVector<Target> targets;
  llvm::SetVector<mlir::Operation *> needed; ///< What the targets come of.
  llvm::SmallVector<Group> groups;
  mlir::Value scratch;

  // Of the token at hand.
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Value, 2>>
      tokenFacts; ///< gather, rope: start of the table's row; append: page and
                  ///< place; pool: first and last token.
  llvm::DenseMap<mlir::Operation *, RowFacts> rowFacts;
  llvm::DenseMap<mlir::Value, Parked> parked;
  llvm::DenseMap<mlir::Value, int64_t> scratchPlaces;
  int64_t usedScratch = 0;
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_ROWBUILDER_H
