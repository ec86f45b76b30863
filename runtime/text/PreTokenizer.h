//===- PreTokenizer.h - From a text to its words ----------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_PRETOKENIZER_H
#define LATHE_RUNTIME_TEXT_PRETOKENIZER_H

#include "runtime/text/Model.h"

#include <string>

namespace lathe::runtime::text {

/// Splits text into words and gives each to a model. Each step splits what the
/// steps before it made, so a word is encoded as soon as it is known and no
/// list of words exists.
class PreTokenizer {
public:
  PreTokenizer(const Tables &tables, Model &model, std::vector<int32_t> &ids)
      : tables(tables), model(model), ids(ids),
        buffers(tables.preTokenizers.size()) {}

  /// Appends the ids of \p text. \p isFirst says that it begins the input.
  Status run(std::string_view text, bool isFirst) {
    return runFrom(0, text, isFirst);
  }

private:
  Status runFrom(size_t stepIndex, std::string_view text, bool isFirst);
  Status split(size_t stepIndex, std::string_view text, bool isFirst);

  const Tables &tables;
  Model &model;
  std::vector<int32_t> &ids;
  std::vector<std::string> buffers; ///< What a step that changes text made.
};

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_PRETOKENIZER_H
