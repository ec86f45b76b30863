//===- LetterTokenizer.h - Tokenizers for the fake decoder ------*- C++ -*-===//
#ifndef LATHE_TESTS_UNIT_RUNTIME_LETTERTOKENIZER_H
#define LATHE_TESTS_UNIT_RUNTIME_LETTERTOKENIZER_H

#include <cstddef>
#include <vector>

namespace lathe::testing {

/// Tables of a tokenizer whose id i, of 16, is the i-th letter from 'a'.
std::vector<std::byte> letterTables();

/// The same with a decoder of many steps, as llama has: its last three ids are
/// the bytes of a euro sign, the one before is "▁". The letters from 'd' stand
/// 40 times in their token, so that a string of it needs memory.
std::vector<std::byte> byteTables();

} // namespace lathe::testing

#endif // LATHE_TESTS_UNIT_RUNTIME_LETTERTOKENIZER_H
