//===- ModelSampling.h - How a model asks to be sampled ---------*- C++ -*-===//
//
// generation_config.json says what the generation of Hugging Face's
// transformers does unless told otherwise. Lathe does a part of that. What it
// does not do is refused by name, never left out: the text would be another.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_TOOLS_MODELSAMPLING_H
#define LATHE_RUNTIME_TOOLS_MODELSAMPLING_H

#include "runtime/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::tools {

/// What a model asks for, in the terms of lathe_sampling_t: 0 is "not".
struct ModelSampling {
  float temperature = 0;
  int32_t topK = 0;
  float topP = 0;
  float minP = 0;
  float repetitionPenalty = 0;
  /// Each has a character, and none a NUL.
  std::vector<std::string> stops;
  /// Fields that nobody knows, in the text's order; nothing was done for them.
  std::vector<std::string> unknown;
};

/// Reads \p text, the JSON of a generation_config.json; \p file begins the
/// messages. Temperature, top-k, top-p and min-p are 0 unless `do_sample` is
/// true; the repetition penalty and the stop strings count either way, as they
/// do in transformers. Lengths (`max_length`, `max_new_tokens`) and what only
/// changes speed, memory or the form of the answer are passed over.
/// Fails with Unsupported: a field asks for what Lathe does not do.
/// InvalidFile: the JSON is broken, or a field is of the wrong kind or out of
/// its range.
runtime::Result<ModelSampling> readModelSampling(std::string_view text,
                                                 const std::string &file);

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_MODELSAMPLING_H
