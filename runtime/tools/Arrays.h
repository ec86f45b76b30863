//===- Arrays.h - Named arrays that a user gives and gets -----------------===//
#ifndef LATHE_RUNTIME_TOOLS_ARRAYS_H
#define LATHE_RUNTIME_TOOLS_ARRAYS_H

#include "runtime/formats/ElementType.h"
#include "runtime/tools/Console.h"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace lathe::tools {

/// A row-major array in memory.
struct Array {
  runtime::ElementType type = runtime::ElementType::F32;
  std::vector<int64_t> dims; ///< Elements, outermost first.
  std::vector<std::byte> bytes;
  std::string file = ""; ///< That it was read from, for messages.

  /// Number of elements.
  int64_t size() const;

  /// Prints that \p what is wrong with the input \p name and its file.
  Exit fail(const std::string &name, const std::string &what) const;
};

using Arrays = std::map<std::string, Array>;

/// Reads one `-i` argument into \p arrays: `NAME=x.npy`, `x.safetensors` or
/// `x.safetensors:PREFIX` (tensors whose name begins with PREFIX, without it).
/// PREFIX is all after the last colon unless a file of the whole name exists.
/// `isWhole` gets false for a single named array. A name given twice is Usage.
Exit readArrays(const std::string &argument, Arrays &arrays);

/// Writes \p arrays as the `-o` arguments say: `NAME=y.npy` one of them,
/// `out.safetensors` all.
Exit writeArrays(const std::vector<std::string> &arguments,
                 const Arrays &arrays);

/// Checks `-o` arguments before any work: form, and names among \p names where
/// that is not empty.
Exit checkOutputs(const std::vector<std::string> &arguments);

/// The elements of an integer or boolean array as i64. Fails with Cannot for
/// other types.
Exit asIntegers(const std::string &name, const Array &array,
                std::vector<int64_t> &values);

} // namespace lathe::tools

#endif // LATHE_RUNTIME_TOOLS_ARRAYS_H
