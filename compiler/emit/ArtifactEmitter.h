//===- ArtifactEmitter.h - From the rt dialect to a file --------*- C++ -*-===//
#ifndef LATHE_COMPILER_EMIT_ARTIFACTEMITTER_H
#define LATHE_COMPILER_EMIT_ARTIFACTEMITTER_H

#include "compiler/Timing.h"
#include "compiler/emit/WeightEvaluator.h"
#include "runtime/Status.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstddef>
#include <span>
#include <string>

namespace lathe {

/// The machine code of one `rt.target`.
struct TargetImage {
  std::string name;
  std::string elf;
};

/// What an artifact holds that the rt module does not.
struct ArtifactParts {
  /// One for each rt.target, in any order.
  std::span<const TargetImage> images;
  /// Tables of runtime/text; empty for none.
  std::span<const std::byte> tokenizerTables;
  /// Threads that evaluate weights; at least 1.
  unsigned threads = 1;
  /// Gets the steps "weights" and "file"; null: nothing is measured.
  TimingTable *timing = nullptr;
};

/// Writes \p module, verified and on the rt level, to \p path: sections for the
/// program, code by target, tokenizer and weights, in this order. Weights come
/// from \p weights, a piece a thread at a time. The same inputs give the same
/// bytes; the file appears whole or not at all. Unsupported if the program is
/// too large for its section or a size cannot be expressed; else as
/// WeightEvaluator and runtime::writeArtifact.
runtime::Status emitArtifact(mlir::ModuleOp module, const ArtifactParts &parts,
                             WeightEvaluator &weights, const std::string &path);

} // namespace lathe

#endif // LATHE_COMPILER_EMIT_ARTIFACTEMITTER_H
