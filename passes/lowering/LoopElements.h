//===- LoopElements.h - One element of a kernel's tensor --------*- C++ -*-===//
//
// How the slow twin computes: any element of any tensor of a kernel, in
// float64, from the elements of its operands. Nothing is stored on the way but
// what a row needs (the mean of a norm, the sums of an attention).
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_LOWERING_LOOPELEMENTS_H
#define LATHE_PASSES_LOWERING_LOOPELEMENTS_H

#include "passes/lowering/KernelAbi.h"

#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"

namespace lathe {

class LoopElements {
public:
  /// Builds into \p frame, which must outlive this.
  explicit LoopElements(KernelFrame &frame)
      : frame(frame), builder(frame.builder()), loc(frame.source().getLoc()) {}

  /// Emits an error where \p op of a kernel's body cannot be computed.
  static mlir::LogicalResult verify(mlir::Operation *op);

  /// Computes what all elements of row \p row of \p tensor share: a row is the
  /// last dimension, \p row the indices of those before it. element() would
  /// compute it again for each element.
  void prepareRow(mlir::Value tensor, llvm::ArrayRef<mlir::Value> row);

  /// Forgets all rows. To be called where code begins that the code built
  /// before does not dominate.
  void forgetRows() { rows.clear(); }

  /// The element of \p tensor at \p indices (i64), rounded to its type: an f64,
  /// or an i64 of a tensor of integers.
  mlir::Value element(mlir::Value tensor, llvm::ArrayRef<mlir::Value> indices);

  /// Stores \p element, as element() gives it, into \p buffer of type \p type.
  void store(mlir::Value element, mlir::RankedTensorType type,
             mlir::Value buffer, llvm::ArrayRef<mlir::Value> indices);

  /// A position of a head in the pages of a cache (i64).
  struct PagePlace {
    mlir::Value page, head, inPage;
    bool isKey; ///< Keys are [D][32], values [32][D].

    /// Of element \p d.
    llvm::SmallVector<mlir::Value> indices(mlir::Value d) const {
      if (isKey)
        return {page, head, d, inPage};
      return {page, head, inPage, d};
    }
  };
  /// Stores what \p number gives for each element of a head to \p place in
  /// \p buffer of the type \p pages.
  void storeHead(mlir::RankedTensorType pages, mlir::Value buffer,
                 const PagePlace &place,
                 llvm::function_ref<mlir::Value(mlir::Value d)> number);

  /// From now on reads the elements of \p tensor from \p buffer.
  void readFrom(mlir::Value tensor, mlir::Value buffer) {
    buffers[tensor] = buffer;
  }

  /// Builds `for (i = from; i < to; ++i)` around what \p body builds. \p body
  /// takes i and the carried values and gives the next ones.
  using Body = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value, mlir::ValueRange)>;
  llvm::SmallVector<mlir::Value> loop(mlir::Value from, mlir::Value to,
                                      llvm::ArrayRef<mlir::Value> carried,
                                      Body body);

  /// Scratch that the code built so far needs, in bytes.
  int64_t scratchBytes() const { return scratchSize; }

private:
  struct Row {
    mlir::Operation *op;
    llvm::SmallVector<mlir::Value> indices;
    llvm::SmallVector<mlir::Value> values;
  };
  using Values = llvm::SmallVector<mlir::Value>;
  using Indices = llvm::ArrayRef<mlir::Value>;

  /// What the elements of one row share, prepared or computed on the spot.
  Values rowValues(mlir::Operation *op, Indices row);
  Values computeRow(mlir::Operation *op, Indices row);
  Values sequenceRange(mlir::Value sequences, mlir::Value tokens,
                       mlir::Value sequence);
  Values attend(AttentionOp op, Indices row);
  Values attend(CachedAttentionOp op, Indices row);
  /// Element \p d of \p place in the value \p pages.
  mlir::Value pagedElement(mlir::Value pages, const PagePlace &place,
                           mlir::Value d);

  /// The two attentions, told apart by where their keys and values are.
  struct Keys {
    mlir::Value from, to;
    llvm::function_ref<mlir::Value(mlir::Value key, mlir::Value d)> key, value;
  };
  template <typename Op>
  Values sumValues(Op op, Indices row, const Keys &keys);
  template <typename Op>
  mlir::Value score(Op op, Indices row, const Keys &keys, mlir::Value key);

  mlir::Value compute(mlir::OpResult result, Indices indices);
  mlir::Value computeElementwise(mlir::Operation *op, Indices indices);
  mlir::Value computeNorm(mlir::Operation *op, Indices indices);
  mlir::Value computePool(PoolOp op, Indices indices);
  mlir::Value computeQuantize(QuantizeOp op, Indices indices);
  Values quantizeGroup(QuantizeOp op, Indices row, mlir::Value first);
  Values quantFactors(QuantAttr quant, mlir::Value first,
                      llvm::function_ref<mlir::Value(mlir::Value)> at);
  mlir::Value loadQuantised(mlir::RankedTensorType type, mlir::Value buffer,
                            Indices indices);
  Values firstMaximum(mlir::Value input, mlir::Value row, mlir::Value from,
                      mlir::Value to);
  // Of quantised pages.
  mlir::Value quantHead(mlir::RankedTensorType pages, mlir::Value buffer,
                        const PagePlace &place);
  mlir::Value quantumAt(mlir::RankedTensorType pages, mlir::Value head,
                        const PagePlace &place, mlir::Value d);
  mlir::Value pageScaleAt(mlir::RankedTensorType pages, mlir::Value head,
                          const PagePlace &place);
  mlir::Value loadQuantised(mlir::RankedTensorType pages, mlir::Value buffer,
                            const PagePlace &place, mlir::Value d);
  void storeQuantised(mlir::RankedTensorType pages, mlir::Value buffer,
                      const PagePlace &place,
                      llvm::function_ref<mlir::Value(mlir::Value d)> number);
  mlir::Value computeArgmax(ArgmaxOp op, Indices indices);
  mlir::Value computePanelArgmax(mlir::OpResult result, Indices indices);
  mlir::Value computeLinear(LinearOp op, Indices indices);
  mlir::Value computeRope(RopeOp op, Indices indices);
  mlir::Value activate(ActivationKind kind, mlir::Value x);
  mlir::Value normInput(mlir::Operation *op, Indices indices);

  Values viewedIndices(mlir::Operation *view, Indices indices);
  Values splitIndices(mlir::RankedTensorType type,
                      llvm::ArrayRef<mlir::ReassociationIndices> groups,
                      Indices indices);
  Values joinIndices(mlir::RankedTensorType type,
                     llvm::ArrayRef<mlir::ReassociationIndices> groups,
                     Indices indices);

  mlir::Value scratchOf(mlir::Operation *op, int64_t bytes);
  /// Where \p tensor is in memory; null if it is computed.
  mlir::Value bufferOf(mlir::Value tensor);
  mlir::Value address(mlir::RankedTensorType type, mlir::Value buffer,
                      Indices indices);
  mlir::Value round(mlir::Value x, mlir::Type element);

  // Arithmetic on f64 and i64.
  mlir::Value number(double value);
  mlir::Value integer(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value rem(mlir::Value a, mlir::Value b);
  mlir::Value sqrt(mlir::Value a);
  mlir::Value isBelow(mlir::Value a, mlir::Value b);
  mlir::Value isEqual(mlir::Value a, mlir::Value b);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);

  KernelFrame &frame;
  mlir::OpBuilder &builder;
  mlir::Location loc;
  llvm::SmallVector<Row> rows;
  llvm::DenseMap<mlir::Value, mlir::Value> buffers;
  llvm::DenseMap<mlir::Operation *, int64_t> scratchOffsets;
  int64_t scratchSize = 0;
};

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_LOOPELEMENTS_H
