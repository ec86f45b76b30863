//===- GgufValue.cpp - Values of a GGUF file's metadata -------------------===//

#include "runtime/formats/Gguf.h"
#include "runtime/formats/Reader.h"

#include <limits>

using namespace lathe::runtime;

static std::string_view asText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

static bool isInteger(GgufKind kind) {
  return ggufKindBytes(kind) && kind != GgufKind::Bool &&
         kind != GgufKind::F32 && kind != GgufKind::F64;
}

static bool isFloat(GgufKind kind) {
  return kind == GgufKind::F32 || kind == GgufKind::F64;
}

/// The next integer of \p kind; nothing for a u64 past the largest int64_t.
static std::optional<int64_t> readInteger(Reader &reader, GgufKind kind) {
  switch (kind) {
  case GgufKind::U8:
    return *reader.read<uint8_t>();
  case GgufKind::I8:
    return *reader.read<int8_t>();
  case GgufKind::U16:
    return *reader.read<uint16_t>();
  case GgufKind::I16:
    return *reader.read<int16_t>();
  case GgufKind::U32:
    return *reader.read<uint32_t>();
  case GgufKind::I32:
    return *reader.read<int32_t>();
  case GgufKind::I64:
    return *reader.read<int64_t>();
  default:
    break;
  }
  uint64_t value = *reader.read<uint64_t>();
  if (value > uint64_t(std::numeric_limits<int64_t>::max()))
    return std::nullopt;
  return int64_t(value);
}

static double readFloat(Reader &reader, GgufKind kind) {
  return kind == GgufKind::F32 ? *reader.read<float>() : *reader.read<double>();
}

Status GgufValue::error(std::string_view message, StatusCode code) const {
  return Status::error(code, *file + ": " + ggufShownName(name) + ": " +
                                 std::string(message));
}

Status GgufValue::expect(bool wantsArray, bool isKind,
                         std::string_view expected) const {
  if (isKind && wantsArray == array)
    return Status::ok();
  return error("expected " + std::string(expected) + ", got " +
               (array ? "an array of " : "") +
               std::string(ggufKindName(elementKind)));
}

Result<int64_t> GgufValue::asInt() const {
  LATHE_RETURN_IF_ERROR(expect(false, isInteger(elementKind), "an integer"));
  Reader reader(bytes);
  std::optional<int64_t> value = readInteger(reader, elementKind);
  if (!value)
    return error("is too large for an integer of 63 bits");
  return *value;
}

Result<double> GgufValue::asFloat() const {
  LATHE_RETURN_IF_ERROR(expect(false, isFloat(elementKind), "a f32 or f64"));
  Reader reader(bytes);
  return readFloat(reader, elementKind);
}

Result<bool> GgufValue::asBool() const {
  LATHE_RETURN_IF_ERROR(expect(false, elementKind == GgufKind::Bool, "a bool"));
  return bytes.front() != std::byte(0);
}

Result<std::string_view> GgufValue::asString() const {
  LATHE_RETURN_IF_ERROR(
      expect(false, elementKind == GgufKind::String, "a string"));
  return asText(bytes.subspan(sizeof(uint64_t)));
}

Result<std::vector<int64_t>> GgufValue::asInts() const {
  LATHE_RETURN_IF_ERROR(
      expect(true, isInteger(elementKind), "an array of integers"));
  std::vector<int64_t> values;
  values.reserve(count);
  Reader reader(bytes);
  for (uint64_t i = 0; i < count; ++i) {
    std::optional<int64_t> value = readInteger(reader, elementKind);
    if (!value)
      return error("element " + std::to_string(i) +
                   " is too large for an integer of 63 bits");
    values.push_back(*value);
  }
  return values;
}

Result<std::vector<double>> GgufValue::asFloats() const {
  LATHE_RETURN_IF_ERROR(
      expect(true, isFloat(elementKind), "an array of f32 or f64"));
  std::vector<double> values;
  values.reserve(count);
  Reader reader(bytes);
  for (uint64_t i = 0; i < count; ++i)
    values.push_back(readFloat(reader, elementKind));
  return values;
}

Result<std::vector<std::string_view>> GgufValue::asStrings() const {
  LATHE_RETURN_IF_ERROR(
      expect(true, elementKind == GgufKind::String, "an array of strings"));
  std::vector<std::string_view> values;
  values.reserve(count);
  Reader reader(bytes);
  // The parser has walked over them: each read is within the bytes.
  for (uint64_t i = 0; i < count; ++i)
    values.push_back(asText(*reader.take(*reader.read<uint64_t>())));
  return values;
}
