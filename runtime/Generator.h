//===- Generator.h - Text from a decoder's step entries ---------*- C++ -*-===//
//
// Continuous batching: each step is one call of the program over a flat list of
// tokens, one of each sequence that writes and as much of the waiting prompts
// as fits. Sequences own slots, slots own pages of the key-value cache.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_GENERATOR_H
#define LATHE_RUNTIME_GENERATOR_H

#include "runtime/Context.h"
#include "runtime/Sampler.h"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::runtime {

struct Sequence;

struct GenerationRequest {
  std::vector<int32_t> prompt;
  /// Most ids to write; 0: what the context holds.
  int64_t maxTokens = 0;
  SamplingOptions sampling;
  std::vector<std::string> stopStrings;
  std::vector<int32_t> stopIds;
  bool ignoreEos = false;
  bool keepSpecial = false;
};

enum class Finish { Running = 0, StopId = 1, StopString = 2, Length = 3 };

struct GeneratedToken {
  int64_t sequence;
  int32_t id;
  Finish finish;
  std::string text; ///< What became complete.
};

struct GenerationStats {
  uint64_t promptTokens = 0;
  uint64_t newTokens = 0;
  uint64_t steps = 0;
  uint64_t promptNanoseconds = 0; ///< Calls with prompt tokens.
  uint64_t decodeNanoseconds = 0; ///< Calls without.
  uint64_t decodeTokens = 0;      ///< Tokens of the latter.
};

/// Belongs to the thread of its context, which it must not outlive.
class Generator {
public:
  /// Fails with Unsupported: the model has no `step` entry, or not of the shape
  /// that docs/design.md gives it.
  static Result<std::unique_ptr<Generator>> create(Context &context);
  ~Generator();

  /// Takes in a sequence, or changes nothing; its number. Fails with
  /// InvalidArgument and ResourceExhausted (no free slot or pages now).
  Result<int64_t> add(GenerationRequest request);
  /// Takes out a sequence before its end. Fails with NotFound.
  Status remove(int64_t sequence);
  /// Sequences that are not over.
  size_t active() const;
  /// One call of the program. What came of it lives until the next step. After
  /// std::bad_alloc the next step goes on where this one ended: no token is
  /// lost or written twice.
  Result<std::span<const GeneratedToken>> step();
  /// Most tokens that a step gives.
  size_t mostResults() const {
    return static_cast<size_t>(std::min(maxRows, slots));
  }
  const GenerationStats &stats() const { return statistics; }

private:
  struct Batch;
  /// An entry, and where its inputs tokens, positions, sequences, rows and
  /// page_table are.
  struct Step {
    size_t entry = SIZE_MAX;
    std::array<size_t, 5> inputs = {};
  };
  Generator() = default;

  Status findEntries();
  Status checkRequest(GenerationRequest &request) const;
  Result<std::unique_ptr<Sequence>>
  makeSequence(GenerationRequest &request) const;
  void appendTokens(Sequence &sequence, size_t room);
  bool fillBatch();
  Result<bool> startBatch();
  Status runBatch(const Step &step);
  Status takeResults(const Step &step);
  void release(Sequence &sequence);

  Context *context = nullptr;
  Step logitsStep;
  Step greedyStep;
  const Step *current = nullptr; ///< That of the batch.
  int64_t slots = 0;
  int64_t slotPages = 0;
  int64_t pages = 0;
  int64_t pagePositions = 0;
  int64_t maxTokens = 0;
  int64_t maxRows = 0;
  std::vector<int32_t> pageTable; ///< [slots, slotPages]
  std::vector<int32_t> freePages;
  std::vector<int32_t> freeSlots;
  std::vector<std::unique_ptr<Sequence>> sequences;
  std::unique_ptr<Batch> batch;
  std::vector<GeneratedToken> results;
  GenerationStats statistics;
  int64_t nextSequence = 0;
  size_t rotation = 0;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_GENERATOR_H
