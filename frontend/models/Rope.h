//===- Rope.h - Frequencies of rotary position embedding --------*- C++ -*-===//
#ifndef LATHE_FRONTEND_MODELS_ROPE_H
#define LATHE_FRONTEND_MODELS_ROPE_H

#include "frontend/models/ConfigReader.h"
#include "frontend/models/TransformerConfig.h"

#include <cstdint>
#include <string>
#include <vector>

namespace lathe {

/// What a table of cosines and sines is made of.
struct RopeFrequencies {
  /// Radians a position, one for each pair of elements that is rotated.
  std::vector<double> frequencies;
  /// Factor of the cosines and sines.
  double scale = 1.0;
};

/// Reads the rope fields of \p reader in either layout: rope_parameters, or
/// rope_theta with rope_scaling (whose kind is `rope_type` or `type`).
/// \p config has context, heads and head size already. Kinds that are not
/// known fail with Unsupported.
void readRope(ConfigReader &reader, TransformerConfig &config,
              double defaultTheta = 10000.0);

/// The frequencies for positions below \p context, computed in f32 step by
/// step where the reference implementation does so, because a rounding error
/// grows with the position. \p config.context is what the config allows.
///
/// Two kinds depend on \p context, where the reference has the longest sequence
/// of a call, whose results then hang on what else is in it: beyond
/// \p config.context dynamic is stretched for \p context positions, beyond the
/// original context longrope takes the long factors. InvalidFile where the
/// config gives no finite numbers.
///
/// Source: "Extending context window of large language models via positional
/// interpolation" (linear), "YaRN" (2023), "LongRoPE" (2024), Llama 3.1;
/// dynamic as in transformers.
runtime::Result<RopeFrequencies>
ropeFrequencies(const TransformerConfig &config, int64_t context);

/// The longest context, at most \p config.context, for which the frequencies
/// are those of a short sequence.
int64_t ropeContext(const TransformerConfig &config);

/// What \p context changes for sequences of every length, as a sentence without
/// a full stop; empty where it changes nothing.
std::string ropeNote(const TransformerConfig &config, int64_t context);

} // namespace lathe

#endif // LATHE_FRONTEND_MODELS_ROPE_H
