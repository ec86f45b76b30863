//===- Sampler.h - The next token from its logits ---------------*- C++ -*-===//
//
// The order is fixed, and is the one of Hugging Face's generation:
//
//   1. repetition penalty  logit > 0: divided by it, else multiplied, once for
//                          each id that occurs in prompt or text
//   2. temperature         logits / temperature; 0 takes the largest and ends
//   3. top-k               the k largest (equal to the k-th: lower ids first)
//   4. top-p               of those, by falling probability, the fewest whose
//                          sum reaches p
//   5. min-p               of those, at least p times the largest probability
//   6. draw                by inverse transform in falling order of probability
//
// Ids less likely than 2^-60 times the most likely one are never drawn.
// Probabilities are in float64. The random number of a draw is Philox-4x32-10
// at (seed, index of the draw), so text does not depend on what else runs.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_SAMPLER_H
#define LATHE_RUNTIME_SAMPLER_H

#include "runtime/Status.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace lathe::runtime {

struct SamplingOptions {
  float temperature = 0;
  int32_t topK = 0;
  float topP = 0;
  float minP = 0;
  float repetitionPenalty = 0;
  uint64_t seed = 0;
};

/// Philox-4x32-10 of counter and key. Source: Salmon, Moraes, Dror and Shaw,
/// "Parallel Random Numbers: As Easy as 1, 2, 3" (2011).
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter,
                               std::array<uint32_t, 2> key);

/// The number in [0, 1) of draw \p index under \p seed, a multiple of 2^-53.
double uniformDraw(uint64_t seed, uint64_t index);

/// The index of the largest of \p logits, the lowest among equals; NaN is never
/// larger than anything. Not for an empty list.
int32_t argmax(std::span<const float> logits);

/// Chooses the ids of one sequence.
class Sampler {
public:
  /// Fails with InvalidArgument: a setting that is NaN or out of its range
  /// (temperature >= 0, top-k >= 0, top-p and min-p in [0, 1], penalty >= 0).
  static Result<Sampler> create(const SamplingOptions &options,
                                int64_t vocabulary);

  /// True where next() only ever takes the largest logit.
  bool isGreedy() const;
  /// Tells the sampler of an id of prompt or text, for the penalty.
  void observe(int32_t id);
  /// The next id. \p logits has the vocabulary's length. Fails with DeviceError
  /// if no logit is a number.
  Result<int32_t> next(std::span<const float> logits);

private:
  Sampler() = default;
  bool hasPenalty() const;
  void collect(std::span<const float> logits);
  void dropUnlikely();
  int32_t draw();

  SamplingOptions options;
  uint64_t draws = 0;
  std::vector<bool> seen; ///< By id; empty without a penalty.
  std::vector<std::pair<float, int32_t>> candidates;
  std::vector<double> weights; ///< Of the first candidates, sorted.
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SAMPLER_H
