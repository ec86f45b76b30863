//===- TrieBuilder.h - Makes a double-array trie ----------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_TEXT_TRIEBUILDER_H
#define LATHE_RUNTIME_TEXT_TRIEBUILDER_H

#include "runtime/text/Tables.h"

#include <string>
#include <utility>
#include <vector>

namespace lathe::runtime::text {

/// A trie of \p keys and their values. Empty keys are left out; of equal keys
/// the one with the largest value counts. No keys give no cells.
std::vector<TrieCell>
buildTrie(std::vector<std::pair<std::string_view, int32_t>> keys);

} // namespace lathe::runtime::text

#endif // LATHE_RUNTIME_TEXT_TRIEBUILDER_H
