//===- GgufBytes.h - Writes the parts of a GGUF file ------------*- C++ -*-===//
#ifndef LATHE_TESTS_UNIT_FORMATS_GGUFBYTES_H
#define LATHE_TESTS_UNIT_FORMATS_GGUFBYTES_H

#include "runtime/formats/GgufTypes.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Bytes of a GGUF file, written value by value.
struct GgufBytes {
  std::string text;

  template <typename T>
  GgufBytes &add(T value) {
    text.append(reinterpret_cast<const char *>(&value), sizeof(value));
    return *this;
  }
  GgufBytes &name(std::string_view value) {
    add(uint64_t(value.size()));
    text += value;
    return *this;
  }
  GgufBytes &key(std::string_view value, lathe::runtime::GgufKind kind) {
    return name(value).add(kind);
  }
  GgufBytes &tensor(std::string_view value, std::vector<int64_t> dims,
                    lathe::runtime::GgmlType type, uint64_t offset) {
    name(value).add(uint32_t(dims.size()));
    for (int64_t dim : dims)
      add(dim);
    return add(type).add(offset);
  }
};

#endif // LATHE_TESTS_UNIT_FORMATS_GGUFBYTES_H
