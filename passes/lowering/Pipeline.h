//===- Pipeline.h - From one kernel on tensors to LLVM ----------*- C++ -*-===//
#ifndef LATHE_PASSES_LOWERING_PIPELINE_H
#define LATHE_PASSES_LOWERING_PIPELINE_H

#include "llvm/ADT/StringRef.h"

namespace mlir {
class DialectRegistry;
class OpPassManager;
} // namespace mlir

namespace lathe {

/// Adds the passes that take a module of kernel functions on tensors to ABI
/// functions in scf, vector, arith and llvm.
///
/// \param level name of a level of the schedule table, e.g. "x86-64-v4".
/// \param optLevel 0 builds the slow twin: scalar loops with float64 sums.
void buildKernelLowering(mlir::OpPassManager &pm, llvm::StringRef level,
                         int optLevel);

/// Adds the upstream conversions that take what buildKernelLowering leaves to
/// the llvm dialect alone.
void buildLlvmLowering(mlir::OpPassManager &pm);

/// Both, one after the other.
void buildKernelPipeline(mlir::OpPassManager &pm, llvm::StringRef level,
                         int optLevel);

/// Registers the dialects that kernels are made of, before, in and after the
/// pipeline.
void registerKernelDialects(mlir::DialectRegistry &registry);

/// Registers `--lathe-kernel-pipeline="level=… opt=…"` with the option parser.
void registerKernelPipeline();

} // namespace lathe

#endif // LATHE_PASSES_LOWERING_PIPELINE_H
