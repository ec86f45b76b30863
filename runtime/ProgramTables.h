//===- ProgramTables.h - Reading the generated tables -----------*- C++ -*-===//
#ifndef LATHE_RUNTIME_PROGRAMTABLES_H
#define LATHE_RUNTIME_PROGRAMTABLES_H

#include "runtime/schema/artifact_generated.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace lathe::runtime {

/// Element \p index of a list of the program, which must have it.
template <typename Vector>
auto at(const Vector &vector, size_t index) {
  return vector.Get(static_cast<flatbuffers::uoffset_t>(index));
}

/// True if the numbers of \p list can be read in place: the FlatBuffers
/// verifier looks at the alignment of the list's length only.
template <typename T>
bool isAligned(const flatbuffers::Vector<T> &list) {
  return list.size() == 0 ||
         reinterpret_cast<uintptr_t>(list.Data()) % alignof(T) == 0;
}

/// A name for a message.
inline std::string quote(const flatbuffers::String &name) {
  return "'" + name.str() + "'";
}

/// Size of an element in bytes; 0 for a value that is no type.
constexpr size_t elementBytes(artifact::ElementType type) {
  switch (type) {
  case artifact::ElementType_I8:
  case artifact::ElementType_U8:
    return 1;
  case artifact::ElementType_F16:
  case artifact::ElementType_BF16:
    return 2;
  case artifact::ElementType_F32:
  case artifact::ElementType_I32:
    return 4;
  case artifact::ElementType_F64:
  case artifact::ElementType_I64:
    return 8;
  }
  return 0;
}

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PROGRAMTABLES_H
