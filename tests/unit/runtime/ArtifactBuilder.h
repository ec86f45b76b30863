//===- ArtifactBuilder.h - Small artifacts made by hand ---------*- C++ -*-===//
#ifndef LATHE_TESTS_UNIT_RUNTIME_ARTIFACTBUILDER_H
#define LATHE_TESTS_UNIT_RUNTIME_ARTIFACTBUILDER_H

#include "runtime/MappedMemory.h"
#include "runtime/schema/artifact_generated.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lathe::testing {

/// Indices of the symbols of the programs below.
enum Symbol : uint32_t { kTokens, kRows, kPages, kSlots, kSlotPages };

inline constexpr int64_t kMaxTokens = 64;
inline constexpr int64_t kVocabulary = 16;
inline constexpr int64_t kPagePositions = 4;

using ExpressionPtr = std::unique_ptr<artifact::ExpressionT>;
/// The expression that \p code is.
ExpressionPtr expression(std::vector<int64_t> code);
ExpressionPtr constant(int64_t value);
ExpressionPtr symbol(uint32_t index);
/// \p factor times a symbol.
ExpressionPtr times(uint32_t index, int64_t factor);

/// A program that a test may change before it is built.
struct ArtifactBuilder {
  artifact::ProgramT program;
  std::vector<std::byte> weights;
  std::vector<std::byte> code;
  /// The tokenizer's section; left out where empty.
  std::vector<std::byte> tokenizer;

  /// Entries:
  ///   scale(x[tokens, 4]) -> y[tokens, 4]   x times the weight (1, 2, 3, 4),
  ///                  by way of a temporary; above 8 tokens, 1000 more;
  ///                  counts its tokens in the state `total`
  ///   fill() -> z[8]                        i8: a fill with 5, copied
  ///   table() -> z[2]                       i32: 7, 8
  ///   fail() -> z[1]                        the kernel's failure 7
  ///   step, step_greedy                     a decoder: the next id is the sum
  ///                  of id times (position mod 3 + 1) over the sequence, mod
  ///                  16
  static ArtifactBuilder create();

  artifact::EntryT &entry(const std::string &name);
  artifact::BufferT &buffer(const std::string &entryName,
                            const std::string &name);
  artifact::KernelT &kernel(const std::string &name);

  /// The file's bytes, in aligned memory.
  runtime::MappedMemory build() const;
  /// The bytes of another program section in the same file.
  runtime::MappedMemory
  buildWith(std::span<const std::byte> programBytes) const;
  std::vector<std::byte> programBytes() const;
};

/// The id that the fake decoder of the builder writes after \p ids.
int32_t expectedNext(std::span<const int32_t> ids);

/// The ELF image of TestKernels.c.
std::vector<std::byte> testKernelImage();

} // namespace lathe::testing

#endif // LATHE_TESTS_UNIT_RUNTIME_ARTIFACTBUILDER_H
