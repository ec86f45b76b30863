//===- Pipeline.h - The passes of the compiler, in order --------*- C++ -*-===//
#ifndef LATHE_COMPILER_PIPELINE_H
#define LATHE_COMPILER_PIPELINE_H

#include "compiler/Compiler.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace lathe {

/// Each adds the passes from the phase before it (compiler/Compiler.h), and the
/// check of what it may leave. \p optLevel 0 adds only what a program cannot do
/// without.
void buildImportPasses(mlir::OpPassManager &pm);
void buildGraphPasses(mlir::OpPassManager &pm, int optLevel,
                      const Precision &precision = {});
void buildKernelPasses(mlir::OpPassManager &pm, int optLevel);
void buildPlanPasses(mlir::OpPassManager &pm);
void buildRtPasses(mlir::OpPassManager &pm);

} // namespace lathe

#endif // LATHE_COMPILER_PIPELINE_H
