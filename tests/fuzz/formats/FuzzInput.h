//===- FuzzInput.h - What the fuzz targets of formats share -----*- C++ -*-===//
#ifndef LATHE_TESTS_FUZZ_FORMATS_FUZZINPUT_H
#define LATHE_TESTS_FUZZ_FORMATS_FUZZINPUT_H

#include "runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

/// Ends the run as a finding if a property does not hold. Unlike assert it
/// works in release builds.
inline void require(bool holds) {
  if (!holds)
    std::abort();
}

/// A refusal must name the file "f" and be of a code that a file can cause.
inline void requireClean(const lathe::runtime::Status &status) {
  using lathe::runtime::StatusCode;
  require(status.message().starts_with("f: ") &&
          status.message().size() < 2000);
  require(status.code() == StatusCode::InvalidFile ||
          status.code() == StatusCode::Unsupported ||
          status.code() == StatusCode::ResourceExhausted);
}

inline std::span<const std::byte> asBytes(const uint8_t *data, size_t size) {
  return std::as_bytes(std::span(data, size));
}

inline std::string_view asText(const uint8_t *data, size_t size) {
  return {reinterpret_cast<const char *>(data), size};
}

#endif // LATHE_TESTS_FUZZ_FORMATS_FUZZINPUT_H
