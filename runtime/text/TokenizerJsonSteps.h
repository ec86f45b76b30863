//===- TokenizerJsonSteps.h - What steps have in common ---------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_TOKENIZERJSONSTEPS_H
#define LATHE_RUNTIME_TEXT_TOKENIZERJSONSTEPS_H

#include "runtime/text/TokenizerReaders.h"

namespace lathe::runtime::text {

/// Unsupported, naming \p type, at \p value.
Status refuseType(JsonValue value, std::string_view type);

/// Reads each part of a Sequence, the elements of its member \p key, by
/// \p read.
Status readSequence(JsonValue sequence, std::string_view key,
                    Status (*read)(JsonValue, TokenizerSpec &),
                    TokenizerSpec &spec);

/// Reads a Replace into \p step. Its kind is \p literal, or ReplaceMatches for
/// a regular expression, where \p literal allows one.
Status readReplace(JsonValue value, StepKind literal, TokenizerSpec &spec,
                   SpecStep &step);

struct Metaspace {
  std::string_view replacement; ///< Of the JSON text.
  MetaspaceScheme scheme;
  bool splits;
};

/// Reads a Metaspace, which is a pre-tokenizer and a decoder.
Result<Metaspace> readMetaspace(JsonValue value);

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_TOKENIZERJSONSTEPS_H
