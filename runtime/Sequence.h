//===- Sequence.h - One sequence from its prompt to its end -----*- C++ -*-===//
#ifndef LATHE_RUNTIME_SEQUENCE_H
#define LATHE_RUNTIME_SEQUENCE_H

#include "runtime/Generator.h"
#include "runtime/text/Tokenizer.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lathe::runtime {

/// What a generator knows of one text. A plain record, but for the text itself.
struct Sequence {
  explicit Sequence(Sampler sampler) : sampler(std::move(sampler)) {}

  /// Works out what \p id brings. Changes nothing that is seen, so it may be
  /// asked again after it threw for lack of memory.
  GeneratedToken prepare(int32_t id);
  /// Takes in what prepare() gave. Allocates nothing.
  void commit(const GeneratedToken &token);

  int64_t number = 0;
  int32_t slot = 0;
  std::vector<int32_t> ids; ///< Prompt and text; has room for all of it.
  size_t cached = 0;        ///< How many of them are in the cache.
  size_t promptCount = 0;
  int64_t maxTokens = 0;
  std::vector<int32_t> pages;
  std::vector<int32_t> stopIds;
  std::vector<std::string> stopStrings;
  std::optional<StreamDecoder> decoder;
  Sampler sampler;
  std::optional<int32_t> chosen; ///< The id of this step, once it is drawn.
  bool isOver = false;

private:
  std::string held;     ///< Text that may begin a stop string.
  std::string nextHeld; ///< The same after the token that is prepared.
  /// What the decoder gave for that token. It gives it once only.
  std::optional<std::string> piece, tail;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SEQUENCE_H
