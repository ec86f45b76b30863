//===- WeightWriter.cpp - Evaluates weights and writes them ---------------===//

#include "compiler/emit/WeightWriter.h"

#include "runtime/abi/ArtifactFormat.h"

#include <deque>
#include <future>

using namespace lathe;
using runtime::Result;
using runtime::SectionSink;
using runtime::Status;

/// Elements of a piece: what it is made of and its own bytes then stay in a
/// second-level cache, or not far from it.
static constexpr int64_t kPieceElements = int64_t(1) << 19;

std::vector<WeightWriter::Piece> WeightWriter::pieces() const {
  std::vector<Piece> pieces;
  for (size_t index = 0; index < buffers.size(); ++index) {
    RowSteps steps = evaluator.rowSteps(buffers[index]->name);
    if (steps.rows == 0)
      pieces.push_back({index, {}});
    int64_t perStep = std::max<int64_t>(steps.step * steps.elementsPerRow, 1);
    int64_t size = steps.step * std::max<int64_t>(kPieceElements / perStep, 1);
    for (int64_t begin = 0; begin < steps.rows; begin += size)
      pieces.push_back({index, {begin, std::min(begin + size, steps.rows)}});
  }
  return pieces;
}

WeightWriter::Evaluated WeightWriter::evaluate(const Piece &piece) {
  StopWatch watch;
  const std::string &name = buffers[piece.index]->name;
  Result<HostTensor> value = piece.rows.size() > 0
                                 ? evaluator.evaluate(name, piece.rows)
                                 : evaluator.evaluate(name);
  return {std::move(value), watch.seconds()};
}

Status WeightWriter::writePiece(const Piece &piece, const HostTensor &tensor,
                                const SectionSink &sink) {
  // Never more than a page lies between two weights.
  static constexpr std::byte kZeros[LATHE_ARTIFACT_PAGE] = {};
  StopWatch watch;
  if (piece.rows.begin == 0) {
    uint64_t offset = buffers[piece.index]->offset;
    LATHE_RETURN_IF_ERROR(sink(std::span(kZeros).first(offset - written)));
    written = offset;
  }
  LATHE_RETURN_IF_ERROR(sink(tensor.bytes()));
  written += tensor.bytes().size();
  writeSeconds += watch.seconds();
  return Status::ok();
}

Status WeightWriter::write(unsigned threads, const SectionSink &sink) {
  StopWatch watch;
  std::vector<Piece> all = pieces();
  // Deferred: evaluated where it is asked for, in this thread.
  auto policy = threads > 1 ? std::launch::async : std::launch::deferred;
  std::deque<std::future<Evaluated>> ahead;
  size_t started = 0;
  auto startMore = [&] {
    for (; started < all.size() && ahead.size() < threads; ++started)
      ahead.push_back(std::async(policy, &WeightWriter::evaluate, this,
                                 std::cref(all[started])));
  };
  startMore();
  for (const Piece &piece : all) {
    Evaluated evaluated = ahead.front().get();
    ahead.pop_front();
    startMore();
    evaluateSeconds += evaluated.seconds;
    if (!evaluated.value.isOk())
      return evaluated.value.takeStatus();
    LATHE_RETURN_IF_ERROR(writePiece(piece, *evaluated.value, sink));
  }
  allSeconds = watch.seconds();
  return Status::ok();
}

void WeightWriter::addTo(TimingTable &timing) const {
  timing.addStep("weights", allSeconds, bytesAndRate(written, allSeconds));
  timing.addPart("read, transform and pack", evaluateSeconds,
                 bytesAndRate(evaluator.bytesRead(), evaluateSeconds));
  timing.addPart("hash and write", writeSeconds,
                 bytesAndRate(written, writeSeconds));
}
