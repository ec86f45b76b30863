//===- KernelCosts.h - What a launch of a kernel does -----------*- C++ -*-===//
//
// Floating-point operations and bytes of a kernel, as sums over its ops, so
// that a new fusion needs no rule here. What an op computes inside the kernel
// moves no bytes; an operand counts by what of it the ops read, once.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_ANALYSIS_KERNELCOSTS_H
#define LATHE_PASSES_ANALYSIS_KERNELCOSTS_H

#include "dialects/rt/Rt.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineMap.h"

namespace lathe {

/// The parts of an `rt.cost`, over the symbols of the program.
struct KernelCost {
  mlir::AffineMap flops;
  /// Of each buffer of a launch: the operands, then the results that are not
  /// tied. In bytes; of several results of a map the smallest counts.
  llvm::SmallVector<mlir::AffineMap> reads, writes;
  /// rt::PairsAttr.
  llvm::SmallVector<mlir::Attribute> pairs;
  rt::Arithmetic arithmetic = rt::Arithmetic::F32;
};

/// Counts what a launch of \p kernel does, an outlined kernel that is not
/// lowered, as maps from \p symbols, whose largest values are \p maxima.
///
/// A multiply-add is 2 operations, any other operation or function of one
/// element 1: the table is at the top of KernelCosts.cpp. An op that is not
/// known there counts 1 an element of its first result and reads its operands
/// whole. Decoding of quantised weights does not count.
///
/// The arithmetic is that of the operands' types, whether or not a level has
/// instructions for it: pairs where a linear layer or attention multiplies bf16
/// by bf16, bytes where a linear layer's input is quantised by rows, else f32;
/// f32 too where a kernel has several that differ.
///
/// Fails, without a message, where a size has no name among the symbols, or the
/// numbers could leave the range of the artifact's checks.
mlir::FailureOr<KernelCost>
countKernelCost(mlir::func::FuncOp kernel,
                llvm::ArrayRef<mlir::StringAttr> symbols,
                llvm::ArrayRef<int64_t> maxima);

} // namespace lathe

#endif // LATHE_PASSES_ANALYSIS_KERNELCOSTS_H
