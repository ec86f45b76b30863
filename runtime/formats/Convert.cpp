//===- Convert.cpp - Between f32 and its 16-bit forms ---------------------===//

#include "runtime/formats/Convert.h"

#include <cassert>
#include <cstring>

using namespace lathe::runtime;

void lathe::runtime::halfToFloat(std::span<const uint16_t> codes,
                                 std::span<float> values) {
  assert(codes.size() == values.size());
  for (size_t i = 0; i < codes.size(); ++i)
    values[i] = halfToFloat(codes[i]);
}

void lathe::runtime::floatToHalf(std::span<const float> values,
                                 std::span<uint16_t> codes) {
  assert(codes.size() == values.size());
  for (size_t i = 0; i < values.size(); ++i)
    codes[i] = floatToHalf(values[i]);
}

void lathe::runtime::bfloatToFloat(std::span<const uint16_t> codes,
                                   std::span<float> values) {
  assert(codes.size() == values.size());
  for (size_t i = 0; i < codes.size(); ++i)
    values[i] = bfloatToFloat(codes[i]);
}

void lathe::runtime::floatToBfloat(std::span<const float> values,
                                   std::span<uint16_t> codes) {
  assert(codes.size() == values.size());
  for (size_t i = 0; i < values.size(); ++i)
    codes[i] = floatToBfloat(values[i]);
}

/// Reads elements of type T, at any alignment, through \p convert.
template <typename T, typename Convert>
static void readEach(std::span<const std::byte> bytes, std::span<float> values,
                     Convert convert) {
  for (size_t i = 0; i < values.size(); ++i) {
    T element;
    std::memcpy(&element, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = convert(element);
  }
}

bool lathe::runtime::readFloats(ElementType type,
                                std::span<const std::byte> bytes,
                                std::span<float> values) {
  size_t width = elementBytes(type);
  if (width == 0 || bytes.size() % width != 0 ||
      bytes.size() / width != values.size())
    return false;
  switch (type) {
  case ElementType::F32:
    if (!bytes.empty())
      std::memcpy(values.data(), bytes.data(), bytes.size());
    return true;
  case ElementType::F16:
    readEach<uint16_t>(bytes, values,
                       [](uint16_t x) { return halfToFloat(x); });
    return true;
  case ElementType::BF16:
    readEach<uint16_t>(bytes, values,
                       [](uint16_t x) { return bfloatToFloat(x); });
    return true;
  case ElementType::F64:
    readEach<double>(bytes, values,
                     [](double x) { return static_cast<float>(x); });
    return true;
  default:
    return false;
  }
}
