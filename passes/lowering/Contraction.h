//===- Contraction.h - What a kernel rooted in a linear layer is *- C++ -*-===//
#ifndef LATHE_PASSES_LOWERING_CONTRACTION_H
#define LATHE_PASSES_LOWERING_CONTRACTION_H

#include "dialects/lathe/Lathe.h"
#include "passes/lowering/KernelAbi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>

namespace lathe {

/// Columns of an argument seen as a matrix with a row for each token.
struct MatrixView {
  mlir::BlockArgument argument;
  mlir::Type element;
  /// Elements from one row to the next, and before the first column.
  int64_t rowStride = 0;
  int64_t offset = 0;
};

/// The argument behind reshapes that keep the rows and slices of columns; none
/// where \p value is computed, or a view of another kind.
std::optional<MatrixView> matrixViewOf(mlir::Value value);

/// Whether \p dot is an instruction on tile registers.
inline bool isAmx(DotKind dot) {
  return dot == DotKind::AmxBf16 || dot == DotKind::AmxBytes;
}

/// The parts of a kernel that LowerContraction takes.
struct Contraction {
  LinearOp linear;
  ScheduleAttr schedule;
  PackedAttr packing;
  /// f32, bf16 or f16.
  mlir::Type weightElement;
  /// Of the input: f32, bf16 beside a weight of bf16, or i8 where it is
  /// quantised.
  mlir::Type activationElement;
  /// How the input is quantised; null where it is not.
  QuantAttr inputQuant;
  /// Rows are dimension 0 of this type, K is its dimension 1.
  mlir::RankedTensorType inputType;
  /// N of the weight.
  int64_t columns = 0;
  /// Where the input stands in an argument; none where it is computed first, or
  /// quantised.
  std::optional<MatrixView> plainInput;
  /// Whether the input is computed row by row, before the sums.
  bool hasPrologue = false;
  /// Whether the kernel is for few rows, all in one block.
  bool isForFewRows = false;
  /// Columns of the kernel's results: N, or N/2 behind a gate.
  int64_t resultColumns = 0;
  bool isGated = false;
  /// Columns of a head, where results are computed head by head, rotated or
  /// written to a cache; 0 where they are elementwise.
  int64_t headSize = 0;
  /// What of the result's rows is kept, where that is the largest number of
  /// each panel; null where it is the rows themselves.
  PanelArgmaxOp panelArgmax;
  /// Terms of a chunk of the sum; K where it is one chain.
  int64_t chunk = 0;

  int64_t depth() const { return inputType.getDimSize(1); }
  /// Whether the products are those of AMX.
  bool isOnAmx() const { return isAmx(schedule.getDot()); }
  /// Address of the packed weight.
  mlir::Value weightBase(const KernelFrame &frame) const;
};

/// Whether \p kernel runs on at most kFewRows rows.
bool isForFewRows(mlir::func::FuncOp kernel, LinearOp linear);

/// The AMX instruction that multiplies \p linear: whole steps of 64 bytes of a
/// row in one chain. None where the types or sizes are others. It does not
/// depend on the number of rows.
std::optional<DotKind> amxDotOf(LinearOp linear);

/// Columns of the heads that \p kernel makes of the result of its linear layer,
/// to rotate them or to append them to a cache; 0 where it does not.
int64_t headSizeOf(mlir::func::FuncOp kernel);

/// The contraction that \p kernel computes, or none where it is another kind of
/// kernel, or one with an op that has no vector form.
std::optional<Contraction> matchContraction(mlir::func::FuncOp kernel);

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_CONTRACTION_H
