//===- WeightWriter.h - Evaluates weights and writes them -------*- C++ -*-===//
#ifndef LATHE_COMPILER_EMIT_WEIGHTWRITER_H
#define LATHE_COMPILER_EMIT_WEIGHTWRITER_H

#include "compiler/Timing.h"
#include "compiler/emit/WeightEvaluator.h"
#include "runtime/Status.h"
#include "runtime/formats/ArtifactWriter.h"
#include "runtime/schema/artifact_generated.h"

#include <memory>
#include <vector>

namespace lathe {

/// Evaluates the weights of a program and gives them to a section.
class WeightWriter {
public:
  using Buffers = std::vector<std::unique_ptr<artifact::BufferT>>;

  /// \p evaluator, which has checked its files, knows each of \p buffers, which
  /// are in the order of their offsets; both must outlive the writer.
  WeightWriter(WeightEvaluator &evaluator, const Buffers &buffers)
      : evaluator(evaluator), buffers(buffers) {}

  /// Gives the weights to \p sink one after the other, zeros between them.
  /// Pieces of them are evaluated by \p threads threads meanwhile, each of
  /// which has one in memory; by this one if it is 1. Fails as evaluator and
  /// \p sink do.
  runtime::Status write(unsigned threads, const runtime::SectionSink &sink);

  /// Wall time of write().
  double seconds() const { return allSeconds; }
  /// Adds the step "weights".
  void addTo(TimingTable &timing) const;

private:
  /// Some rows of the weight `index`, or all of one that has none alone.
  struct Piece {
    size_t index;
    RowRange rows;
  };
  /// A value, and how long it took.
  struct Evaluated {
    runtime::Result<HostTensor> value;
    double seconds;
  };

  std::vector<Piece> pieces() const;
  Evaluated evaluate(const Piece &piece);
  runtime::Status writePiece(const Piece &piece, const HostTensor &tensor,
                             const runtime::SectionSink &sink);

  WeightEvaluator &evaluator;
  const Buffers &buffers;
  uint64_t written = 0; ///< Bytes.
  double evaluateSeconds = 0, writeSeconds = 0, allSeconds = 0;
};

} // namespace lathe

#endif // LATHE_COMPILER_EMIT_WEIGHTWRITER_H
